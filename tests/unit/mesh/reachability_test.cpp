#include "unit/mesh/neighbourhood.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

class ReachabilityTest : public testing::Test {
  protected:
    std::size_t probes() {
        const auto count = net.all<SendProbe>().size();
        net.forget_effects();
        return count;
    }
    Neighbourhood net;
};

TEST_F(ReachabilityTest, NeedsAnEdgeOfBothEnds) {
    const auto beta = net.connect("beta");
    EXPECT_FALSE(net.is_reachable("beta"));
    net.hear(beta, "12 1 beta me 192.0.2.1 655 c 10");
    EXPECT_TRUE(net.is_reachable("beta"));
}

TEST_F(ReachabilityTest, CallsScriptsOfTheHostThenOfItsSubnets) {
    const auto beta = net.connect("beta");
    net.hear(beta, "10 1 beta 10.2.0.0/16#20");
    net.hear(beta, "10 2 beta 10.3.0.1");
    EXPECT_THAT(net.scripts(), IsEmpty());
    net.hear(beta, "12 3 beta me 192.0.2.1 655 c 10");
    EXPECT_THAT(net.scripts(), ElementsAre("host-up", "hosts/beta-up", "subnet-up", "subnet-up"));
    net.forget_effects();
    net.mesh.connection_lost(beta, net.now);
    net.settle();
    EXPECT_THAT(net.scripts(),
                ElementsAre("host-down", "hosts/beta-down", "subnet-down", "subnet-down"));
}

TEST_F(ReachabilityTest, TellsScriptsWhoAndWhere) {
    const auto beta = net.connect("beta");
    net.hear(beta, "10 1 beta 10.2.0.0/16#20");
    net.hear(beta, "12 3 beta me 192.0.2.1 655 c 10");
    const auto scripts = net.all<CallScript>();
    ASSERT_THAT(scripts, SizeIs(3));
    EXPECT_THAT(scripts[0]->environment,
                ElementsAre(Pair("NODE", "beta"), Pair("REMOTEADDRESS", "192.0.2.101"),
                            Pair("REMOTEPORT", "655")));
    EXPECT_EQ(scripts[1]->environment, scripts[0]->environment);
    EXPECT_THAT(
        scripts[2]->environment,
        ElementsAre(Pair("NODE", "beta"), Pair("SUBNET", "10.2.0.0/16"), Pair("WEIGHT", "20"),
                    Pair("REMOTEADDRESS", "192.0.2.101"), Pair("REMOTEPORT", "655")));
}

TEST_F(ReachabilityTest, TellsScriptsTheAddressThatWasLost) {
    const auto beta = net.join("beta");
    net.forget_effects();
    net.mesh.connection_lost(beta, net.now);
    net.settle();
    EXPECT_THAT(net.all<CallScript>().front()->environment,
                Contains(Pair("REMOTEADDRESS", "192.0.2.101")));
}

TEST_F(ReachabilityTest, HidesAddressesThatAreNone) {
    const auto beta = net.join("beta");
    net.forget_effects();
    net.hear(beta, "12 1 beta omega $(reboot) 655 c 10");
    net.hear(beta, "12 2 omega beta $(reboot) 655 c 10");
    EXPECT_THAT(net.all<CallScript>().front()->environment,
                ElementsAre(Pair("NODE", "omega"), Pair("REMOTEADDRESS", "unknown"),
                            Pair("REMOTEPORT", "unknown")));
}

TEST_F(ReachabilityTest, CallsSubnetScriptsOfReachableOwnersAtOnce) {
    const auto beta = net.join("beta");
    net.forget_effects();
    net.hear(beta, "10 1 beta 10.2.0.0/16");
    net.hear(beta, "11 2 beta 10.2.0.0/16");
    EXPECT_THAT(net.scripts(), ElementsAre("subnet-up", "subnet-down"));
}

TEST_F(ReachabilityTest, CallsScriptsOfOwnSubnetsWithoutAnAddress) {
    net.forget_effects();
    net.mesh.announce_own_subnets();
    net.collect();
    ASSERT_THAT(net.scripts(), ElementsAre("subnet-up"));
    EXPECT_THAT(
        net.all<CallScript>().front()->environment,
        ElementsAre(Pair("NODE", "me"), Pair("SUBNET", "10.0.0.1/32"), Pair("WEIGHT", "10")));
    net.forget_effects();
    net.mesh.stop();
    net.collect();
    EXPECT_THAT(net.scripts(), ElementsAre("subnet-down"));
}

TEST_F(ReachabilityTest, PublishesTheTableBeforeScripts) {
    const auto beta = net.connect("beta");
    net.forget_effects();
    net.hear(beta, "12 3 beta me 192.0.2.1 655 c 10");
    const auto position = [&]<class Kind>(const Kind*) {
        return std::ranges::find_if(
            net.effects, [](const Effect& effect) { return std::holds_alternative<Kind>(effect); });
    };
    EXPECT_LT(position(static_cast<PublishTable*>(nullptr)),
              position(static_cast<CallScript*>(nullptr)));
}

