#include "neighbourhood.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

MacAddress mac(std::uint32_t number) {
    return {std::byte{2},
            std::byte{0},
            std::byte{0},
            std::byte{0},
            static_cast<std::byte>(number >> 8U),
            static_cast<std::byte>(number & 0xffU)};
}

MeshSettings expiring_after(seconds time) {
    auto settings = Neighbourhood::usual_settings();
    settings.mac_expire = time;
    return settings;
}

class LearnedMacsTest : public testing::Test {
  protected:
    void see(std::uint32_t number) {
        town.mesh.mac_seen(mac(number), town.now);
        town.settle();
    }
    [[nodiscard]] bool is_ours(std::string_view text) const {
        return town.mesh.graph().has_subnet(graph::Graph::self, wire::parse_subnet(text).value());
    }

    Neighbourhood town{expiring_after(seconds(20))};
    PeerId beta = town.join("beta");
    PeerId gamma = town.join("gamma");
};

TEST_F(LearnedMacsTest, AreToldToAllAtFirstSight) {
    town.forget_effects();
    see(0xab);
    for (const auto peer : {beta, gamma})
        EXPECT_THAT(town.news_to(peer), ElementsAre("10 me 2:0:0:0:0:ab#10"));
    EXPECT_THAT(town.scripts(), ElementsAre("subnet-up"));
    EXPECT_FALSE(town.all<PublishTable>().empty());
    EXPECT_TRUE(is_ours("2:0:0:0:0:ab"));

    town.forget_effects();
    see(0xab);
    EXPECT_THAT(town.effects, IsEmpty()) << "known";
}

TEST_F(LearnedMacsTest, ExpireAfterSilenceAtATickOfPingTimeout) {
    see(1);
    town.forget_effects();
    town.pass(seconds(20));
    EXPECT_TRUE(is_ours("2:0:0:0:0:1"));
    town.pass(seconds(7));
    EXPECT_FALSE(is_ours("2:0:0:0:0:1"));
    for (const auto peer : {beta, gamma})
        EXPECT_THAT(town.news_to(peer), Contains("11 me 2:0:0:0:0:1#10"));
    EXPECT_THAT(town.scripts(), ElementsAre("subnet-down"));
    ASSERT_EQ(town.all<UnlearnMac>().size(), 1U);
    EXPECT_EQ(town.all<UnlearnMac>().front()->mac, mac(1));
    EXPECT_FALSE(town.all<PublishTable>().empty());
}

TEST_F(LearnedMacsTest, StayAsLongAsTheyAreSeen) {
    see(1);
    for (int i = 0; i < 100; ++i) {
        town.pass(seconds(15));
        see(1);
    }
    EXPECT_TRUE(is_ours("2:0:0:0:0:1"));
}

TEST_F(LearnedMacsTest, ComeBackAfterTheyExpired) {
    see(1);
    town.pass(seconds(40));
    town.forget_effects();
    see(1);
    EXPECT_THAT(town.news_to(beta), ElementsAre("10 me 2:0:0:0:0:1#10"));
}

TEST_F(LearnedMacsTest, LeaveAtOnceWhenTheyAreAtAnotherNode) {
    see(1);
    town.forget_effects();
    town.hear(beta, "10 " + town.nonce() + " beta 2:0:0:0:0:1#10");
    EXPECT_FALSE(is_ours("2:0:0:0:0:1"));
    EXPECT_THAT(town.news_to(beta), ElementsAre("11 me 2:0:0:0:0:1#10"));
    EXPECT_THAT(town.news_to(gamma), ElementsAre("10 beta 2:0:0:0:0:1#10", "11 me 2:0:0:0:0:1#10"));
    EXPECT_THAT(town.scripts(), ElementsAre("subnet-up", "subnet-down"));

    town.forget_effects();
    see(1);
    EXPECT_THAT(town.news_to(gamma), ElementsAre("10 me 2:0:0:0:0:1#10")) << "and may return";
}

TEST_F(LearnedMacsTest, OfAHostAtTwoPlacesAreNotToldWithoutEnd) {
    town.forget_effects();
    for (int i = 0; i < 100; ++i) {
        town.mesh.mac_seen(mac(1), town.now);
        town.hear(beta, "11 " + town.nonce() + " beta 2:0:0:0:0:1#10");
        town.hear(beta, "10 " + town.nonce() + " beta 2:0:0:0:0:1#10");
    }
    const auto news = town.news_to(gamma);
    const auto spent = std::chrono::duration_cast<seconds>(town.now.time_since_epoch()).count();
    EXPECT_LE(std::ranges::count(news, "10 me 2:0:0:0:0:1#10"), 3 * (spent + 1));
}

