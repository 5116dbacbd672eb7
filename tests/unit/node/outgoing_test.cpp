// Whom a Node connects to by itself, and at which addresses.

#include "support/node_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::NodeWorld;
using testing::ElementsAre;
using testing::IsEmpty;

const Endpoint beta_at = endpoint("10.99.1.2", 42'705);
const Endpoint good = endpoint("10.9.9.9", 655);

config::Settings with_auto_connect() {
    auto settings = NodeWorld::default_settings();
    settings.auto_connect = true;
    settings.remembers_addresses = true;
    return settings;
}

config::Settings with_connect_to(bool remembers) {
    auto settings = NodeWorld::default_settings();
    settings.connect_to = {"beta"};
    settings.remembers_addresses = remembers;
    return settings;
}

std::vector<Endpoint> opened(const NodeWorld& world) {
    std::vector<Endpoint> remotes;
    for (const auto& open : world.all<Open>()) remotes.push_back(open.remote);
    return remotes;
}

void answer_recall(NodeWorld& world, const std::vector<Endpoint>& recent) {
    world.node->recalled(world.all<RecallAddresses>().back().query, recent, world.now);
    world.settle();
}

/// As the far end of the connection that the Node opened last.
void accept_last(NodeWorld& world, test::Member& member) {
    member.id = world.all<Open>().back().peer;
    member.end.peer.emplace(peer::Peer::accepted(member.end.settings, endpoint("10.99.1.1", 655),
                                                 member.end.random, member.end.log, world.now));
    world.node->connected(member.id, 9, world.now);
    world.settle();
    world.talk(member);
    ASSERT_EQ(member.end.all<peer::HostWanted>().size(), 1U);
    ASSERT_TRUE(member.end.peer->provide_host(member.end.host, world.now));
    world.talk(member);
}

// AutoConnect
// --------------------------------------------------------------------------------------

TEST(OutgoingTest, ANodeWithoutAutoConnectLooksForNobody) {
    NodeWorld world;
    world.node->hosts_scanned({"beta"}, world.now);
    world.pass_time(60s);
    EXPECT_THAT(world.all<ScanHosts>(), IsEmpty());
    EXPECT_THAT(world.all<LoadHost>(), IsEmpty());
    EXPECT_THAT(world.all<RecallAddresses>(), IsEmpty());
}

TEST(OutgoingTest, AutoConnectLooksForWhoHasAnAddress) {
    NodeWorld world(with_auto_connect());
    ASSERT_EQ(world.all<ScanHosts>().size(), 1U);
    world.pass_time(5s);
    EXPECT_THAT(world.all<RecallAddresses>(), IsEmpty()) << "nobody is known";
    world.node->hosts_scanned({"alpha", "beta"}, world.now);
    world.pass_time(5s);
    ASSERT_EQ(world.all<RecallAddresses>().size(), 1U);
    EXPECT_EQ(world.all<RecallAddresses>()[0].name, "beta");
    answer_recall(world, {good});
    EXPECT_THAT(opened(world), ElementsAre(good));
}

TEST(OutgoingTest, AutoConnectReachesWhoIsKnownOnlyByTheMesh) {
    NodeWorld world(with_auto_connect());
    const auto beta = world.join("beta", beta_at);
    for (const auto* line :
         {"12 1 beta alpha 10.99.1.1 655 c 3", "12 2 beta gamma 10.99.1.3 700 d 3",
          "12 3 gamma beta 10.99.1.2 655 d 3"})
        world.tell(*beta, line);
    world.rest();
    world.pass_time(5s);
    ASSERT_EQ(world.all<RecallAddresses>().size(), 1U);
    EXPECT_EQ(world.all<RecallAddresses>()[0].name, "gamma");
    answer_recall(world, {});
    EXPECT_THAT(opened(world), ElementsAre(endpoint("10.99.1.3", 700)));
}

TEST(OutgoingTest, AReloadScansAgainAndCanSwitchAutoConnectOnAndOff) {
    NodeWorld world;
    world.node->reload({with_auto_connect(), {}}, world.now);
    world.settle();
    EXPECT_EQ(world.all<ScanHosts>().size(), 1U);
    world.node->hosts_scanned({"beta"}, world.now);
    world.node->reload({NodeWorld::default_settings(), {}}, world.now);
    world.pass_time(60s);
    EXPECT_THAT(world.all<RecallAddresses>(), IsEmpty());
}

TEST(OutgoingTest, AnEndedNodeLooksForNobody) {
    NodeWorld world(with_auto_connect());
    world.node->hosts_scanned({"beta"}, world.now);
    world.node->stop(world.now);
    world.pass_time(60s);
    EXPECT_THAT(world.all<RecallAddresses>(), IsEmpty());
}

// Addresses
// --------------------------------------------------------------------------------------

TEST(OutgoingTest, RecentAddressesComeBeforeAnnouncedOnesAndThoseOfTheHostFile) {
    NodeWorld world(with_connect_to(true));
    world.hosts["beta"].addresses = {{"beta.example", ""}};
    const auto gamma = world.join("gamma", endpoint("10.99.1.3", 42'705));
    for (const auto* line :
         {"12 1 gamma beta 10.99.1.2 655 c 3", "12 2 beta gamma 10.99.1.3 655 c 3",
          "12 3 delta beta 127.0.0.1 655 c 3", "12 4 beta delta 10.99.1.4 655 c 3"})
        world.tell(*gamma, line);
    world.rest();
    const auto multicast = endpoint("224.0.0.1", 655);
    const auto no_port = endpoint("10.9.9.9", 0);
    answer_recall(world, {good, multicast, no_port, good});
    world.node->connect_failed(world.all<Open>().back().peer, "refused", world.now);
    world.settle();
    EXPECT_THAT(opened(world), ElementsAre(good, endpoint("10.99.1.2", 655)));
    world.node->connect_failed(world.all<Open>().back().peer, "refused", world.now);
    world.settle();
    ASSERT_EQ(world.all<Resolve>().size(), 1U);
    EXPECT_EQ(world.all<Resolve>()[0].host, "beta.example");
}

TEST(OutgoingTest, AddressesOfAnotherFamilyAreLeftOut) {
    auto settings = with_connect_to(true);
    settings.address_family = config::AddressFamily::ipv6;
    NodeWorld world(settings);
    answer_recall(world, {good, endpoint("2001:db8::1", 655)});
    EXPECT_THAT(opened(world), ElementsAre(endpoint("2001:db8::1", 655)));
}

TEST(OutgoingTest, AnAddressThatLedToAMemberIsRemembered) {
    for (const bool remembers : {true, false}) {
        NodeWorld world(with_connect_to(remembers));
        world.hosts["beta"].addresses = {{"beta.example", ""}};
        world.pass_time(900s);
        if (remembers) answer_recall(world, {});
        world.node->resolved(world.all<Resolve>().back().query, std::vector{good}, world.now);
        world.settle();
        EXPECT_THAT(world.all<RememberAddress>(), IsEmpty());
        test::Member beta("beta", 7);
        accept_last(world, beta);
        const auto remembered = world.all<RememberAddress>();
        ASSERT_EQ(remembered.size(), remembers ? 1U : 0U);
        if (!remembers) continue;
        EXPECT_EQ(remembered[0].name, "beta");
        EXPECT_EQ(remembered[0].remote, good);
    }
}

TEST(OutgoingTest, WhereSomebodyCameFromIsNotRemembered) {
    NodeWorld world(with_auto_connect());
    const auto beta = world.join("beta", beta_at);
    EXPECT_THAT(world.all<RememberAddress>(), IsEmpty());
}

TEST(OutgoingTest, AnAnswerNobodyAskedForIsNothing) {
    NodeWorld world(with_connect_to(true));
    world.node->recalled(QueryId{999}, {good}, world.now);
    world.settle();
    EXPECT_THAT(opened(world), IsEmpty());
}

}  // namespace
}  // namespace tinc::node
