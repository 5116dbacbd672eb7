// Sealed datagrams of others, which we cannot read; and those that come by TCP.

#include "unit/plane/sealed_fixture.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace tinc::plane::sealed {
namespace {

using test::Frame;
namespace record = packet::record;

// --- relaying
// -------------------------------------------------------------------------------------

TEST_F(SealedTest, WhoIsProvenIsRelayedUnread) {
    prove(epsilon);
    const auto sealed = Frame(200, std::byte{9});
    const auto datagram =
        Crossroads::with_ids(Crossroads::id(gamma), Crossroads::id(epsilon), sealed);
    roads.from_network(datagram, Crossroads::home(epsilon));
    ASSERT_EQ(roads.outcome(), "udp gamma, used gamma");
    EXPECT_TRUE(
        std::ranges::equal(std::as_const(*roads.out.datagrams().front().packet).bytes(), datagram))
        << "both IDs stay, on the last hop as well";
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::home(gamma));
}

TEST_F(SealedTest, NothingIsRelayedForStrangers) {
    const auto datagram = Crossroads::with_ids(Crossroads::id(gamma), Crossroads::id(epsilon),
                                               Frame(200, std::byte{9}));
    EXPECT_EQ(receive(datagram, Crossroads::elsewhere()), "");
    EXPECT_EQ(receive(datagram, Crossroads::home(epsilon)), "") << "it only claims that address";
    EXPECT_EQ(dropped(Drop::unknown_source), 2U);
    prove(epsilon);
    EXPECT_EQ(receive(datagram, Crossroads::home(epsilon)), "udp gamma");
    roads.plane.set_address(epsilon, Crossroads::elsewhere(), SocketIndex{0});
    EXPECT_EQ(receive(datagram, Crossroads::elsewhere()), "")
        << "so has the mesh moved it, no more";
}