TEST_F(LearnedMacsTest, LeaveWhateverTheWeightElsewhere) {
    see(1);
    town.hear(beta, "10 " + town.nonce() + " beta 2:0:0:0:0:1#77");
    EXPECT_FALSE(is_ours("2:0:0:0:0:1"));
}

TEST_F(LearnedMacsTest, AreToldToNewNeighbours) {
    see(1);
    const auto delta = town.connect("delta");
    EXPECT_THAT(town.news_to(delta), Contains("10 me 2:0:0:0:0:1#10"));
}

TEST_F(LearnedMacsTest, AreDefendedLikeAnySubnetOfOurs) {
    see(1);
    town.forget_effects();
    town.hear(beta, "11 " + town.nonce() + " me 2:0:0:0:0:1#10");
    EXPECT_THAT(town.news_to(beta), ElementsAre("10 me 2:0:0:0:0:1#10"));
    EXPECT_TRUE(is_ours("2:0:0:0:0:1"));
}

TEST_F(LearnedMacsTest, SurviveAReloadAndTakeItsExpiry) {
    see(1);
    town.forget_effects();
    town.mesh.reload(expiring_after(seconds(600)), town.now);
    town.settle();
    EXPECT_THAT(town.news_to(beta), IsEmpty());
    see(1);
    town.pass(seconds(60));
    EXPECT_TRUE(is_ours("2:0:0:0:0:1"));
}

TEST_F(LearnedMacsTest, BecomeConfiguredOnesByAReload) {
    see(1);
    auto settings = expiring_after(seconds(20));
    settings.subnets.push_back(wire::mac_subnet(mac(1)));
    town.mesh.reload(settings, town.now);
    town.pass(seconds(100));
    EXPECT_TRUE(is_ours("2:0:0:0:0:1"));
}

TEST_F(LearnedMacsTest, EndWithTheirScripts) {
    see(1);
    town.forget_effects();
    town.mesh.stop();
    town.collect();
    const auto scripts = town.scripts();
    EXPECT_EQ(std::ranges::count(scripts, "subnet-down"), 2) << "10.0.0.1 and the learned one";
}

TEST_F(LearnedMacsTest, HaveALimitThatIsToldOnce) {
    for (std::uint32_t i = 0; i < limits::learned_macs + 10; ++i) {
        if (i == 2'000) town.pass(seconds(1));
        town.mesh.mac_seen(mac(i), town.now);
    }
    town.settle();
    EXPECT_EQ(town.mesh.graph().subnets_of(graph::Graph::self).size(), limits::learned_macs + 1);
    const auto& lines = town.log.lines;
    EXPECT_EQ(std::ranges::count_if(
                  lines, [](const auto& line) { return line.starts_with("Not learning"); }),
              1);
}

TEST_F(LearnedMacsTest, DoNotCountAgainstOthersWhenTheyHaveExpired) {
    for (std::uint32_t i = 0; i < limits::learned_macs; ++i) town.mesh.mac_seen(mac(i), town.now);
    town.pass(seconds(40));
    see(0xffff);
    EXPECT_TRUE(is_ours("2:0:0:0:ff:ff"));
}

TEST(ConfiguredMacsTest, NeitherExpireNorMoveNorAreLearned) {
    auto settings = expiring_after(seconds(20));
    settings.subnets = {wire::parse_subnet("2:0:0:0:0:1#5").value()};
    Neighbourhood town{settings};
    const auto beta = town.join("beta");
    town.forget_effects();
    town.mesh.mac_seen(mac(1), town.now);
    town.settle();
    town.hear(beta, "10 " + town.nonce() + " beta 2:0:0:0:0:1#10");
    town.pass(seconds(100));
    const auto& ours = town.mesh.graph().subnets_of(graph::Graph::self);
    EXPECT_THAT(ours, ElementsAre(settings.subnets.front()));
    const auto news = town.news_to(beta);
    EXPECT_EQ(std::ranges::count_if(news, [](const auto& line) { return line.starts_with("11 "); }),
              0);
}

}  // namespace
}  // namespace tinc::mesh
