#include "support/seeded_random.hpp"
#include "tinc/mesh/rate_limit.hpp"
#include "tinc/mesh/seen_requests.hpp"
#include "unit/mesh/neighbourhood.hpp"

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

/// Nobody answers for what a neighbour invents.
class InventedNodes : public testing::Test {
  protected:
    /// Whether all of them were taken.
    bool invent(PeerId peer, std::string_view prefix, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto line = fmt::format("10 {} {}{} 10.0.0.1/32#10", net.nonce(), prefix, i);
            if (!net.mesh.receive(peer, wire::Request::add_subnet, line, net.now)) return false;
        }
        net.settle();
        return true;
    }

    Neighbourhood net;
};

TEST_F(InventedNodes, AreCountedAcrossReconnections) {
    EXPECT_TRUE(invent(net.join("beta"), "a", limits::nodes_per_peer - 1));
    const auto again = net.join("beta");
    EXPECT_TRUE(invent(again, "b", 1));
    EXPECT_FALSE(invent(again, "c", 1));
}

TEST_F(InventedNodes, MakeRoomForOthersOnceTheTableIsFull) {
    for (const auto* name : {"b", "c", "d", "e", "f"}) {
        const auto peer = net.join(name);
        const auto room = limits::nodes - net.mesh.graph().node_count();
        ASSERT_TRUE(invent(peer, std::string(name) + "_", std::min(limits::nodes_per_peer, room)));
    }
    ASSERT_EQ(net.mesh.graph().node_count(), limits::nodes);
    const auto honest = net.join("b");
    EXPECT_FALSE(invent(honest, "early", 1));
    net.now += Mesh::unreachable_at_least;
    EXPECT_TRUE(invent(honest, "late", 1));
    EXPECT_LT(net.mesh.graph().node_count(), 20U) << "those nobody reached are forgotten";
}

}  // namespace
}  // namespace tinc::mesh
