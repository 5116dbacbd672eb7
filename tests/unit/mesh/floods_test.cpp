#include "unit/mesh/neighbourhood.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

class FloodsTest : public testing::Test {
  protected:
    FloodsTest() : beta(net.join("beta")), gamma(net.join("gamma")), delta(net.join("delta")) {
        net.forget_effects();
    }
    void expect_silence() {
        EXPECT_THAT(net.lines_to(beta), IsEmpty());
        EXPECT_THAT(net.lines_to(gamma), IsEmpty());
        EXPECT_THAT(net.lines_to(delta), IsEmpty());
    }
    void expect_passed_on(const std::string& line) {
        EXPECT_THAT(net.lines_to(beta), IsEmpty());
        EXPECT_THAT(net.lines_to(gamma), ElementsAre(line));
        EXPECT_THAT(net.lines_to(delta), ElementsAre(line));
    }

    Neighbourhood net;
    PeerId beta;
    PeerId gamma;
    PeerId delta;
};

TEST_F(FloodsTest, PassOnNewsByteForByteToAllOthers) {
    // Further words and blanks are whose they are.
    const std::string lines[] = {
        "10 1a beta 10.2.0.0/16#10 further words", "12 2b beta omega 198.51.100.1 655 c 7 more",
        "11 3c beta  10.2.0.0/16#10", "13 4d beta omega x", "14 5e beta y"};
    for (const auto& line : lines) {
        net.hear(beta, line);
        expect_passed_on(line);
        net.forget_effects();
    }
}

