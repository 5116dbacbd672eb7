#include "tinc/packet/replay_window.hpp"
#include "support/seeded_random.hpp"
#include "support/slow_window.hpp"
#include "support/test_data.hpp"
#include "support/vectors.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace tinc::packet {
namespace {

using Verdict = ReplayWindow::Verdict;

struct Step {
    std::uint32_t sequence;
    Verdict verdict;
};

struct Story {
    std::string name;
    std::size_t size_bytes;
    std::vector<Step> steps;
};

TEST(ReplayWindowTest, JudgesAsTheOriginalDid) {
    const auto data = nlohmann::json::parse(test::test_data("replay_window.json"));
    ReplayWindow window(data["window_bytes"]);
    EXPECT_EQ(window.accept(data["initial_received_seqno"]), Verdict::fresh);

    for (std::size_t i = 0; i < data["sequence"].size(); ++i) {
        const auto& step = data["sequence"][i];
        const auto verdict = window.accept(step[0].get<std::uint32_t>());
        const bool accepted = verdict == Verdict::fresh || verdict == Verdict::fresh_after_loss;
        EXPECT_EQ(accepted, step[1] == "accept") << "step " << i << ", number " << step[0];
    }
}

TEST(ReplayWindowTest, JudgesSptpsAsTheOriginalDid) {
    for (const auto& vector : test::vectors_of("replay-window.json")) {
        constexpr std::uint32_t after_handshake = 2;
        ReplayWindow window(vector["window_bytes"], ReplayWindow::Rule::sptps, after_handshake);
        for (std::size_t i = 0; i < vector["sequence"].size(); ++i) {
            const auto& step = vector["sequence"][i];
            const auto foreseen = window.judge(step[0].get<std::uint32_t>());
            const auto verdict = window.accept(step[0].get<std::uint32_t>());
            EXPECT_EQ(verdict, foreseen);
            const bool accepted = verdict == Verdict::fresh || verdict == Verdict::fresh_after_loss;
            EXPECT_EQ(accepted, step[1].get<bool>())
                << "window " << vector["window_bytes"] << " step " << i << ", number " << step[0];
        }
    }
}

class ReplayWindowStory : public testing::TestWithParam<Story> {};

TEST_P(ReplayWindowStory, IsJudgedStepByStep) {
    ReplayWindow window(GetParam().size_bytes);
    for (std::size_t i = 0; i < GetParam().steps.size(); ++i) {
        const auto& step = GetParam().steps[i];
        EXPECT_EQ(window.accept(step.sequence), step.verdict)
            << "step " << i << ", number " << step.sequence;
    }
}

constexpr auto fresh = Verdict::fresh;
constexpr auto after_loss = Verdict::fresh_after_loss;
constexpr auto replayed = Verdict::replayed;
constexpr auto too_far = Verdict::too_far;

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, ReplayWindowStory, testing::Values(
    Story{"zero_is_never_first", 16, {{0, replayed}, {1, fresh}}},
    Story{"what_was_seen", 16, {{1, fresh}, {1, replayed}, {2, fresh}, {1, replayed}}},
    Story{"a_gap_may_be_filled_once", 16, {{1, fresh}, {5, fresh}, {3, fresh}, {3, replayed}, {2, fresh}}},
    Story{"last_number_inside", 16, {{1, fresh}, {128, fresh}, {2, fresh}}},
    Story{"first_number_beyond", 16, {{1, fresh}, {129, too_far}, {128, fresh}}},
    Story{"oldest_number_still_late", 16, {{1, fresh}, {128, fresh}, {130, fresh}, {2, replayed}, {3, fresh}}},
    Story{"old_number_of_a_reused_bit", 16, {{100, fresh}, {200, fresh}, {72, replayed}, {73, fresh}}},
    Story{"far_numbers_are_believed_at_last", 16, {{1000, too_far}, {2000, too_far}, {3000, too_far}, {4000, too_far}, {5000, after_loss}}},
    Story{"an_accepted_number_restarts_the_count", 16, {{1000, too_far}, {1000, too_far}, {1000, too_far}, {1000, too_far}, {1, fresh}, {1000, too_far}}},
    Story{"a_replay_does_not_restart_the_count", 16, {{1, fresh}, {900, too_far}, {900, too_far}, {900, too_far}, {900, too_far}, {1, replayed}, {900, after_loss}}},
    Story{"skipped_numbers_are_lost_for_good", 4, {{90, too_far}, {90, after_loss}, {89, replayed}, {60, replayed}, {91, fresh}, {93, fresh}, {92, fresh}}},
    Story{"one_byte_believes_at_once", 1, {{8, after_loss}, {7, replayed}, {15, fresh}, {9, fresh}, {8, replayed}}},
    Story{"next_number_after_far_ones", 1, {{1, fresh}, {2, fresh}, {3, fresh}}},
    Story{"nothing_wraps_at_the_top", 1, {{0xffffffff, after_loss}, {0, replayed}, {1, replayed}, {0xffffffff, replayed}}},
    Story{"a_gap_up_to_the_top", 1, {{0xfffffff0, after_loss}, {0xfffffff7, fresh}, {0xffffffff, after_loss}, {0xfffffffe, replayed}}},
    Story{"no_window_accepts_all", 0, {{7, fresh}, {7, fresh}, {0, fresh}, {0xffffffff, fresh}, {1, fresh}}}
), [](const auto& test) { return test.param.name; });
// clang-format on

TEST(ReplayWindowTest, RemembersTheHighestNumber) {
    ReplayWindow window(16);
    EXPECT_EQ(window.last(), 0U);
    (void)window.accept(9);
    (void)window.accept(3);
    EXPECT_EQ(window.last(), 9U);
    (void)window.accept(5000);
    EXPECT_EQ(window.last(), 9U);
}

TEST(ReplayWindowTest, RemembersTheHighestNumberWithoutAWindow) {
    ReplayWindow window(0);
    (void)window.accept(9);
    (void)window.accept(3);
    EXPECT_EQ(window.last(), 9U);
}

TEST(ReplayWindowTest, ForgetsEverythingOnReset) {
    ReplayWindow window(4);
    (void)window.accept(10);
    (void)window.accept(900);
    window.reset();

    EXPECT_EQ(window.last(), 0U);
    EXPECT_EQ(window.accept(900), too_far);
    EXPECT_EQ(window.accept(10), fresh);
    EXPECT_EQ(window.accept(5), fresh);
    EXPECT_EQ(window.accept(0), replayed);
}

class ReplayWindowModel : public testing::TestWithParam<std::size_t> {};

TEST_P(ReplayWindowModel, AgreesWithASetOverRandomNumbers) {
    const auto size_bytes = GetParam();
    test::SeededRandom random(size_bytes);
    ReplayWindow window(size_bytes);
    test::SlowWindow model(size_bytes);

    const auto width = static_cast<std::uint32_t>(24 * size_bytes);
    for (int i = 0; i < 30'000; ++i) {
        const auto kind = random.below(100);
        auto next = static_cast<std::uint32_t>(model.last()) + 1;
        if (kind >= 40) next += random.below(width) - width / 2;
        if (kind == 99) next = random.below(1U << 20U);
        ASSERT_EQ(window.accept(next), model.accept(next)) << "step " << i << ", number " << next;
        ASSERT_EQ(window.last(), model.last()) << "step " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Packet, ReplayWindowModel, testing::Values(1, 2, 3, 4, 7, 16, 32, 100));

}  // namespace
}  // namespace tinc::packet
