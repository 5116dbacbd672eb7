#include "unit/plane/crossroads.hpp"

#include <gtest/gtest.h>

namespace tinc::plane {
namespace {

using test::Frame;
using test::udp_frame;

class SendTest : public testing::Test {
  protected:
    std::string send_to(std::string_view destination, std::size_t data_bytes = 100) {
        roads.from_device(
            udp_frame({.source = "10.1.0.1", .destination = destination}, data_bytes));
        return roads.outcome();
    }
    Crossroads roads;
};

TEST_F(SendTest, AsksForAKeyAndUsesTcpMeanwhile) {
    roads.plane.set_sealer(gamma, std::nullopt);
    EXPECT_EQ(send_to("10.3.0.1"), "wants gamma, tcp beta");
    roads.plane.set_sealer(beta, std::nullopt);
    EXPECT_EQ(send_to("10.2.0.1"), "wants beta, tcp beta");
}

TEST_F(SendTest, UsesTheNextNodeForFramesThatAreNotProven) {
    roads.plane.set_mtu(gamma, 1'518, 500);
    EXPECT_EQ(send_to("10.3.0.1", 100), "udp gamma");
    EXPECT_EQ(send_to("10.3.0.1", 1'000), "udp beta");
}

TEST_F(SendTest, UsesTcpForFramesThatNoUdpIsProvenFor) {
    roads.plane.set_mtu(gamma, 1'518, 500);
    roads.plane.set_mtu(beta, 1'518, 600);
    EXPECT_EQ(send_to("10.3.0.1", 1'000), "tcp beta");
    EXPECT_EQ(send_to("10.2.0.1", 1'000), "tcp beta");
    EXPECT_EQ(send_to("10.2.0.1", 600 - 42), "udp beta");
    EXPECT_EQ(send_to("10.2.0.1", 600 - 41), "tcp beta");
}

TEST_F(SendTest, TrustsUdpWithoutPathMtuDiscovery) {
    roads.set_table(0);
    roads.plane.set_mtu(beta, 1'518, 0);
    EXPECT_EQ(send_to("10.2.0.1", 1'000), "udp beta");
}

TEST_F(SendTest, UsesTcpWhereTheHopWantsIt) {
    roads.set_table(wire::option::tcp_only | wire::option::pmtu_discovery);
    EXPECT_EQ(send_to("10.2.0.1"), "tcp beta");
}

TEST_F(SendTest, UsesTcpWithoutAnAddress) {
    roads.plane.set_address(beta, std::nullopt, SocketIndex{0});
    EXPECT_EQ(send_to("10.2.0.1"), "tcp beta");
}

TEST_F(SendTest, BoundsItsEvents) {
    roads.plane.set_sealer(beta, std::nullopt);
    const auto frame = udp_frame({.source = "10.1.0.1", .destination = "10.2.0.1"}, 100);
    packet::Batch batch;
    Outbox out;
    for (int i = 0; i < 100; ++i) {
        batch.clear();
        while (!batch.is_full()) batch.add().assign(frame);
        roads.plane.from_device(batch, roads.now, out);
    }
    EXPECT_LE(roads.plane.take_events().size(), 1'024U);
    EXPECT_GT(roads.plane.dropped(Drop::queue_full), 0U);
}

TEST_F(SendTest, BoundsItsOutbox) {
    roads.begin();
    for (std::size_t i = 0; i < limits::outbox_packets + 10; ++i)
        roads.plane.send_probe(beta, 64, std::nullopt, roads.now, roads.out);
    EXPECT_EQ(roads.out.datagrams().size(), limits::outbox_packets);
    EXPECT_EQ(roads.plane.dropped(Drop::queue_full), 10U);
}

TEST_F(SendTest, ProbesWithTheSizeThatIsAskedFor) {
    struct Size {
        std::size_t asked;
        std::size_t sent;
    };
    for (const auto size : {Size{0, 64}, Size{64, 64}, Size{1'000, 1'000}, Size{9'999, 1'518}}) {
        roads.begin();
        roads.plane.send_probe(beta, size.asked, std::nullopt, roads.now, roads.out);
        ASSERT_EQ(roads.out.datagrams().size(), 1U);
        const auto probe = roads.opened(roads.out.datagrams().front());
        EXPECT_EQ(probe.size(), size.sent);
        EXPECT_EQ(probe[0], std::byte{0});
        EXPECT_EQ(packet::ethertype(probe), packet::ethertype_probe);
    }
}

TEST_F(SendTest, ProbesTheLanWithABroadcast) {
    roads.begin();
    const Endpoint lan{Address::parse("255.255.255.255").value(), 655};
    roads.plane.send_probe(beta, 100, Plane::LocalTarget{lan, SocketIndex{3}}, roads.now,
                           roads.out);
    ASSERT_EQ(roads.out.datagrams().size(), 1U);
    const auto& sending = roads.out.datagrams().front();
    EXPECT_EQ(sending.remote, lan);
    EXPECT_EQ(sending.socket, SocketIndex{3});
    EXPECT_TRUE(sending.is_broadcast);
}

TEST_F(SendTest, ProbesNobodyWithoutKeyOrAddress) {
    roads.begin();
    roads.plane.send_probe(omega, 100, std::nullopt, roads.now, roads.out);
    roads.plane.set_address(beta, std::nullopt, SocketIndex{0});
    roads.plane.send_probe(beta, 100, std::nullopt, roads.now, roads.out);
    EXPECT_TRUE(roads.out.is_empty());
    EXPECT_EQ(roads.plane.dropped(Drop::no_key), 2U);
}

TEST_F(SendTest, SendsNothingToAForgottenNode) {
    roads.plane.forget(beta);
    EXPECT_EQ(send_to("10.2.0.1"), "wants beta, tcp beta");
}

}  // namespace
}  // namespace tinc::plane
