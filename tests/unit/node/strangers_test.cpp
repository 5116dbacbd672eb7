// What a stranger can make a Node do: nothing, and not for long.

#include "support/node_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::NodeWorld;
using testing::IsEmpty;
using testing::StartsWith;

struct Attempt {
    std::string_view name;
    std::string text;
};

class Stranger : public testing::TestWithParam<Attempt> {};

TEST_P(Stranger, GoesToTheTarpitWithoutAnAnswer) {
    NodeWorld world;
    const auto id = world.connect(endpoint("10.0.0.1", 4'000));
    world.say(id, GetParam().text);
    EXPECT_EQ(world.closing_of(id), Close::How::tarpit);
    EXPECT_THAT(world.answer(id), IsEmpty());
    // Whatever it says now is said to nobody.
    world.say(id, "0 beta 17\n");
    EXPECT_THAT(world.answer(id), IsEmpty());
    EXPECT_EQ(world.all<Close>().size(), 1U);
    EXPECT_TRUE(world.all<RunScript>().size() == 2U) << "only tinc-up and our own subnet-up";
}
INSTANTIATE_TEST_SUITE_P(
    Says, Stranger,
    testing::Values(Attempt{"http", "GET / HTTP/1.1\r\n\r\n"}, Attempt{"nothing", "\n"},
                    Attempt{"zeros", std::string(4'096, '\0')},
                    Attempt{"too_much", std::string(600, '0')},
                    Attempt{"control", "0 ^0123456789 17\n"}, Attempt{"own_name", "0 alpha 17\n"},
                    Attempt{"nobody_we_know", "0 mallory 17\n"},
                    Attempt{"old_version", "0 beta 16\n"}, Attempt{"ping", "8\n"},
                    Attempt{"ack", "4 655 1 c\n"}, Attempt{"edge", "12 1 a b 10.0.0.1 655 0 1\n"},
                    Attempt{"id_and_garbage", "0 beta 17\ngarbage\n"},
                    Attempt{"two_ids", "0 beta 17\n0 beta 17\n"},
                    Attempt{"challenge_first", "0 beta 17\n2 00\n"},
                    Attempt{"null_cipher",
                            "0 beta 17\n1 0 672 0 0 " + std::string(128, '0') + "\n"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(StrangerTest, WhoIsSilentIsGivenUpAfterPingTimeout) {
    NodeWorld world;
    const auto id = world.connect(endpoint("10.0.0.1", 4'000));
    EXPECT_LE(world.node->deadline(), world.now + 5s);
    world.pass_time(5s - 1ns);
    EXPECT_FALSE(world.is_closed(id));
    world.pass_time(1ns);
    EXPECT_EQ(world.closing_of(id), Close::How::tarpit);
    EXPECT_TRUE(
        world.log.contains("Timeout from <unknown> (10.0.0.1 port 4000) during authentication"));
}

TEST(StrangerTest, ANameIsNoReasonToWaitLonger) {
    NodeWorld world;
    const auto id = world.connect(endpoint("10.0.0.1", 4'000));
    world.pass_time(4s);
    world.say(id, "0 beta 17\n");
    EXPECT_THAT(world.answer(id), StartsWith("0 alpha 17\n1 429 672 0 0 "));
    world.pass_time(1s);
    EXPECT_EQ(world.closing_of(id), Close::How::tarpit);
}

TEST(StrangerTest, AnAnswerFromTheHostFileThatComesTooLateFindsNobody) {
    NodeWorld world;
    world.answers_hosts = false;
    const auto id = world.connect(endpoint("10.0.0.1", 4'000));
    world.say(id, "0 beta 17\n");
    const auto loads = world.all<LoadHost>();
    ASSERT_EQ(loads.size(), 1U);
    EXPECT_EQ(loads[0].name, "beta");
    world.pass_time(5s);
    world.node->host_loaded(loads[0].query, test::host_with_key(), world.now);
    world.node->host_loaded(QueryId{12'345}, test::host_with_key(), world.now);
    world.settle();
    EXPECT_THAT(world.answer(id), IsEmpty());
}

TEST(StrangerTest, WhoClosesItselfIsNotClosedAgain) {
    NodeWorld world;
    const auto id = world.connect(endpoint("10.0.0.1", 4'000));
    world.node->closed(id, "", world.now);
    world.settle();
    EXPECT_THAT(world.all<Close>(), IsEmpty());
    EXPECT_TRUE(world.log.contains("Connection closed by <unknown> (10.0.0.1 port 4000)"));
}

TEST(StrangerTest, ASourceFillsOneLineOfTheLogAMinute) {
    NodeWorld world(NodeWorld::default_settings(), Level::always);
    for (int i = 0; i < 20; ++i) world.say(world.connect(endpoint("10.0.0.1", 4'000)), "garbage\n");
    EXPECT_EQ(std::ranges::count_if(
                  world.log.lines,
                  [](const std::string& line) { return line.starts_with("Bogus data received"); }),
              1);
    world.pass_time(60s);
    world.say(world.connect(endpoint("10.0.0.1", 4'000)), "garbage\n");
    EXPECT_EQ(std::ranges::count_if(
                  world.log.lines,
                  [](const std::string& line) { return line.starts_with("Bogus data received"); }),
              2);
}

TEST(StrangerTest, TheNinthUnfinishedConnectionOfASourceIsNotWanted) {
    NodeWorld world;
    for (int i = 0; i < 8; ++i) EXPECT_NE(world.connect(endpoint("10.0.0.1", 4'000)), PeerId{0});
    const auto ninth = world.node->accepted(endpoint("10.0.0.1", 4'001), 9, world.now);
    ASSERT_FALSE(ninth);
    EXPECT_EQ(ninth.error().code, Errc::exhausted);
    EXPECT_TRUE(world.log.contains("Throttling incoming connections from 10.0.0.1 port 4001"));
    EXPECT_THAT(world.all<Close>(), IsEmpty());
}

TEST(StrangerTest, WhoComesTooOftenIsNotWantedForASecond) {
    auto settings = NodeWorld::default_settings();
    settings.max_connection_burst = 2;
    NodeWorld world(settings);
    for (int i = 0; i < 2; ++i) world.say(world.connect(endpoint("10.0.0.1", 4'000)), "garbage\n");
    const auto third = world.node->accepted(endpoint("10.0.0.1", 4'001), 9, world.now);
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, Errc::exhausted);
    EXPECT_NE(world.connect(endpoint("10.0.0.2", 4'000)), PeerId{0});
    world.pass_time(1s);
    EXPECT_NE(world.connect(endpoint("10.0.0.1", 4'002)), PeerId{0});
}

TEST(StrangerTest, WhoMakesRoomForAnotherIsClosed) {
    NodeWorld world;
    std::vector<PeerId> ids;
    for (std::uint32_t i = 1; i <= 129; ++i)
        ids.push_back(world.connect(endpoint("10.0.0." + std::to_string(i), 4'000)));
    EXPECT_TRUE(world.is_closed(ids.front()));
    EXPECT_EQ(world.all<Close>().size(), 1U);
}

TEST(StrangerTest, HandshakesOfStrangersAreRationedAndMembersAreNot) {
    NodeWorld world;
    const auto member = world.join("gamma", endpoint("10.9.9.9", 655));
    ASSERT_EQ(member->end.state(), peer::State::active);
    int answered = 0;
    for (std::uint32_t i = 1; i <= 60; ++i) {
        const auto id = world.connect(endpoint("10.0.0." + std::to_string(i), 4'000));
        world.say(id, "0 beta 17\n");
        answered += world.answer(id).empty() ? 0 : 1;
    }
    EXPECT_EQ(answered, 49) << "one of the fifty was the member's first";
    const auto again = world.connect(endpoint("10.9.9.9", 656));
    world.say(again, "0 beta 17\n");
    EXPECT_THAT(world.answer(again), Not(IsEmpty()));
}

TEST(StrangerTest, NamesWeHaveNoKeyOfCostNobodyHisTurn) {
    NodeWorld world;
    for (std::uint32_t i = 1; i <= 60; ++i) {
        const auto id = world.connect(endpoint("10.0.0." + std::to_string(i), 4'000));
        world.say(id, "0 nobody 17\n");
        EXPECT_THAT(world.answer(id), IsEmpty());
    }
    const auto honest = world.connect(endpoint("10.0.1.1", 4'000));
    world.say(honest, "0 beta 17\n");
    EXPECT_THAT(world.answer(honest), Not(IsEmpty()));
}

TEST(StrangerTest, TheMetakeyOfAnotherKeyEndsInSilence) {
    NodeWorld world;
    auto beta = world.arrive("beta", endpoint("10.0.0.2", 4'000));
    // What mallory knows of alpha is right, but her own key is not the one of beta's host file.
    beta->end.settings.own_keys.rsa = crypto::RsaPrivateKey::generate(512, [](char) {}).value();
    auto mallory = peer::Peer::outgoing(beta->end.settings, endpoint("10.99.1.1", 655), "alpha",
                                        beta->end.host, beta->end.random, beta->end.log, world.now);
    beta->end.peer.emplace(std::move(mallory));
    beta->end.peer->connected();
    world.talk(*beta);
    EXPECT_FALSE(world.reaches("beta"));
    world.pass_time(5s);
    EXPECT_EQ(world.closing_of(beta->id), Close::How::tarpit);
    EXPECT_FALSE(beta->end.log.contains("Got CHAL_REPLY"));
}

}  // namespace
}  // namespace tinc::node
