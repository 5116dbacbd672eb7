#include "tinc/mesh/udp_path.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

namespace tinc::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using News = UdpPath::News;

constexpr std::size_t ethernet = 1439;  ///< what fits 1500 bytes of IPv4
constexpr std::size_t frame = limits::frame_bytes;

/// A path that passes frames up to a size, tried ten times a second.
struct Way {
    /// True if something was confirmed, fixed or lost.
    void attempt() {
        now += milliseconds(100);
        while (!answers.empty() && answers.front().first <= now) take_answer();
        if (path.on_time(now)) ++times_lost;
        const bool is_measured = use == Use::packets || (use == Use::doubts && path.is_doubtful());
        const auto round = path.attempt(now, discovery, is_measured);
        if (round.is_fixed) ++times_fixed;
        for (const auto size : round.probes) {
            sent.push_back(size);
            if (size <= passes) answers.emplace_back(now + round_trip, size);
        }
        while (!answers.empty() && answers.front().first <= now) take_answer();
    }
    void take_answer() {
        const auto [time, size] = answers.front();
        answers.pop_front();
        if (path.on_reply(size, time) == News::fixed) ++times_fixed;
    }
    void pass(Duration time) {
        for (const auto end = now + time; now < end;) attempt();
    }

    UdpPath path;
    UdpDiscovery discovery;
    std::size_t passes = ethernet;
    enum class Use : std::uint8_t { packets, doubts, none } use = Use::packets;
    Duration round_trip{};
    std::deque<std::pair<Time, std::size_t>> answers;
    std::vector<std::size_t> sent;
    int times_fixed = 0;
    int times_lost = 0;
    Time now{std::chrono::hours(1)};
};

TEST(UdpPathTest, AsksEveryTwoSecondsUntilSomebodyAnswers) {
    Way way;
    way.passes = 0;
    way.pass(seconds(10));
    EXPECT_THAT(way.sent, ElementsAre(18, 18, 18, 18, 18));
    EXPECT_FALSE(way.path.is_confirmed());
    EXPECT_EQ(way.path.usable_bytes(), 0U);
}

TEST(UdpPathTest, LooksOnTheLanOnlyUntilSomebodyAnswers) {
    Way way;
    EXPECT_TRUE(way.path.attempt(way.now, way.discovery, false).wants_local_probe);
    EXPECT_EQ(way.path.on_reply(18, way.now), News::confirmed);
    EXPECT_EQ(way.path.on_reply(18, way.now), News::none);
    const auto keepalive = way.path.attempt(way.now + seconds(10), way.discovery, false);
    EXPECT_THAT(keepalive.probes, ElementsAre(18));
    EXPECT_FALSE(keepalive.wants_local_probe);
}

TEST(UdpPathTest, OneProbeIsEnoughWhenTheSystemKnowsTheLink) {
    Way way;
    way.attempt();
    ASSERT_TRUE(way.path.wants_route_mtu(way.discovery));
    way.path.on_route_mtu(ethernet);
    way.attempt();
    EXPECT_THAT(way.sent, ElementsAre(18, ethernet));
    EXPECT_EQ(way.times_fixed, 1);
    EXPECT_EQ(way.path.mtu(), ethernet);
    EXPECT_EQ(way.path.usable_bytes(), ethernet);
}

TEST(UdpPathTest, FindsAnySizeToTwentyEightBytesWithinTwentyProbes) {
    for (const auto size : {576U, 700U, 1000U, 1200U, 1280U, 1400U, 1439U, 1518U}) {
        Way way;
        way.passes = size;
        way.pass(seconds(9));
        EXPECT_EQ(way.times_fixed, 1) << size;
        EXPECT_LE(way.path.mtu(), size);
        EXPECT_GE(way.path.mtu() + 28, size);
        // Besides, two ask whether anybody is there, and what is proven so far is watched.
        EXPECT_LE(way.sent.size(), 22U + 9 / 1.5) << size;
    }
}

TEST(UdpPathTest, SmallPacketsWantNoSize) {
    Way way;
    EXPECT_EQ(way.path.attempt(way.now, way.discovery, false).probes.size(), 1U);
    static_cast<void>(way.path.on_reply(18, way.now));
    EXPECT_THAT(way.path.attempt(way.now + seconds(1), way.discovery, false).probes, IsEmpty());
}

TEST(UdpPathTest, APathForTinyPacketsAloneIsNotUsed) {
    Way way;
    way.passes = 100;
    way.pass(seconds(20));
    EXPECT_TRUE(way.path.is_confirmed());
    EXPECT_EQ(way.path.usable_bytes(), 0U);
    EXPECT_GE(way.path.mtu(), UdpPath::smallest_useful_bytes);
}

TEST(UdpPathTest, IsLostAfterHalfAMinuteOfSilence) {
    Way way;
    way.pass(seconds(10));
    ASSERT_EQ(way.path.usable_bytes() > 0, true);
    way.passes = 0;
    way.use = Way::Use::none;
    way.pass(seconds(28));
    EXPECT_EQ(way.times_lost, 0);
    way.pass(seconds(13));
    EXPECT_EQ(way.times_lost, 1);
    EXPECT_FALSE(way.path.is_confirmed());
    EXPECT_EQ(way.path.usable_bytes(), 0U);
}

TEST(UdpPathTest, IsLeftWithinThreeSecondsAndLostWithinSixIfItIsUsed) {
    Way way;
    way.pass(seconds(10));
    way.passes = 0;
    way.pass(seconds(3));
    EXPECT_EQ(way.path.usable_bytes(), 0U);
    way.pass(seconds(3));
    EXPECT_EQ(way.times_lost, 1);
}

