// Whose word counts: StrictSubnets and TunnelServer.

#include "unit/mesh/neighbourhood.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tinc::mesh {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

wire::Subnet subnet(std::string_view text) { return wire::parse_subnet(text).value(); }

MeshSettings trusting(Trust trust) {
    auto settings = Neighbourhood::usual_settings();
    settings.trust = trust;
    settings.host_subnets = {{"beta", {subnet("10.2.0.0/16")}},
                             {"gamma", {subnet("10.3.0.0/16"), subnet("10.33.0.0/16")}}};
    return settings;
}

class GossipPolicyTest : public testing::Test {
  protected:
    explicit GossipPolicyTest(Trust trust) : net(trusting(trust)) {
        beta = net.join("beta");
        gamma = net.join("gamma");
        net.forget_effects();
    }
    [[nodiscard]] bool has(std::string_view owner, std::string_view text) const {
        const auto node = net.mesh.graph().find(owner);
        return node && net.mesh.graph().has_subnet(*node, subnet(text));
    }

    Neighbourhood net;
    PeerId beta{};
    PeerId gamma{};
};

// StrictSubnets ----------------------------------------------------------------------------------

class StrictSubnetsTest : public GossipPolicyTest {
  protected:
    StrictSubnetsTest() : GossipPolicyTest(Trust::host_files) {}
};

TEST_F(StrictSubnetsTest, NodesHaveTheirSubnetsWithoutAWord) {
    EXPECT_TRUE(has("beta", "10.2.0.0/16"));
    EXPECT_TRUE(has("gamma", "10.33.0.0/16"));
}

TEST_F(StrictSubnetsTest, WhatNoHostFileHasIsPassedOnButNotBelieved) {
    net.hear(beta, "10 1 beta 0.0.0.0/0#1");
    EXPECT_FALSE(has("beta", "0.0.0.0/0#1"));
    EXPECT_THAT(net.lines_to(gamma), ElementsAre("10 1 beta 0.0.0.0/0#1"));
    EXPECT_TRUE(net.log.contains(
        "Ignoring unauthorized ADD_SUBNET from beta (192.0.2.9 port 4000): 0.0.0.0/0#1"));
    net.hear(beta, "11 2 beta 0.0.0.0/0#1");
    EXPECT_THAT(net.lines_to(gamma), Contains("11 2 beta 0.0.0.0/0#1"));
}

TEST_F(StrictSubnetsTest, LiesMakeNoNodes) {
    for (int i = 0; i < 100; ++i)
        net.hear(beta, fmt::format("10 {} n{} 10.9.0.0/16", net.nonce(), i));
    EXPECT_EQ(net.mesh.graph().node_count(), 3U);
}

