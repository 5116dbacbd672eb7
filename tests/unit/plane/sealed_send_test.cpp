// How packets leave for nodes of 1.1: sealed for their last node, by the best way there is.

#include "unit/plane/sealed_fixture.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace tinc::plane::sealed {
namespace {

using test::Frame;
namespace record = packet::record;

TEST_F(SealedTest, ARouterSendsPacketsWithoutTheirEthernetHeader) {
    ASSERT_EQ(send_to(gamma), "udp gamma");
    const auto sent = roads.opened(gamma).value();
    EXPECT_EQ(sent.type, record::plain);
    EXPECT_EQ(sent.data, packet_for(gamma));
    EXPECT_EQ(sent.to, NodeId{}) << "straight to its destination";
    EXPECT_EQ(sent.from, Crossroads::id(self));
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::home(gamma));
}

TEST_F(SealedTest, WhatIsRelayedNamesItsDestination) {
    ASSERT_EQ(send_to(delta), "udp beta");
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::home(beta));
    const auto sent = roads.opened(delta).value();
    EXPECT_EQ(sent.to, Crossroads::id(delta));
    EXPECT_EQ(sent.from, Crossroads::id(self));
}

TEST_F(SealedTest, ToOldPeersNoIdsAreSent) {
    ASSERT_EQ(send_to(old), "udp old");
    EXPECT_EQ(roads.opened(old).value().data, packet_for(old));
}

TEST_F(SealedTest, NeighboursTakeWholeFramesByTcp) {
    roads.plane.set_mtu(beta, limits::frame_bytes, 500);
    EXPECT_EQ(send_to(beta, 500 - 42), "udp beta");
    ASSERT_EQ(send_to(beta, 500 - 41), "frame beta");
    EXPECT_EQ(roads.all<SendByTcp>().front().frame, frame_for(beta, self, 500 - 41));
    roads.plane.set_sptps_sealer(beta, std::nullopt, 0);
    EXPECT_EQ(send_to(beta), "frame beta") << "with or without a session";
}

TEST_F(SealedTest, WithoutASessionOthersGetNothing) {
    roads.plane.set_sptps_sealer(gamma, std::nullopt, 0);
    roads.from_device(frame_for(gamma));
    EXPECT_EQ(roads.outcome(), "used gamma") << "so that one is begun";
    EXPECT_EQ(dropped(Drop::no_key), 1U);
}

TEST_F(SealedTest, WhatIsTooBigForAPathTakesTheNextNodeThenTcp) {
    roads.plane.set_mtu(gamma, limits::frame_bytes, 500);
    EXPECT_EQ(send_to(gamma, 300), "udp gamma");
    ASSERT_EQ(send_to(gamma, 600), "udp beta");
    EXPECT_EQ(roads.opened(gamma).value().to, Crossroads::id(gamma));
    roads.plane.set_mtu(beta, limits::frame_bytes, 600);
    ASSERT_EQ(send_to(gamma, 600), "record beta");
    const auto by_tcp = roads.all<SptpsByTcp>().front();
    EXPECT_EQ(by_tcp.from, self);
    EXPECT_EQ(by_tcp.to, gamma);
    const auto sent = roads.opened(by_tcp.packet, gamma).value();
    EXPECT_EQ(sent.to, Crossroads::id(gamma)) << "never zero by TCP";
    EXPECT_EQ(sent.from, Crossroads::id(self));
    EXPECT_EQ(sent.data, packet_for(gamma, self, 600));
}

TEST_F(SealedTest, WithoutAnAddressPacketsGoByTcp) {
    roads.plane.set_address(gamma, std::nullopt, SocketIndex{0});
    EXPECT_EQ(send_to(gamma), "record beta");
    roads.plane.set_address(beta, std::nullopt, SocketIndex{0});
    EXPECT_EQ(send_to(delta), "record beta");
}

TEST_F(SealedTest, WhoWantsTcpGetsTcp) {
    roads.set_table(options_of(7) | wire::option::tcp_only);
    EXPECT_EQ(send_to(beta), "frame beta");
    EXPECT_EQ(send_to(gamma), "record beta");
    EXPECT_EQ(send_to(delta), "record beta");
}

TEST_F(SealedTest, NobodyRelaysByUdpWhoKnowsNoIds) {
    roads.set_table(options_of(3));
    EXPECT_EQ(send_to(gamma), "udp gamma") << "that is no relay";
    EXPECT_EQ(send_to(delta), "record beta");
}

TEST_F(SealedTest, ATunnelInUseIsToldThreeTimesASecond) {
    std::size_t told = 0;
    for (int i = 0; i < 100; ++i) {
        roads.from_device(frame_for(gamma));
        told += roads.all<TunnelUsed>().size();
        roads.now += std::chrono::milliseconds(10);
    }
    EXPECT_EQ(told, 4U);
}

TEST_F(SealedTest, NothingIsSealedWhenTheNumbersAreUsedUp) {
    const std::vector<std::byte> key(64, std::byte{7});
    roads.plane.set_sptps_sealer(
        gamma, sptps::Sealer(key, std::make_shared<sptps::SequenceCounter>(0xffff0000U - 1)), 0);
    EXPECT_EQ(send_to(gamma), "udp gamma");
    EXPECT_EQ(send_to(gamma), "");
    EXPECT_EQ(dropped(Drop::unsealed), 1U);
}

TEST_F(SealedTest, WhatDoesNotCompressIsSentAsItIs) {
    for (int level = 1; level <= packet::Compression::highest_level; ++level) {
        roads.exchange_keys(gamma, level);
        ASSERT_EQ(send_to(gamma, 1'000), "udp gamma");
        const auto compressible = roads.opened(gamma).value();
        EXPECT_EQ(compressible.type, record::compressed) << level;
        EXPECT_LT(compressible.data.size(), 500U);
        packet::Compression compression;
        Frame plain(limits::datagram_bytes);
        plain.resize(compression.decompress(level, compressible.data, plain).value());
        EXPECT_EQ(plain, packet_for(gamma, self, 1'000));

        auto noise = frame_for(gamma, self, 1'000);
        roads.random.fill(std::span(noise).subspan(42));
        roads.from_device(noise);
        const auto sent = roads.opened(gamma).value();
        EXPECT_EQ(sent.type, record::plain) << level;
        EXPECT_TRUE(std::ranges::equal(sent.data, Bytes(noise).subspan(14)));
    }
}

TEST_F(SealedTest, ByTcpAFrameIsNotCompressed) {
    roads.exchange_keys(beta, 9);
    roads.plane.set_mtu(beta, limits::frame_bytes, 0);
    ASSERT_EQ(send_to(beta, 1'000), "frame beta");
    EXPECT_EQ(roads.all<SendByTcp>().front().frame, frame_for(beta, self, 1'000));
}

}  // namespace
}  // namespace tinc::plane::sealed
