#include "support/seeded_random.hpp"
#include "tinc/mesh/rate_limit.hpp"
#include "tinc/mesh/seen_requests.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tinc::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time start{};

TEST(RateLimitTest, AllowsABurstInEachPeriod) {
    RateLimit limit(2, seconds(1));
    EXPECT_TRUE(limit.allows("a", start));
    EXPECT_TRUE(limit.allows("a", start + milliseconds(500)));
    EXPECT_FALSE(limit.allows("a", start + milliseconds(999)));
    EXPECT_TRUE(limit.allows("a", start + seconds(1)));
}

TEST(RateLimitTest, CountsEachKeyByItself) {
    RateLimit limit(1, seconds(1));
    EXPECT_TRUE(limit.allows("a", start));
    EXPECT_TRUE(limit.allows("b", start));
    EXPECT_FALSE(limit.allows("b", start));
}

TEST(RateLimitTest, RefusesNewKeysWhileTooManyAreBusy) {
    RateLimit limit(1, seconds(1), 3);
    for (const auto* key : {"a", "b", "c"}) EXPECT_TRUE(limit.allows(key, start));
    EXPECT_FALSE(limit.allows("d", start));
    EXPECT_TRUE(limit.allows("d", start + seconds(1))) << "old keys have made room";
}

class SeenRequestsTest : public testing::Test {
  protected:
    test::SeededRandom random{1};
    SeenRequests seen{random};
};

TEST_F(SeenRequestsTest, KnowsALineByEveryByte) {
    EXPECT_FALSE(seen.was_seen("10 1 a 10.0.0.1", start));
    EXPECT_TRUE(seen.was_seen("10 1 a 10.0.0.1", start));
    EXPECT_FALSE(seen.was_seen("10 2 a 10.0.0.1", start));
    EXPECT_FALSE(seen.was_seen("10 1 a 10.0.0.1 ", start));
}

TEST_F(SeenRequestsTest, ForgetsWhatIsOldEnough) {
    EXPECT_FALSE(seen.was_seen("old", start));
    EXPECT_FALSE(seen.was_seen("young", start + seconds(30)));
    EXPECT_EQ(seen.forget_older_than(seconds(60), start + seconds(60)), 1U);
    EXPECT_EQ(seen.size(), 1U);
    EXPECT_FALSE(seen.was_seen("old", start + seconds(60)));
    EXPECT_TRUE(seen.was_seen("young", start + seconds(60)));
}

TEST_F(SeenRequestsTest, RemembersNoMoreThanItsLimit) {
    for (std::size_t i = 0; i <= limits::seen_requests; ++i)
        ASSERT_FALSE(seen.was_seen(std::to_string(i), start));
    EXPECT_EQ(seen.size(), limits::seen_requests);
    EXPECT_TRUE(seen.was_seen("1", start));
    EXPECT_FALSE(seen.was_seen("0", start)) << "the oldest had to go";
}

}  // namespace
}  // namespace tinc::mesh