TEST_F(StrictSubnetsTest, LiesDoNotFillTheLog) {
    net.log.show(Level::always);
    net.log.lines.clear();
    for (int i = 0; i < 1'000; ++i)
        net.hear(beta, fmt::format("10 {} beta 10.9.{}.0/24", net.nonce(), i % 250));
    EXPECT_EQ(net.log.lines.size(), 10U);
}

TEST_F(StrictSubnetsTest, AnotherWeightIsAnotherSubnet) {
    net.hear(beta, "10 1 beta 10.2.0.0/16#5");
    EXPECT_FALSE(has("beta", "10.2.0.0/16#5"));
}

TEST_F(StrictSubnetsTest, WhatHostFilesSayIsNoNews) {
    net.hear(gamma, "10 1 gamma 10.3.0.0/16");
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
}

TEST_F(StrictSubnetsTest, WhatItsOwnerTakesBackStaysOurRouteButIsNotTold) {
    net.hear(gamma, "11 1 gamma 10.3.0.0/16");
    EXPECT_TRUE(has("gamma", "10.3.0.0/16"));
    EXPECT_THAT(net.lines_to(beta), ElementsAre("11 1 gamma 10.3.0.0/16"));
    net.hear(gamma, "11 2 gamma 10.3.0.0/16");
    EXPECT_EQ(net.lines_to(beta).size(), 1U) << "said before";

    const auto delta = net.connect("delta");
    EXPECT_THAT(net.news_to(delta), Contains("10 gamma 10.33.0.0/16#10"));
    EXPECT_THAT(net.news_to(delta), Not(Contains("10 gamma 10.3.0.0/16#10")));

    net.hear(gamma, "10 3 gamma 10.3.0.0/16");
    EXPECT_THAT(net.lines_to(beta), Contains("10 3 gamma 10.3.0.0/16")) << "news again";
}

TEST_F(StrictSubnetsTest, OurOwnSubnetsAreDefendedAsEver) {
    net.hear(beta, "11 1 me 10.0.0.1/32");
    net.hear(beta, "10 2 me 10.99.0.0/16");
    EXPECT_THAT(net.news_to(beta), ElementsAre("10 me 10.0.0.1/32#10", "11 me 10.99.0.0/16#10"));
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(StrictSubnetsTest, AReloadRetractsWhatIsGoneAndAnnouncesWhatIsNew) {
    auto settings = trusting(Trust::host_files);
    settings.host_subnets["gamma"] = {subnet("10.3.0.0/16"), subnet("10.34.0.0/16")};
    settings.host_subnets["delta"] = {subnet("10.4.0.0/16")};
    settings.host_subnets.erase("beta");
    net.mesh.reload(settings, net.now);
    net.settle();
    EXPECT_THAT(net.news_to(beta),
                UnorderedElementsAre("11 beta 10.2.0.0/16#10", "11 gamma 10.33.0.0/16#10",
                                     "10 gamma 10.34.0.0/16#10", "10 delta 10.4.0.0/16#10"));
    EXPECT_FALSE(has("beta", "10.2.0.0/16"));
    EXPECT_TRUE(has("delta", "10.4.0.0/16"));
    EXPECT_THAT(net.scripts(), UnorderedElementsAre("subnet-down", "subnet-down", "subnet-up"))
        << "delta is not there";
}

TEST_F(StrictSubnetsTest, PurgingKeepsWhatHostFilesSay) {
    net.mesh.connection_lost(gamma, net.now);
    net.settle();
    net.forget_effects();
    net.mesh.purge();
    net.settle();
    EXPECT_THAT(net.news_to(beta),
                UnorderedElementsAre("11 gamma 10.3.0.0/16#10", "11 gamma 10.33.0.0/16#10"));
    EXPECT_TRUE(has("gamma", "10.3.0.0/16"));
    const auto back = net.join("gamma");
    net.hear(back, "10 77 gamma 10.3.0.0/16");
    EXPECT_THAT(net.lines_to(beta), Contains("10 77 gamma 10.3.0.0/16")) << "they had to forget it";
}

TEST_F(StrictSubnetsTest, TheLastConnectionsEndKeepsWhatHostFilesSay) {
    net.join_behind(beta, "beta", "delta");
    net.mesh.connection_lost(beta, net.now);
    net.mesh.connection_lost(gamma, net.now);
    net.settle();
    EXPECT_TRUE(has("beta", "10.2.0.0/16"));
    EXPECT_EQ(net.mesh.graph().find("delta"), std::nullopt);
    EXPECT_EQ(net.mesh.graph().edge_count(), 0U);
    net.join("beta");
    EXPECT_TRUE(net.is_reachable("beta"));
}

// TunnelServer -----------------------------------------------------------------------------------

class TunnelServerTest : public GossipPolicyTest {
  protected:
    TunnelServerTest() : GossipPolicyTest(Trust::neighbours) {}
};

TEST_F(TunnelServerTest, ANewNeighbourHearsOfUsAlone) {
    const auto delta = net.connect("delta");
    EXPECT_THAT(net.news_to(delta),
                ElementsAre("10 me 10.0.0.1/32#10", "12 me delta 192.0.2.103 655 c 10"));
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(TunnelServerTest, NothingANeighbourSaysGoesOn) {
    for (const auto* line :
         {"10 1 beta 10.2.0.0/16", "11 2 beta 10.2.0.0/16", "10 3 beta 10.99.0.0/16",
          "12 4 beta omega 192.0.2.7 655 c 1", "13 5 beta omega", "14 6 beta", "15 beta gamma",
          "12 7 beta me 192.0.2.1 655 c 99", "13 8 beta me"})
        net.hear(beta, line);
    net.pass(std::chrono::minutes(2));
    for (const auto& line : net.lines_to(gamma))
        EXPECT_EQ(line.find("beta"), std::string::npos) << line;
}

TEST_F(TunnelServerTest, KeysAreNotRelayed) {
    net.hear(beta, "15 beta gamma");
    net.hear(beta, fmt::format("16 beta gamma {} 427 672 4 0", std::string(96, 'A')));
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(TunnelServerTest, ANeighbourSpeaksForItselfOnly) {
    net.hear(beta, "10 1 gamma 10.3.0.0/16");
    net.hear(beta, "11 2 gamma 10.33.0.0/16");
    net.hear(beta, "13 3 gamma me");
    net.hear(beta, "12 4 gamma omega 192.0.2.7 655 c 1");
    EXPECT_TRUE(has("gamma", "10.33.0.0/16"));
    EXPECT_TRUE(net.is_reachable("gamma"));
    EXPECT_EQ(net.mesh.graph().find("omega"), std::nullopt);
    EXPECT_TRUE(net.log.contains(
        "Ignoring indirect ADD_SUBNET from beta (192.0.2.9 port 4000) for 10.3.0.0/16#10"));
}

TEST_F(TunnelServerTest, ANeighbourCannotSpoilTheKeysOfAnother) {
    net.hear(gamma, fmt::format("16 gamma me {} 427 672 4 0", std::string(96, 'A')));
    net.forget_effects();
    net.hear(beta, "14 1 gamma");
    net.hear(beta, "15 gamma me");
    net.hear(beta, fmt::format("16 gamma me {} 427 672 4 0", std::string(96, 'B')));
    EXPECT_THAT(net.all<SetSealer>(), IsEmpty());
    EXPECT_THAT(net.all<SetOpener>(), IsEmpty());
    net.hear(gamma, "15 gamma me");
    EXPECT_EQ(net.all<SetOpener>().size(), 1U);
}

TEST_F(TunnelServerTest, WhatLiesBehindANeighbourIsReached) {
    net.join_behind(beta, "beta", "delta");
    EXPECT_TRUE(net.is_reachable("delta"));
    EXPECT_EQ(net.mesh.connection_towards(net.node("delta")), beta);
}

TEST_F(TunnelServerTest, ALostNeighbourIsNobodysBusiness) {
    net.mesh.connection_lost(gamma, net.now);
    net.settle();
    net.mesh.purge();
    net.pass(std::chrono::minutes(2));
    for (const auto& line : net.lines_to(beta))
        EXPECT_EQ(line.find("gamma"), std::string::npos) << line;
}

TEST_F(TunnelServerTest, SubnetsOfOthersChangeInSilence) {
    auto settings = trusting(Trust::neighbours);
    settings.host_subnets["gamma"] = {subnet("10.34.0.0/16")};
    settings.subnets.push_back(subnet("10.0.0.2"));
    net.mesh.reload(settings, net.now);
    net.settle();
    EXPECT_TRUE(has("gamma", "10.34.0.0/16"));
    EXPECT_THAT(net.news_to(beta), ElementsAre("10 me 10.0.0.2/32#10"));
}

}  // namespace
}  // namespace tinc::mesh