TEST_F(FloodsTest, TellANewNeighbourAllWeKnowPieceByPiece) {
    for (int i = 0; i < 1'000; ++i)
        net.hear(beta, fmt::format("10 {} beta 10.{}.{}.0/24#10", net.nonce(), i / 250, i % 250));
    net.forget_effects();
    const auto omega = net.connect("omega");
    EXPECT_TRUE(net.mesh.is_telling(omega));
    EXPECT_LT(net.lines_to(omega).size(), 500U);
    net.hear(beta, "11 ffff beta 10.3.249.0/24#10");
    for (int i = 0; i < 20 && net.mesh.is_telling(omega); ++i) net.mesh.tell_more(omega);
    net.collect();
    EXPECT_FALSE(net.mesh.is_telling(omega));
    EXPECT_EQ(net.count_lines(omega, "10 "), 999U + 1U) << "what is gone by then is not told";
}

TEST_F(FloodsTest, PassOnAnAddressThatIsNoneButDoNotRepeatIt) {
    net.hear(beta, "12 1a beta omega unknown unknown c 7");
    expect_passed_on("12 1a beta omega unknown unknown c 7");
    net.hear(beta, "12 1b beta sigma 192.0.2.77 655 c 7");
    const auto fresh = net.connect("fresh");
    EXPECT_THAT(net.news_to(fresh), Not(Contains("12 beta omega unknown unknown c 7")));
    EXPECT_THAT(net.news_to(fresh), Contains("12 beta sigma 192.0.2.77 655 c 7"));
}

TEST_F(FloodsTest, RetractAnEdgeToUsWhenItsOwnerIsGoneByAllWays) {
    net.hear(gamma, "12 1a gamma beta 192.0.2.9 655 c 10");
    net.hear(gamma, "12 1b beta gamma 192.0.2.9 655 c 10");
    net.mesh.connection_lost(beta, net.now);
    net.settle();
    EXPECT_THAT(net.news_to(gamma), Not(Contains("13 beta me"))) << "gamma still reaches it";
    net.forget_effects();
    net.hear(gamma, "13 1c gamma beta");
    EXPECT_THAT(net.news_to(gamma), Contains("13 beta me"));
}

TEST_F(FloodsTest, IgnoreALineSeenBefore) {
    const std::string line = "14 77 beta";
    net.hear(beta, line);
    net.forget_effects();
    net.hear(gamma, line);
    net.hear(beta, line);
    expect_silence();
}

TEST(LonelyFloodsTest, ForgetLinesWithTheLastConnection) {
    Neighbourhood net;
    const auto line = "10 77 beta 10.2.0.0/16#10";
    const auto first = net.join("beta");
    net.hear(first, line);
    net.mesh.connection_lost(first, net.now);
    net.settle();
    ASSERT_FALSE(net.mesh.graph().find("beta"));
    net.hear(net.join("beta"), line);
    EXPECT_EQ(net.mesh.graph().subnet_count(), 2U) << "ours and the one of beta";
}

TEST_F(FloodsTest, ForgetLinesAfterPingInterval) {
    net.hear(beta, "14 77 beta");
    net.pass(seconds(70));
    net.forget_effects();
    net.hear(beta, "14 77 beta");
    expect_passed_on("14 77 beta");
}

TEST_F(FloodsTest, PassOnOnlyWhatChangesSomething) {
    net.hear(beta, "10 1 beta 10.2.0.0/16#10");
    net.hear(beta, "12 2 beta omega 198.51.100.1 655 c 7");
    net.forget_effects();
    for (const auto* line : {"10 3 beta 10.2.0.0/16#10", "12 4 beta omega 198.51.100.1 655 c 7",
                             "11 5 beta 10.2.0.0/16#11", "11 6 nobody 10.2.0.0/16",
                             "13 7 beta delta", "13 8 nobody beta", "14 9 nobody"})
        net.hear(gamma, line);
    expect_silence();
}

TEST_F(FloodsTest, PassOnAnEdgeThatChanged) {
    net.hear(beta, "12 1 beta omega 198.51.100.1 655 c 7");
    for (const auto* line :
         {"12 2 beta omega 198.51.100.1 655 c 8", "12 3 beta omega 198.51.100.1 655 d 8",
          "12 4 beta omega 198.51.100.1 656 d 8"}) {
        net.forget_effects();
        net.hear(beta, line);
        expect_passed_on(line);
    }
}

TEST_F(FloodsTest, MakeTheNodesTheySpeakOf) {
    net.hear(beta, "10 1 unheard_of 10.9.0.0/16");
    ASSERT_TRUE(net.mesh.graph().find("unheard_of"));
    EXPECT_FALSE(net.is_reachable("unheard_of"));
    EXPECT_THAT(net.scripts(), IsEmpty()) << "its owner cannot be reached";
    EXPECT_THAT(net.all<SetName>(), testing::SizeIs(1));
}

class BadFlood : public testing::TestWithParam<const char*> {};

TEST_P(BadFlood, EndsTheConnectionAndGoesNoFurther) {
    Neighbourhood net;
    const auto beta = net.join("beta");
    const auto gamma = net.join("gamma");
    net.forget_effects();
    const auto heard = net.say(beta, GetParam());
    ASSERT_FALSE(heard) << GetParam();
    EXPECT_EQ(heard.error().code, Errc::malformed);
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Lines, BadFlood,
                         testing::Values("10 1 be.ta 10.0.0.0/8", "10 1 beta 10.0.0.0/33",
                                         "10 1 beta", "11 1 beta nonsense",
                                         "12 1 beta beta 1.2.3.4 655 c 7",
                                         "12 1 beta ga-mma 1.2.3.4 655 c 7",
                                         "12 1 beta gamma 1.2.3.4 655", "13 1 beta beta",
                                         "13 1 beta", "14 1 be/ta", "15 beta", "15 b.d me",
                                         "16 beta me AB 427 672 4"));

TEST_F(FloodsTest, AboutOurselvesAreCorrected) {
    struct Lie {
        const char* line;
        const char* answer;
    };
    const auto known_edge = net.mesh.graph().find_edge(graph::Graph::self, net.node("beta"));
    const auto truth = fmt::format("12 me beta {} 655 c 10", known_edge->address.host);
    const Lie lies[] = {
        {"10 1 me 10.66.0.0/16#10", "11 me 10.66.0.0/16#10"},
        {"11 2 me 10.0.0.1/32#10", "10 me 10.0.0.1/32#10"},
        {"12 3 me omega 198.51.100.1 655 c 7", "13 me omega"},
        {"12 4 me beta 198.51.100.1 655 c 7", truth.c_str()},
    };
    for (const auto& lie : lies) {
        net.forget_effects();
        net.hear(gamma, lie.line);
        EXPECT_THAT(net.news_to(gamma), ElementsAre(lie.answer));
        EXPECT_THAT(net.lines_to(beta), IsEmpty());
        net.now += seconds(1);
    }
    net.forget_effects();
    net.hear(gamma, "13 5 me beta");
    EXPECT_THAT(net.news_to(gamma), ElementsAre(truth));
    EXPECT_TRUE(net.is_reachable("beta"));
}

TEST_F(FloodsTest, AreCorrectedOnceASecond) {
    for (int i = 0; i < 10; ++i)
        net.hear(gamma, fmt::format("12 {} me omega 198.51.100.1 655 c 7", net.nonce()));
    EXPECT_EQ(net.lines_to(gamma).size(), 1U) << "in half a second";
    net.now += seconds(1);
    net.hear(gamma, fmt::format("12 {} me omega 198.51.100.1 655 c 7", net.nonce()));
    EXPECT_EQ(net.lines_to(gamma).size(), 2U);
}

TEST_F(FloodsTest, ThatCameTooFastAreCorrectedLaterByWhatIsTrueThen) {
    net.hear(gamma, fmt::format("12 {} me epsilon 198.51.100.1 655 c 7", net.nonce()));
    net.hear(gamma, fmt::format("12 {} me epsilon 198.51.100.1 655 c 7", net.nonce()));
    EXPECT_THAT(net.news_to(gamma), ElementsAre("13 me epsilon"));
    net.connect("epsilon");
    net.forget_effects();
    net.pass(seconds(2));
    EXPECT_THAT(net.news_to(gamma), ElementsAre(testing::StartsWith("12 me epsilon ")));
}

TEST_F(FloodsTest, ThatContradictUsLongEnoughMakeUsRetreat) {
    const auto quarrel = [&](int times) {
        for (int i = 0; i < times; ++i) {
            net.hear(gamma, fmt::format("12 {} me omega 198.51.100.1 655 c 7", net.nonce()));
            net.hear(gamma, fmt::format("13 {} me beta", net.nonce()));
        }
    };
    quarrel(101);
    net.pass(seconds(5));
    ASSERT_EQ(net.all<Retreat>().size(), 1U);
    EXPECT_EQ(net.all<Retreat>().front()->time, seconds(10));
    EXPECT_EQ(net.all<ClosePeer>().size(), 3U);
    EXPECT_TRUE(net.log.contains("Possible node with same Name as us! Sleeping 10 seconds."));
    EXPECT_FALSE(net.is_reachable("beta"));
}

TEST_F(FloodsTest, ThatContradictUsSlowlyMakeUsRetreatAsWell) {
    for (int second = 0; second < 105; ++second) {
        net.hear(gamma, fmt::format("12 {} me omega 198.51.100.1 655 c 7", net.nonce()));
        net.hear(gamma, fmt::format("13 {} me beta", net.nonce()));
        net.pass(seconds(1));
    }
    EXPECT_EQ(net.all<Retreat>().size(), 1U);
}

TEST_F(FloodsTest, OfStaleEdgesAloneAreNoReasonToRetreat) {
    for (int i = 0; i < 300; ++i)
        net.hear(gamma, fmt::format("12 {} me n{} 198.51.100.1 655 c 7", net.nonce(), i));
    net.pass(seconds(20));
    EXPECT_THAT(net.all<Retreat>(), IsEmpty());
    EXPECT_TRUE(net.is_reachable("gamma"));
}

TEST_F(FloodsTest, MakeUsRetreatLongerEachTime) {
    const seconds expected[] = {seconds(10), seconds(20), seconds(40)};
    for (const auto time : expected) {
        net.forget_effects();
        const auto peer = net.join("twin_hub");
        for (int i = 0; i < 101; ++i) {
            net.hear(peer, fmt::format("12 {} me omega 198.51.100.1 655 c 7", net.nonce()));
            net.hear(peer, fmt::format("13 {} me twin_hub", net.nonce()));
        }
        net.pass(seconds(0));  // the round is overdue
        ASSERT_EQ(net.all<Retreat>().size(), 1U);
        EXPECT_EQ(net.all<Retreat>().front()->time, time);
        net.now += time;
    }
}

TEST_F(FloodsTest, OfTooManyNewNodesEndTheConnection) {
    Result<void> heard;
    std::size_t count = 0;
    for (; heard && count <= limits::nodes_per_peer; ++count)
        heard = net.mesh.receive(beta, wire::Request::add_subnet,
                                 fmt::format("10 {} n{} 10.9.0.0/16", net.nonce(), count), net.now);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, Errc::exhausted);
    EXPECT_EQ(count, limits::nodes_per_peer + 1);
    EXPECT_TRUE(net.say(gamma, "10 ffff from_gamma 10.9.0.0/16")) << "others are not to blame";
}

