#include "io/errand_ring.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <thread>

namespace tinc::io {
namespace {

plane::Errand errand_for(std::uint32_t node) { return {.node = NodeIndex{node}}; }

/// A load of one packet of two bytes, which are its number.
bool leave(ErrandRing& ring, std::uint32_t number) {
    auto* const load = ring.empty_load();
    if (load == nullptr) return false;
    std::array<std::byte, 2> bytes{};
    put_u16(bytes, 0, static_cast<std::uint16_t>(number));
    load->add(bytes, errand_for(number));
    ring.publish();
    return true;
}

TEST(ErrandRingTest, HandsOverWhatWasLeftInItsOrder) {
    ErrandRing ring;
    EXPECT_EQ(ring.oldest(), nullptr);
    ASSERT_TRUE(leave(ring, 1));
    ASSERT_TRUE(leave(ring, 2));
    for (const std::uint32_t number : {1U, 2U}) {
        auto* const load = ring.oldest();
        ASSERT_NE(load, nullptr);
        ASSERT_EQ(load->packets.size(), 1U);
        EXPECT_EQ(get_u16(load->packets[0].bytes(), 0), number);
        EXPECT_EQ(load->errands().front().node, NodeIndex{number});
        ring.release();
    }
    EXPECT_EQ(ring.oldest(), nullptr);
}

TEST(ErrandRingTest, HasNoRoomWhenAllLoadsAreOnTheirWay) {
    ErrandRing ring;
    for (std::uint32_t i = 0; i < limits::errand_loads; ++i) ASSERT_TRUE(leave(ring, i));
    EXPECT_EQ(ring.empty_loads(), 0U);
    EXPECT_FALSE(leave(ring, 99));
    ASSERT_NE(ring.oldest(), nullptr);
    ring.release();
    EXPECT_EQ(ring.empty_loads(), 1U);
    EXPECT_TRUE(leave(ring, 100));
}

TEST(ErrandRingTest, GivesEmptyLoadsAgain) {
    ErrandRing ring;
    for (std::uint32_t i = 0; i < 3 * limits::errand_loads; ++i) {
        ASSERT_TRUE(leave(ring, i));
        ASSERT_EQ(ring.oldest()->packets.size(), 1U);
        ring.release();
    }
}

TEST(ErrandRingTest, LosesNothingBetweenTwoThreads) {
    constexpr std::uint32_t count = 2'000;
    ErrandRing ring;
    std::thread sender([&] {
        for (std::uint32_t i = 0; i < count;) {
            if (leave(ring, i))
                ++i;
            else
                std::this_thread::yield();
        }
    });
    std::uint32_t next = 0;
    while (next < count) {
        auto* const load = ring.oldest();
        if (load == nullptr) {
            std::this_thread::yield();
            continue;
        }
        EXPECT_EQ(load->errands().front().node, NodeIndex{next});
        EXPECT_EQ(get_u16(load->packets[0].bytes(), 0), next % 65'536);
        ++next;
        ring.release();
    }
    sender.join();
    EXPECT_EQ(ring.oldest(), nullptr);
}

}  // namespace
}  // namespace tinc::io
