#include "tinc/plane/recent_macs.hpp"

#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

namespace tinc::plane {
namespace {

MacAddress mac(std::uint32_t number) {
    MacAddress out{std::byte{2}};
    for (std::size_t i = 0; i < 4; ++i) out[5 - i] = static_cast<std::byte>(number >> (8 * i));
    return out;
}

TEST(RecentMacsTest, AnAddressIsNewsOnceInAWhile) {
    test::SeededRandom random(1);
    RecentMacs recent(random);
    const Time start{};
    EXPECT_TRUE(recent.is_news(mac(1), start));
    EXPECT_FALSE(recent.is_news(mac(1), start));
    EXPECT_TRUE(recent.is_news(mac(2), start));
    EXPECT_FALSE(recent.is_news(mac(1), start + limits::mac_report_pause - Duration(1)));
    EXPECT_TRUE(recent.is_news(mac(1), start + limits::mac_report_pause));
}

TEST(RecentMacsTest, WhatIsForgottenIsNews) {
    test::SeededRandom random(1);
    RecentMacs recent(random);
    recent.forget(mac(1));
    EXPECT_TRUE(recent.is_news(mac(1), Time{}));
    recent.forget(mac(2));
    EXPECT_FALSE(recent.is_news(mac(1), Time{}));
    recent.forget(mac(1));
    EXPECT_TRUE(recent.is_news(mac(1), Time{}));
}

TEST(RecentMacsTest, ZerosAreAnAddressLikeAnyOther) {
    test::SeededRandom random(1);
    RecentMacs recent(random);
    EXPECT_TRUE(recent.is_news({}, Time{}));
    EXPECT_FALSE(recent.is_news({}, Time{}));
}

TEST(RecentMacsTest, HoldsNearlyAllThatMayBeLearned) {
    test::SeededRandom random(1);
    RecentMacs recent(random);
    constexpr auto count = static_cast<std::uint32_t>(limits::learned_macs);
    for (std::uint32_t i = 0; i < count; ++i) EXPECT_TRUE(recent.is_news(mac(i), Time{}));
    std::size_t again = 0;
    for (std::uint32_t i = 0; i < count; ++i) again += recent.is_news(mac(i), Time{}) ? 1U : 0U;
    EXPECT_LT(again, count / 8) << "too many crowd each other out";
}

TEST(RecentMacsTest, MakesRoomWhereTheOldestIs) {
    test::SeededRandom random(1);
    RecentMacs recent(random);
    Time now{};
    for (std::uint32_t i = 0; i < 1'000'000; ++i) static_cast<void>(recent.is_news(mac(i), now));
    now += std::chrono::milliseconds(1);
    EXPECT_TRUE(recent.is_news(mac(2'000'000), now));
    EXPECT_FALSE(recent.is_news(mac(2'000'000), now));
}

}  // namespace
}  // namespace tinc::plane
