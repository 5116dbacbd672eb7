#include "tinc/peer/packet_queue.hpp"

#include "tinc/base/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tinc::peer {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::IsEmpty;

class PacketQueueTest : public testing::Test {
  protected:
    /// A packet of 100 bytes, its newline included.
    void add(const std::string& name, std::size_t most_bytes = 1'000) {
        queue.add({.request = name, .body = std::vector<std::byte>(99 - name.size()), .since = now},
                  most_bytes);
    }
    std::vector<std::string> all() {
        std::vector<std::string> names;
        while (auto packet = queue.take(now)) names.push_back(packet->request);
        return names;
    }

    PacketQueue queue;
    Time now{std::chrono::hours(1)};
};

TEST_F(PacketQueueTest, KeepsTheOrder) {
    for (const auto* name : {"a", "b", "c"}) add(name);
    EXPECT_EQ(queue.bytes(), 300U);
    EXPECT_THAT(all(), ElementsAre("a", "b", "c"));
    EXPECT_TRUE(queue.is_empty());
    EXPECT_EQ(queue.bytes(), 0U);
}

TEST_F(PacketQueueTest, DropsItsOldestWhenItIsFull) {
    for (const auto* name : {"a", "b", "c", "d"}) add(name, 200);
    EXPECT_EQ(queue.bytes(), 200U);
    EXPECT_THAT(all(), ElementsAre("c", "d"));
}

TEST_F(PacketQueueTest, MakesAsMuchRoomAsThereIsNeedOf) {
    for (const auto* name : {"a", "b", "c"}) add(name);
    add("d", 200);
    EXPECT_THAT(all(), ElementsAre("c", "d"));
}

TEST_F(PacketQueueTest, TakesAPacketHoweverSmallTheLimit) {
    add("a", 0);
    add("b", 0);
    EXPECT_THAT(all(), ElementsAre("b"));
}

TEST_F(PacketQueueTest, GivesNothingThatHasWaitedTooLong) {
    add("a");
    now += nanoseconds(1);
    add("b");
    now += limits::packet_patience;
    EXPECT_THAT(all(), ElementsAre("b")) << "which has waited just as long as it may";
    add("c");
    now += limits::packet_patience + nanoseconds(1);
    EXPECT_THAT(all(), IsEmpty());
    EXPECT_EQ(queue.bytes(), 0U);
}

}  // namespace
}  // namespace tinc::peer