TEST_F(FloodsTest, TellANewNeighbourEverything) {
    net.hear(beta, "10 1 beta 10.2.0.0/16#10");
    net.forget_effects();
    const auto epsilon = net.connect("epsilon");
    const auto news = net.news_to(epsilon);
    EXPECT_THAT(news, Contains("10 me 10.0.0.1/32#10"));
    EXPECT_THAT(news, Contains("10 beta 10.2.0.0/16#10"));
    EXPECT_THAT(news, Contains("12 beta me 192.0.2.1 655 c 10"));
    EXPECT_THAT(news, Contains(testing::StartsWith("12 me gamma ")));
    EXPECT_THAT(net.news_to(beta), Contains(testing::StartsWith("12 me epsilon ")));
}

TEST_F(FloodsTest, TellOfALostNeighbourAndItsEdgeToUs) {
    net.mesh.connection_lost(delta, net.now);
    net.settle();
    EXPECT_THAT(net.news_to(beta), ElementsAre("13 me delta", "13 delta me"));
    EXPECT_FALSE(net.is_reachable("delta"));
}

TEST_F(FloodsTest, LeaveTheEdgeOfALostNeighbourThatIsStillThere) {
    net.hear(beta, "12 1 beta delta 198.51.100.1 655 c 7");
    net.hear(delta, "12 2 delta beta 198.51.100.1 655 c 7");
    net.forget_effects();
    net.mesh.connection_lost(delta, net.now);
    net.settle();
    EXPECT_THAT(net.news_to(beta), ElementsAre("13 me delta"));
    EXPECT_TRUE(net.is_reachable("delta"));
}

