#include "tinc/mesh/path_mtu.hpp"

#include "support/seeded_random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::SizeIs;
using News = PathMtu::Round::News;

class PathMtuTest : public testing::Test {
  protected:
    PathMtuTest() { path.start(now); }

    /// The next round, at the time it asks for.
    PathMtu::Round round() {
        now = path.deadline();
        return path.on_time(now, {seconds(60), seconds(5)}, random);
    }
    /// A round whose probes up to `limit` are answered.
    PathMtu::Round round_on_path(std::size_t limit) {
        auto done = round();
        for (const auto size : done.probes)
            if (size <= limit) path.on_reply(size);
        return done;
    }
    Duration wait() const { return path.deadline() - now; }
    void fix_at(std::size_t size) {
        path.on_too_big(size + 1);
        path.on_reply(size);
        ASSERT_EQ(round().news, News::fixed);
    }

    Time now{};
    test::SeededRandom random{1};
    PathMtu path;
};

TEST_F(PathMtuTest, KnowsNothingAtFirst) {
    EXPECT_EQ(path.mtu(), limits::frame_bytes);
    EXPECT_EQ(path.min_mtu(), 0U);
    EXPECT_EQ(path.max_mtu(), limits::frame_bytes);
}

TEST_F(PathMtuTest, SearchesWithThreeProbesASecond) {
    const auto first = round();
    EXPECT_THAT(first.probes, SizeIs(3));
    EXPECT_THAT(first.probes,
                Each(testing::AllOf(testing::Ge(64U), testing::Le(limits::frame_bytes))));
    EXPECT_EQ(wait(), seconds(1));
}

TEST_F(PathMtuTest, DoesNothingBeforeItIsDue) {
    round();
    const auto early = path.on_time(now, {}, random);
    EXPECT_THAT(early.probes, SizeIs(0));
    EXPECT_EQ(wait(), seconds(1));
}