TEST_F(SealedTest, WhatIsTooBigForTheNextHopIsRelayedByTcp) {
    prove(epsilon);
    roads.plane.set_mtu(gamma, limits::frame_bytes, 600);
    roads.plane.set_mtu(beta, limits::frame_bytes, 600);
    const auto sealed = Frame(1'000, std::byte{9});
    ASSERT_EQ(receive(Crossroads::with_ids(Crossroads::id(gamma), Crossroads::id(epsilon), sealed),
                      Crossroads::home(epsilon)),
              "record beta");
    const auto by_tcp = roads.all<SptpsByTcp>().front();
    EXPECT_EQ(by_tcp.from, epsilon);
    EXPECT_EQ(by_tcp.to, gamma);
}

TEST_F(SealedTest, NothingGoesBackWhereItCameFrom) {
    prove(beta);
    prove(gamma);
    const auto round_trip = [&](NodeIndex to, NodeIndex origin, NodeIndex hop) {
        return receive(Crossroads::with_ids(Crossroads::id(to), Crossroads::id(origin),
                                            Frame(200, std::byte{9})),
                       Crossroads::home(hop));
    };
    EXPECT_EQ(round_trip(delta, epsilon, beta), "") << "beta is the way to delta";
    EXPECT_EQ(round_trip(gamma, epsilon, gamma), "");
    EXPECT_EQ(round_trip(gamma, self, beta), "") << "we have sent that ourselves";
    EXPECT_EQ(dropped(Drop::looping), 2U);
    EXPECT_EQ(dropped(Drop::unknown_source), 1U);
    EXPECT_EQ(round_trip(omega, epsilon, beta), "");
    EXPECT_EQ(dropped(Drop::unreachable), 1U);
    EXPECT_EQ(receive(Crossroads::with_ids(crypto::node_id_of("nobody"), Crossroads::id(epsilon),
                                           Frame(200, std::byte{9})),
                      Crossroads::home(beta)),
              "");
    EXPECT_EQ(dropped(Drop::unreachable), 2U);
}

TEST_F(SealedTest, WhatIsRelayedToUsIsOpenedAndMovesNobody) {
    prove(beta);
    const auto datagram =
        roads.datagram(delta, record::plain, packet_for(self, delta), Crossroads::id(self));
    roads.from_network(datagram, Crossroads::home(beta));
    EXPECT_EQ(roads.outcome(), "device, relayed delta");
    EXPECT_EQ(receive(datagram, Crossroads::home(beta)), "") << "replayed";
    const auto again =
        roads.datagram(delta, record::plain, packet_for(self, delta), Crossroads::id(self));
    EXPECT_EQ(receive(again, Crossroads::home(beta)), "device") << "told once in a while";
    ASSERT_EQ(send_to(delta), "udp beta") << "where it was";
}

TEST_F(SealedTest, AProbeThatWasRelayedProvesNothing) {
    prove(beta);
    EXPECT_EQ(receive(roads.datagram(delta, record::probe, probe(100), Crossroads::id(self)),
                      Crossroads::home(beta)),
              "relayed delta");
    EXPECT_EQ(receive(roads.datagram(delta, record::probe, size_reply(100), Crossroads::id(self)),
                      Crossroads::home(beta)),
              "");
}

class NoForwardingTest : public SealedTest {
  protected:
    NoForwardingTest()
        : SealedTest({.forwarding = Forwarding::off, .device = {}, .speaks_sptps = true}) {}
};

TEST_F(NoForwardingTest, NothingIsRelayedForAnybody) {
    prove(epsilon);
    const auto datagram = Crossroads::with_ids(Crossroads::id(gamma), Crossroads::id(epsilon),
                                               Frame(200, std::byte{9}));
    EXPECT_EQ(receive(datagram, Crossroads::home(epsilon)), "");
    roads.carry(epsilon, datagram);
    EXPECT_EQ(roads.way(), "");
    roads.carry(epsilon, epsilon, gamma, Frame(200, std::byte{9}));
    EXPECT_EQ(roads.way(), "");
    EXPECT_EQ(dropped(Drop::prohibited), 3U);
    EXPECT_EQ(receive_from(epsilon, Crossroads::home(epsilon)), "device") << "what is for us is";
    EXPECT_EQ(send_to(delta), "udp beta") << "others may";
}

class DirectOnlyTest : public SealedTest {
  protected:
    DirectOnlyTest() : SealedTest({.direct_only = true, .device = {}, .speaks_sptps = true}) {}
};

TEST_F(DirectOnlyTest, NothingIsSentToARelay) {
    EXPECT_EQ(send_to(gamma), "udp gamma");
    EXPECT_EQ(send_to(delta), "device") << "an ICMP message instead";
    EXPECT_EQ(dropped(Drop::prohibited), 1U);
}

// --- by TCP
// ---------------------------------------------------------------------------------------

TEST_F(SealedTest, ARecordThatCameByTcpIsOpened) {
    roads.carry(beta, delta, self, roads.record(delta, record::plain, packet_for(self, delta)));
    EXPECT_EQ(roads.way(), "device");
    const auto packet =
        roads.datagram(delta, record::plain, packet_for(self, delta), Crossroads::id(self));
    roads.carry(beta, packet);
    EXPECT_EQ(roads.way(), "device");
    roads.carry(beta, packet);
    EXPECT_EQ(roads.way(), "");
    EXPECT_EQ(dropped(Drop::replayed), 1U);
}

TEST_F(SealedTest, ARecordThatCameByTcpIsPassedOn) {
    const Frame sealed(200, std::byte{9});
    const auto packet =
        Crossroads::with_ids(Crossroads::id(gamma), Crossroads::id(epsilon), sealed);
    roads.carry(epsilon, packet);
    ASSERT_EQ(roads.outcome(), "udp gamma, used gamma");
    EXPECT_TRUE(
        std::ranges::equal(std::as_const(*roads.out.datagrams().front().packet).bytes(), packet));
    roads.plane.set_address(gamma, std::nullopt, SocketIndex{0});
    roads.carry(epsilon, epsilon, gamma, sealed);
    ASSERT_EQ(roads.way(), "record beta");
    EXPECT_EQ(roads.all<SptpsByTcp>().front().packet, packet);
    roads.carry(beta, epsilon, delta, sealed);
    EXPECT_EQ(roads.way(), "");
    EXPECT_EQ(dropped(Drop::looping), 1U);
}

TEST_F(SealedTest, WhatCannotBeARecordIsNotCarried) {
    for (std::size_t size = 0; size < 12 + 21; ++size) {
        roads.carry(beta, Frame(size));
        ASSERT_EQ(roads.way(), "") << size;
    }
    EXPECT_EQ(dropped(Drop::too_short), 33U);
    roads.carry(beta, delta, self, Frame(20));
    EXPECT_EQ(dropped(Drop::too_short), 34U);
    roads.carry(beta, delta, gamma, Frame(limits::datagram_bytes + 1));
    EXPECT_EQ(dropped(Drop::too_long), 1U);
    roads.carry(beta, Crossroads::with_ids(crypto::node_id_of("nobody"), Crossroads::id(delta),
                                           Frame(100)));
    roads.carry(beta,
                Crossroads::with_ids(Crossroads::id(omega), Crossroads::id(delta), Frame(100)));
    EXPECT_EQ(dropped(Drop::unreachable), 2U);
    roads.carry(beta, omega, self, Frame(100));
    roads.carry(beta, self, self, Frame(100));
    EXPECT_EQ(dropped(Drop::unknown_source), 2U);
    EXPECT_EQ(roads.way(), "");
}

TEST_F(SealedTest, AProbeThatCameByTcpSaysNothing) {
    for (const auto& text : {probe(100), probe(100, 1), size_reply(1'400)}) {
        roads.carry(beta, beta, self, roads.record(beta, record::probe, text));
        EXPECT_EQ(roads.way(), "");
    }
}

TEST_F(SealedTest, APacketOfANeighbourIsTakenByTcp) {
    roads.from_peer(beta, frame_for(self, beta));
    EXPECT_EQ(roads.way(), "device");
    roads.from_peer(beta, frame_for(gamma, beta));
    EXPECT_EQ(roads.way(), "udp gamma") << "and sealed anew, as ours";
    EXPECT_EQ(roads.opened(gamma).value().from, Crossroads::id(self));
    roads.from_peer(beta, probe(100));
    EXPECT_EQ(roads.way(), "") << "a probe of before there was a session";
}

}  // namespace
}  // namespace tinc::plane::sealed
