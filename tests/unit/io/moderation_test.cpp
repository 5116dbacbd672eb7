#include "io/moderation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace tinc::io {
namespace {

using std::chrono::microseconds;

class ModerationTest : public testing::Test {
  protected:
    /// Packets come that far apart, one with each wake-up or as many as a pause brings. How often
    /// we paused in `reads` reads.
    int pauses(int reads, microseconds apart, std::size_t most_under_way = 1'000) {
        int paused = 0;
        for (int i = 0; i < reads; ++i) {
            const bool has_paused = is_pausing_;
            now_ += has_paused ? std::max(apart, microseconds(Moderation::pause)) : apart;
            const auto came = static_cast<std::size_t>(Moderation::pause / apart);
            const auto count = has_paused ? std::clamp<std::size_t>(came, 1, most_under_way) : 1;
            is_pausing_ = moderation_.pauses_after(count, now_);
            paused += is_pausing_ ? 1 : 0;
        }
        return paused;
    }

    Moderation moderation_;
    Moderation::Clock::time_point now_;
    bool is_pausing_ = false;
};

TEST_F(ModerationTest, LeavesAFastStreamForAMomentAgainAndAgain) {
    EXPECT_GT(pauses(1'000, microseconds(25)), 900);
}

TEST_F(ModerationTest, NeverPausesForWhatComesNowAndThen) {
    EXPECT_EQ(pauses(10'000, microseconds(250)), 0);
    EXPECT_EQ(pauses(1'000, microseconds(100'000)), 0);
}

TEST_F(ModerationTest, HardlyEverPausesForOneWhoWaitsForOurAnswer) {
    EXPECT_LE(pauses(10'000, microseconds(50), 1), 20);
}

TEST_F(ModerationTest, StopsWhenTheStreamEnds) {
    ASSERT_GT(pauses(100, microseconds(25)), 0);
    pauses(1, microseconds(1'000));
    EXPECT_EQ(pauses(100, microseconds(1'000)), 0);
}

TEST_F(ModerationTest, DoesNotPauseForWhatComesInNumbers) {
    for (int i = 0; i < 1'000; ++i) {
        now_ += microseconds(25);
        ASSERT_FALSE(moderation_.pauses_after(45, now_));
    }
}

}  // namespace
}  // namespace tinc::io