TEST_F(PathMtuTest, ProbesBetweenWhatPassedAndWhatMayPass) {
    path.on_too_big(1'001);
    path.on_reply(900);
    for (int i = 0; i < 20; ++i)
        EXPECT_THAT(round().probes, Each(testing::AllOf(testing::Gt(900U), testing::Le(1'000U))));
}

TEST_F(PathMtuTest, GivesUpAfterNineUnansweredRounds) {
    for (int i = 0; i < 9; ++i) {
        const auto unanswered = round();
        EXPECT_EQ(unanswered.news, News::none);
        EXPECT_THAT(unanswered.probes, SizeIs(3));
    }
    const auto last = round();
    EXPECT_EQ(last.news, News::silent);
    EXPECT_THAT(last.probes, SizeIs(0));
    EXPECT_EQ(wait(), seconds(60));
}

TEST_F(PathMtuTest, TriesASilentPathAgainEveryPingInterval) {
    for (int i = 0; i < 10; ++i) round();
    EXPECT_THAT(round().probes, SizeIs(3));
    EXPECT_EQ(wait(), seconds(5));
    const auto rest = round();
    EXPECT_EQ(rest.news, News::none);
    EXPECT_THAT(rest.probes, SizeIs(0));
    EXPECT_EQ(wait(), seconds(60));
}

TEST_F(PathMtuTest, SearchesWhenASilentPathAnswers) {
    for (int i = 0; i < 11; ++i) round();
    path.on_reply(500);
    EXPECT_EQ(path.min_mtu(), 500U);
    EXPECT_THAT(round().probes, SizeIs(3));
    EXPECT_EQ(wait(), seconds(1));
}

TEST_F(PathMtuTest, IsFixedWhenNothingIsLeftToTry) {
    round();
    path.on_reply(limits::frame_bytes);
    const auto fixed = round();
    EXPECT_EQ(fixed.news, News::fixed);
    EXPECT_EQ(fixed.probes_sent, 2U);
    EXPECT_THAT(fixed.probes, SizeIs(0));
    EXPECT_EQ(path.mtu(), limits::frame_bytes);
    EXPECT_EQ(wait(), seconds(60));
}

TEST_F(PathMtuTest, IsFixedAtRoundThirtyAtTheLatest) {
    path.on_reply(700);
    int rounds = 1;
    while (round().news != News::fixed) ++rounds;
    EXPECT_EQ(rounds, 30);
    EXPECT_EQ(path.mtu(), 700U);
    EXPECT_EQ(path.max_mtu(), 700U);
}

TEST_F(PathMtuTest, ChecksAFixedPathAndWhetherItGrew) {
    fix_at(1'000);
    EXPECT_THAT(round().probes, ElementsAre(1'008U, 1'000U, 1'000U, 1'000U));
    EXPECT_EQ(wait(), seconds(5));
}

TEST_F(PathMtuTest, DoesNotAskForMoreThanAFrame) {
    fix_at(limits::frame_bytes - 8);
    EXPECT_THAT(round().probes, SizeIs(3));
}

TEST_F(PathMtuTest, RestsAgainWhenTheCheckIsAnswered) {
    fix_at(1'000);
    round();
    path.on_reply(1'000);
    const auto rest = round();
    EXPECT_EQ(rest.news, News::none);
    EXPECT_THAT(rest.probes, SizeIs(0));
    EXPECT_EQ(wait(), seconds(60));
    EXPECT_EQ(path.mtu(), 1'000U);
}

TEST_F(PathMtuTest, BeginsAnewWhenTheCheckIsNotAnswered) {
    fix_at(1'000);
    round();
    const auto lost = round();
    EXPECT_EQ(lost.news, News::restarted);
    EXPECT_THAT(lost.probes, SizeIs(3));
    EXPECT_EQ(path.min_mtu(), 0U);
    EXPECT_EQ(path.max_mtu(), limits::frame_bytes);
    EXPECT_EQ(path.mtu(), 1'000U) << "the routing limit stays until something else is proven";
}

TEST_F(PathMtuTest, FindsAPathThatGrew) {
    fix_at(1'000);
    round();
    path.on_reply(1'008);
    EXPECT_EQ(path.max_mtu(), limits::frame_bytes);
    for (int i = 0; i < 40 && path.mtu() == 1'000; ++i) round_on_path(1'200);
    EXPECT_GT(path.mtu(), 1'100U);
    EXPECT_LE(path.mtu(), 1'200U);
}

TEST_F(PathMtuTest, LowersItsBoundsWhenTheSystemRefuses) {
    path.on_reply(1'400);
    path.on_too_big(1'300);
    EXPECT_EQ(path.max_mtu(), 1'299U);
    EXPECT_EQ(path.mtu(), 1'299U);
    EXPECT_EQ(path.min_mtu(), 1'299U);
    path.on_too_big(1'400);
    EXPECT_EQ(path.max_mtu(), 1'299U) << "never raises";
}

TEST_F(PathMtuTest, SurvivesAbsurdReports) {
    path.on_too_big(0);
    EXPECT_EQ(path.max_mtu(), limits::frame_bytes);
    path.on_too_big(1);
    path.on_reply(100'000);
    EXPECT_LE(path.min_mtu(), path.max_mtu());
    for (int i = 0; i < 100; ++i) EXPECT_THAT(round().probes, Each(testing::Ge(64U)));
}

TEST_F(PathMtuTest, WantsTheLanProbedInTheFirstTenRoundsOnly) {
    path.on_reply(100);
    for (int i = 1; i <= 10; ++i) EXPECT_TRUE(round().wants_local_probe) << i;
    EXPECT_FALSE(round().wants_local_probe);
}

TEST_F(PathMtuTest, CountsFromTheStartAfterAStop) {
    fix_at(1'000);
    round();
    path.stop();
    EXPECT_FALSE(path.is_running());
    EXPECT_EQ(path.deadline(), never);
    path.start(now);
    EXPECT_EQ(round().news, News::fixed) << "not: restarted";
    EXPECT_EQ(path.min_mtu(), 1'000U);
}

TEST_F(PathMtuTest, StartsOnlyOnce) {
    round();
    const auto due = path.deadline();
    path.start(now);
    EXPECT_EQ(path.deadline(), due);
}

TEST_F(PathMtuTest, HurriesOnlyWhatRuns) {
    round();
    path.hurry(now);
    EXPECT_EQ(path.deadline(), now);
    path.stop();
    path.hurry(now);
    EXPECT_FALSE(path.is_running());
}

TEST_F(PathMtuTest, ForgetsAllButTheRoutingLimitOnReset) {
    fix_at(1'000);
    path.reset();
    EXPECT_EQ(path.min_mtu(), 0U);
    EXPECT_EQ(path.max_mtu(), limits::frame_bytes);
    EXPECT_EQ(path.mtu(), 1'000U);
    EXPECT_FALSE(path.is_running());
}

TEST_F(PathMtuTest, TakesALimitThatIsLower) {
    path.lower_limit(1'300);
    path.lower_limit(1'400);
    EXPECT_EQ(path.mtu(), 1'300U);
}

class PathMtuOf : public testing::TestWithParam<std::size_t> {};

TEST_P(PathMtuOf, IsFoundWithoutAWordFromTheSystem) {
    test::SeededRandom random(GetParam());
    PathMtu path;
    Time now{};
    path.start(now);
    for (auto news = News::none; news != News::fixed;) {
        now = path.deadline();
        const auto round = path.on_time(now, {}, random);
        news = round.news;
        ASSERT_NE(news, News::silent);
        for (const auto size : round.probes)
            if (size <= GetParam()) path.on_reply(size);
    }
    EXPECT_LE(path.mtu(), GetParam());
    EXPECT_GE(path.mtu() + 60, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Paths, PathMtuOf,
                         testing::Values(576U, 700U, 1'000U, 1'280U, 1'400U, 1'451U, 1'500U,
                                         1'518U));

}  // namespace
}  // namespace tinc::mesh