TEST(UdpPathTest, IsLeftWithinThreeSecondsIfItHasShrunk) {
    Way way;
    way.pass(seconds(10));
    way.passes = 1200;
    way.pass(seconds(3));
    EXPECT_LE(way.path.usable_bytes(), 1200U);
    way.pass(seconds(8));
    EXPECT_EQ(way.times_lost, 0) << "small probes still pass";
    EXPECT_LE(way.path.usable_bytes(), 1200U);
    EXPECT_GE(way.path.usable_bytes() + 28, 1200U);
}

TEST(UdpPathTest, IsLeftWithinThreeSecondsAlsoWhileAGreaterSizeIsLookedFor) {
    Way way;
    way.pass(seconds(2));
    ASSERT_FALSE(way.path.is_fixed());
    ASSERT_GT(way.path.usable_bytes(), 0U);
    way.passes = 0;
    way.pass(seconds(3));
    EXPECT_EQ(way.path.usable_bytes(), 0U);
}

TEST(UdpPathTest, OnePacketIsDoubtEnough) {
    Way way;
    way.pass(seconds(10));
    way.use = Way::Use::doubts;
    way.pass(seconds(2));
    EXPECT_FALSE(way.path.is_doubtful()) << "all were answered";
    way.passes = 0;
    way.pass(seconds(4));
    EXPECT_GT(way.path.usable_bytes(), 0U) << "nobody has used it";
    way.use = Way::Use::packets;
    way.attempt();
    way.use = Way::Use::doubts;
    way.pass(seconds(4));
    EXPECT_EQ(way.path.usable_bytes(), 0U);
    EXPECT_FALSE(way.path.is_doubtful()) << "it is given up";
}

TEST(UdpPathTest, AnswersThatTakeLongAreWaitedFor) {
    Way way;
    way.round_trip = milliseconds(900);
    way.pass(seconds(10));
    const auto found = way.path.usable_bytes();
    ASSERT_GT(found, 1'400U);
    for (int i = 0; i < 600; ++i) {
        way.attempt();
        ASSERT_GE(way.path.usable_bytes(), found);
    }
}

TEST(UdpPathTest, WhatCarriesNothingIsCheckedInNoHurry) {
    Way way;
    way.passes = 100;
    way.pass(seconds(30));
    way.sent.clear();
    way.pass(seconds(60));
    EXPECT_LE(way.sent.size(), 40U);
}

TEST(UdpPathTest, IsNotCheckedOftenerThanItMustBe) {
    Way way;
    way.pass(seconds(10));
    way.sent.clear();
    way.pass(seconds(60));
    EXPECT_LE(way.sent.size(), 60 / 1.5 + 60 / 10 + 2) << "questions, keepalives, checks";
    EXPECT_EQ(std::ranges::count(way.sent, way.path.max_mtu() + 1), 1) << "has it grown?";
}

TEST(UdpPathTest, NoticesThatThePathHasGrown) {
    Way way;
    way.passes = 1200;
    way.pass(seconds(10));
    const auto before = way.path.mtu();
    way.passes = 1400;
    way.pass(seconds(70));
    EXPECT_GT(way.path.mtu(), before);
    EXPECT_GE(way.path.mtu() + 28, 1400U);
}

TEST(UdpPathTest, NoticesThatThePathHasShrunk) {
    Way way;
    way.pass(seconds(10));
    way.passes = 1200;
    way.pass(seconds(80));
    EXPECT_EQ(way.times_lost, 0) << "small probes still pass";
    EXPECT_LE(way.path.mtu(), 1200U);
    EXPECT_GE(way.path.mtu() + 28, 1200U);
}

TEST(UdpPathTest, WhatTheSystemRefusesLowersTheLimitAtOnce) {
    Way way;
    way.pass(seconds(10));
    way.path.on_too_big(1300);
    EXPECT_EQ(way.path.max_mtu(), 1299U);
    EXPECT_EQ(way.path.usable_bytes(), 1299U);
    way.path.on_too_big(0);
    way.path.on_too_big(3);
    EXPECT_EQ(way.path.max_mtu(), UdpPath::smallest_useful_bytes);
}

TEST(UdpPathTest, WithoutDiscoveryUdpIsTakenToWork) {
    Way way;
    way.discovery.is_on = false;
    way.pass(seconds(10));
    EXPECT_EQ(way.times_fixed, 1);
    EXPECT_THAT(way.sent, testing::Not(testing::Contains(18)));
    way.passes = 0;
    way.pass(seconds(40));
    EXPECT_EQ(way.times_lost, 0);
}

TEST(UdpPathTest, NewsOfOthersCountsUntilWeKnowBetter) {
    Way way;
    way.path.on_mtu_info(1300);
    EXPECT_EQ(way.path.mtu(), 1300U);
    way.path.on_mtu_info(frame + 1);
    EXPECT_EQ(way.path.mtu(), frame);
    way.pass(seconds(10));
    const auto found = way.path.mtu();
    way.path.on_mtu_info(600);
    EXPECT_EQ(way.path.mtu(), found);
}

TEST(UdpPathTest, ALimitOfTheConfigurationStays) {
    Way way;
    way.path.lower_limit(1000);
    way.pass(seconds(10));
    EXPECT_EQ(way.path.mtu(), 1000U);
    way.path.reset();
    EXPECT_EQ(way.path.mtu(), 1000U);
}

TEST(UdpPathTest, AnAnswerLargerThanAnyFrameProvesNoMoreThanAFrame) {
    Way way;
    way.attempt();
    static_cast<void>(way.path.on_reply(65535, way.now));
    EXPECT_LE(way.path.usable_bytes(), frame);
}

}  // namespace
}  // namespace tinc::mesh