TEST_F(FloodsTest, AreForgottenWithTheLastConnection) {
    net.hear(beta, "10 1 beta 10.2.0.0/16#10");
    net.join_behind(beta, "beta", "omega");
    for (const auto peer : {beta, gamma, delta}) net.mesh.connection_lost(peer, net.now);
    net.settle();
    EXPECT_EQ(net.mesh.graph().node_count(), 1U);
    EXPECT_EQ(net.mesh.graph().edge_count(), 0U);
    EXPECT_EQ(net.all<Forget>().size(), 4U);
    EXPECT_EQ(net.mesh.deadline() == never, false);
}

TEST_F(FloodsTest, OfUnreachableNodesAreRetractedByAPurge) {
    net.hear(beta, "10 1 gone 10.9.0.0/16#10");
    net.hear(beta, "12 2 gone away 198.51.100.1 655 c 7");
    net.forget_effects();
    net.mesh.purge();
    net.settle();
    EXPECT_THAT(net.news_to(gamma), ElementsAre("11 gone 10.9.0.0/16#10", "13 gone away"));
    EXPECT_FALSE(net.mesh.graph().find("gone"));
    EXPECT_FALSE(net.mesh.graph().find("away"));
    EXPECT_TRUE(net.mesh.graph().find("beta"));
}

TEST_F(FloodsTest, AreToldOnceMoreWhenChangesRest) {
    net.pass(seconds(30));
    net.hear(beta, "10 1 beta 10.2.0.0/16#10");
    net.forget_effects();
    net.pass(Mesh::refresh_after_rest + seconds(1));
    EXPECT_THAT(net.news_to(gamma), Contains("10 beta 10.2.0.0/16#10"));
    net.forget_effects();
    net.pass(seconds(200));
    EXPECT_EQ(net.count_lines(gamma, "10 "), 0U) << "a quiet mesh stays quiet";
    EXPECT_EQ(net.count_lines(gamma, "12 "), 0U);
}

TEST_F(FloodsTest, OfManyChangesAreComputedOncePerPause) {
    net.forget_effects();
    for (int i = 0; i < 1'000; ++i) {
        TINC_ASSERT(net.mesh
                        .receive(beta, wire::Request::add_edge,
                                 fmt::format("12 {} beta n{} 198.51.100.1 655 c 7", net.nonce(), i),
                                 net.now)
                        .has_value());
        net.mesh.settle(net.now);
    }
    net.collect();
    EXPECT_LE(net.all<PublishTable>().size(), 2U);
}

TEST_F(FloodsTest, OfASecondConnectionReplaceTheFirst) {
    const auto again = net.join("beta");
    ASSERT_EQ(net.all<ClosePeer>().size(), 1U);
    EXPECT_EQ(net.all<ClosePeer>().front()->peer, beta);
    EXPECT_TRUE(net.log.contains("Established a second connection with beta"));
    EXPECT_EQ(net.mesh.connection_of("beta"), again);
    EXPECT_TRUE(net.is_reachable("beta"));
    net.mesh.connection_lost(beta, net.now);
    net.settle();
    EXPECT_TRUE(net.is_reachable("beta")) << "the end of the old one is old news";
}

}  // namespace
}  // namespace tinc::mesh
