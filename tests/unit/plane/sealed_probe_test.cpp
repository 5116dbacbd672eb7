// How nodes of 1.1 ask each other what arrives.

#include "support/vectors.hpp"
#include "unit/plane/sealed_fixture.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace tinc::plane::sealed {
namespace {

namespace record = packet::record;

TEST_F(SealedTest, AnswersProbesWithTheLengthThatHasArrived) {
    for (const std::size_t size : {18U, 19U, 500U, 1'439U, 1'518U}) {
        auto asked = probe(size);
        asked[17] = std::byte{0x77};
        roads.from_network(roads.datagram(beta, record::probe, asked), Crossroads::home(beta));
        const auto reply = roads.opened(beta).value();
        EXPECT_EQ(reply.type, record::probe);
        ASSERT_EQ(reply.data.size(), 18U);
        EXPECT_EQ(reply.data[0], std::byte{2});
        EXPECT_EQ(get_u16(reply.data, 1), size);
        EXPECT_TRUE(std::ranges::equal(Bytes(reply.data).subspan(3), Bytes(asked).subspan(3, 15)))
            << "the rest as it was asked";
        EXPECT_EQ(reply.to, NodeId{});
    }
    EXPECT_EQ(receive(roads.datagram(beta, record::probe, probe(17)), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::too_short), 1U);
    EXPECT_EQ(receive(roads.datagram(beta, record::probe, probe(18, 3)), Crossroads::home(beta)),
              "");
    EXPECT_EQ(dropped(Drop::unknown_type), 1U);
}

TEST_F(SealedTest, EchoesProbesOfPeersThatKnowNoOtherAnswer) {
    roads.set_table(options_of(2));
    for (const std::size_t size : {18U, 500U, 1'518U}) {
        roads.from_network(roads.record(epsilon, record::probe, probe(size)),
                           Crossroads::home(epsilon));
        const auto reply = std::as_const(*roads.out.datagrams().front().packet).bytes().size();
        EXPECT_EQ(reply, size + sptps::datagram_overhead);
    }
}

TEST_F(SealedTest, AnswersAProbeWhereItCameFromWhoeverElseHasThatAddress) {
    roads.from_network(roads.datagram(gamma, record::probe, probe(100)), Crossroads::elsewhere());
    EXPECT_EQ(roads.way(), "udp gamma, moved gamma");
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::elsewhere());
}

TEST_F(SealedTest, ReportsAnswersToProbes) {
    EXPECT_EQ(receive(roads.datagram(beta, record::probe, probe(1'000, 1)), Crossroads::home(beta)),
              "probe beta 1000");
    EXPECT_EQ(
        receive(roads.datagram(beta, record::probe, size_reply(1'439)), Crossroads::home(beta)),
        "probe beta 1439");
}

TEST_F(SealedTest, ProbesWithTheSizeThatIsAskedFor) {
    for (const auto& [asked, sent] :
         {std::pair<std::size_t, std::size_t>{0, 18}, {18, 18}, {1'000, 1'000}, {9'999, 1'518}}) {
        roads.out.clear();
        roads.plane.send_probe(beta, asked, std::nullopt, roads.now, roads.out);
        const auto made = roads.opened(beta).value();
        EXPECT_EQ(made.type, record::probe);
        EXPECT_EQ(made.data.size(), sent);
        EXPECT_TRUE(std::ranges::all_of(Bytes(made.data).first(14),
                                        [](std::byte b) { return b == std::byte{0}; }));
        EXPECT_EQ(roads.out.datagrams().front().frame_bytes, sent);
    }
}

TEST_F(SealedTest, ProbesWhereItIsToldTo) {
    roads.plane.send_probe(gamma, 18, Plane::LocalTarget{Crossroads::elsewhere(), SocketIndex{2}},
                           roads.now, roads.out);
    ASSERT_EQ(roads.out.datagrams().size(), 1U);
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::elsewhere());
    EXPECT_EQ(roads.out.datagrams().front().socket, SocketIndex{2});
    roads.out.clear();
    roads.plane.set_address(gamma, std::nullopt, SocketIndex{0});
    roads.plane.send_probe(gamma, 18, std::nullopt, roads.now, roads.out);
    roads.plane.send_probe(omega, 18, std::nullopt, roads.now, roads.out);
    EXPECT_TRUE(roads.out.is_empty());
}

TEST_F(SealedTest, TellsAConfirmedNodeNowAndThenWhatHasArrived) {
    roads.from_network(roads.datagram(beta, record::plain, packet_for(self, beta, 300)),
                       Crossroads::home(beta));
    EXPECT_EQ(roads.way(), "device") << "nobody has answered yet";
    roads.plane.set_confirmed(beta, true);
    roads.from_network(roads.datagram(beta, record::plain, packet_for(self, beta, 100)),
                       Crossroads::home(beta));
    ASSERT_EQ(roads.way(), "device, udp beta");
    const auto notice = roads.opened(beta).value();
    EXPECT_EQ(notice.type, record::probe);
    EXPECT_EQ(notice.data[0], std::byte{2});
    EXPECT_EQ(get_u16(notice.data, 1), 300 + 28) << "the longest so far";
    roads.now += std::chrono::milliseconds(8'999);
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device");
    roads.now += std::chrono::milliseconds(1);
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device, udp beta");
    EXPECT_EQ(get_u16(roads.opened(beta).value().data, 1), 100 + 28);
}

/// One datagram each way with a real tincd: see live-session.json.
TEST(SealedLiveTest, TakesAndGivesWhatTheOriginalDoes) {
    const auto live = nlohmann::json::parse(test::test_data("live-session.json"));
    const auto keys = test::bytes_of(live["node_keys"]["key_material"]);
    test::SeededRandom random(1);
    test::RecordedLog log(Level::everything);
    Plane plane(Crossroads::usual(), "cli", random, log);
    const NodeIndex server{1};
    plane.set_table(std::make_shared<const graph::ForwardingTable>(
        std::vector<graph::ForwardingTable::Entry>{},
        std::vector<graph::ForwardingTable::Hop>{{true, self, self, 0},
                                                 {true, server, server, options_of(7)}},
        std::vector{server}));
    plane.set_name(server, "srv");
    const Endpoint home{Address::parse("127.0.0.1").value(), 34'715};
    plane.set_address(server, home, SocketIndex{0});
    plane.set_sptps_opener(server, sptps::Opener(Bytes(keys).first(64), 16), Time{});
    plane.set_sptps_sealer(
        server, sptps::Sealer(Bytes(keys).subspan(64), std::make_shared<sptps::SequenceCounter>(2)),
        0);

    Outbox out;
    packet::Batch batch;
    batch.add().assign(test::bytes_of(live["udp"][2]["udp"]));
    const std::array sources = {home};
    plane.from_network(batch, sources, SocketIndex{0}, Time{}, out);
    const auto events = plane.take_events();
    ASSERT_EQ(events.size(), 1U);
    const auto* reply = std::get_if<ProbeReply>(&events.front());
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->frame_bytes, 18U);

    // It begins with the same IDs and number as the client's probe of that length.
    plane.send_probe(server, 18, std::nullopt, Time{}, out);
    const auto sent = std::as_const(*out.datagrams().front().packet).bytes();
    const auto recorded = test::bytes_of(live["udp"][1]["udp"]);
    EXPECT_EQ(sent.size(), recorded.size());
    EXPECT_TRUE(std::ranges::equal(sent.first(16), Bytes(recorded).first(16)));
}

}  // namespace
}  // namespace tinc::plane::sealed