TEST_F(ReachabilityTest, ReloadTellsOfSubnetsThatCameAndWent) {
    const auto beta = net.join("beta");
    net.forget_effects();
    auto settings = Neighbourhood::usual_settings();
    settings.subnets = {wire::parse_subnet("10.0.0.2").value()};
    net.mesh.reload(settings, net.now);
    net.settle();
    EXPECT_THAT(net.news_to(beta), ElementsAre("11 me 10.0.0.1/32#10", "10 me 10.0.0.2/32#10"));
    EXPECT_THAT(net.scripts(), ElementsAre("subnet-down", "subnet-up"));
}

TEST_F(ReachabilityTest, ProbesANodeWhoseKeyWeHave) {
    const auto beta = net.join("beta");
    net.hear(beta, fmt::format("16 beta me {} 427 672 4 0", std::string(96, 'A')));
    net.forget_effects();
    net.pass(seconds(2));
    EXPECT_EQ(probes(), 9U);
    net.hear(beta, "14 1 beta");
    net.pass(seconds(5));
    EXPECT_EQ(probes(), 0U);
}

TEST_F(ReachabilityTest, ProbesAtOnceWhenTheOperatorWantsIt) {
    const auto beta = net.join("beta");
    net.hear(beta, fmt::format("16 beta me {} 427 672 4 0", std::string(96, 'A')));
    net.pass(seconds(30));  // silent: the next round is a minute away
    net.forget_effects();
    net.mesh.flush(net.now);
    net.collect();
    EXPECT_EQ(probes(), 3U);
}

TEST_F(ReachabilityTest, MeasuresTheNewWayOfANodeThatMoved) {
    const auto beta = net.join("beta");
    net.hear(beta, fmt::format("16 beta me {} 427 672 4 0", std::string(96, 'A')));
    net.mesh.probe_replied(net.node("beta"), 1'400, net.now);
    ASSERT_EQ(net.mesh.path_mtu(net.node("beta"))->min_mtu(), 1'400U);
    net.mesh.source_moved(net.node("beta"), {Address::parse("203.0.113.1").value(), 1},
                          SocketIndex{0}, net.now);
    EXPECT_EQ(net.mesh.path_mtu(net.node("beta"))->min_mtu(), 0U);
    EXPECT_TRUE(net.mesh.path_mtu(net.node("beta"))->is_running());
}

TEST_F(ReachabilityTest, ProbesTheLanOnlyIfConfigured) {
    for (const bool is_wanted : {false, true}) {
        auto settings = Neighbourhood::usual_settings();
        settings.local_discovery = is_wanted;
        Neighbourhood lan(settings);
        const auto beta = lan.join("beta");
        lan.hear(beta, fmt::format("16 beta me {} 427 672 4 0", std::string(96, 'A')));
        lan.pass(seconds(1));
        std::size_t local = 0;
        for (const auto* probe : lan.all<SendProbe>())
            if (probe->local) {
                ++local;
                EXPECT_EQ(probe->local->text(), "255.255.255.255 port 655");
            }
        EXPECT_EQ(local > 0, is_wanted);
    }
}

TEST_F(ReachabilityTest, NewsOfForgottenNodesIsIgnored) {
    const auto beta = net.join("beta");
    const auto node = net.node("beta");
    net.mesh.connection_lost(beta, net.now);
    net.settle();
    ASSERT_FALSE(net.mesh.graph().exists(node));
    net.forget_effects();
    net.mesh.key_wanted(node, net.now);
    net.mesh.probe_replied(node, 1'000, net.now);
    net.mesh.datagram_too_big(node, 1'000);
    net.mesh.source_moved(node, {}, SocketIndex{0}, net.now);
    net.collect();
    EXPECT_TRUE(net.effects.empty());
}

TEST_F(ReachabilityTest, DumpsAsTincDoes) {
    const auto beta = net.join("beta");
    net.hear(beta, "10 1 gone 10.9.0.0/16");
    net.hear(beta, fmt::format("16 beta me {} 427 672 4 0", std::string(96, 'A')));
    net.log.lines.clear();
    net.mesh.dump();
    EXPECT_THAT(
        net.log.lines,
        ElementsAre(
            "Nodes:",
            " beta at 192.0.2.101 port 655 cipher 427 digest 672 maclength 4 compression 0 "
            "options c status 001a nexthop beta via beta pmtu 1518 (min 0 max 1518)",
            " gone at (null) cipher 0 digest 0 maclength 0 compression 0 options 0 status 0020 "
            "nexthop - via - pmtu 1518 (min 0 max 1518)",
            " me at MYSELF cipher 0 digest 0 maclength 0 compression 0 options c status 0018 "
            "nexthop me via me pmtu 1518 (min 0 max 1518)",
            "End of nodes.", "Edges:", " beta to me at 192.0.2.1 port 655 options c weight 10",
            " me to beta at 192.0.2.101 port 655 options c weight 10", "End of edges.",
            "Subnet list:", " 10.0.0.1/32#10 owner me", " 10.9.0.0/16#10 owner gone",
            "End of subnet list."));
}

}  // namespace
}  // namespace tinc::mesh
