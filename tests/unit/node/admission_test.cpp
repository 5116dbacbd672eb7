#include "tinc/node/admission.hpp"

#include "tinc/base/limits.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;

constexpr Time start{1h};

/// The n-th of many sources that have nothing to do with each other.
Address source(std::uint32_t number) {
    return Address::v4({std::byte{10}, static_cast<std::byte>(number >> 16U),
                        static_cast<std::byte>(number >> 8U), static_cast<std::byte>(number)});
}

class AdmissionTest : public testing::Test {
  protected:
    Admission::Verdict arrive(const Address& from) {
        return admission.arrive(from, PeerId{++last}, start);
    }

    Admission admission;
    std::uint64_t last = 0;
};

TEST_F(AdmissionTest, ASourceHasAFewUnfinishedConnections) {
    for (std::size_t i = 0; i < limits::pending_per_source; ++i)
        EXPECT_TRUE(arrive(source(1)).is_admitted);
    EXPECT_FALSE(arrive(source(1)).is_admitted);
    EXPECT_TRUE(arrive(source(2)).is_admitted) << "another source is not concerned";
    EXPECT_EQ(admission.pending(), limits::pending_per_source + 1);
}

TEST_F(AdmissionTest, WhoLeavesMakesRoom) {
    for (std::size_t i = 0; i < limits::pending_per_source; ++i)
        ASSERT_TRUE(arrive(source(1)).is_admitted);
    admission.leave(PeerId{3});
    admission.leave(PeerId{3});
    admission.leave(PeerId{999});
    EXPECT_TRUE(arrive(source(1)).is_admitted);
    EXPECT_FALSE(arrive(source(1)).is_admitted);
}

TEST_F(AdmissionTest, AnIpv6NetworkIsOneSource) {
    for (std::size_t i = 0; i < limits::pending_per_source; ++i) {
        auto bytes = std::array<std::byte, 16>{std::byte{0x20}, std::byte{0x01}};
        bytes[15] = static_cast<std::byte>(i);
        EXPECT_TRUE(arrive(Address::v6(bytes)).is_admitted);
    }
    EXPECT_FALSE(arrive(Address::parse("2001::ffff:1:2:3").value()).is_admitted);
    EXPECT_TRUE(arrive(Address::parse("2001:0:0:1::1").value()).is_admitted);
}

TEST_F(AdmissionTest, AFullHouseClosesTheOldestOfTheGreediest) {
    ASSERT_FALSE(arrive(source(1)).victim);  // PeerId 1 is the oldest of all, but modest
    ASSERT_FALSE(arrive(source(2)).victim);
    ASSERT_FALSE(arrive(source(2)).victim);
    for (std::uint32_t i = 3; admission.pending() < limits::pending_connections; ++i)
        ASSERT_FALSE(arrive(source(i)).victim);
    const auto verdict = arrive(source(1'000));
    EXPECT_TRUE(verdict.is_admitted);
    EXPECT_EQ(verdict.victim, PeerId{2});
    EXPECT_EQ(admission.pending(), limits::pending_connections);
}

TEST_F(AdmissionTest, AmongEquallyGreedyTheOldestConnectionGoes) {
    for (std::uint32_t i = 1; i <= limits::pending_connections; ++i)
        ASSERT_FALSE(arrive(source(i * 7'919)).victim);
    for (std::uint64_t i = 1; i <= 2 * limits::pending_connections; ++i)
        EXPECT_EQ(arrive(source(static_cast<std::uint32_t>(1'000'000 + i))).victim, PeerId{i});
}

TEST_F(AdmissionTest, AGoodSourceIsNotTheVictimOfStrangers) {
    admission.remember_good(source(1), start);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(arrive(source(1)).is_admitted);
    for (std::uint32_t i = 2; i < 1'000; ++i) {
        const auto victim = arrive(source(i)).victim;
        EXPECT_TRUE(!victim || *victim > PeerId{3});
    }
}

TEST_F(AdmissionTest, AGoodSourceIsAlwaysAdmittedAndReplacesItsOwn) {
    admission.remember_good(source(1), start);
    for (std::size_t i = 0; i < limits::pending_per_source; ++i)
        ASSERT_TRUE(arrive(source(1)).is_admitted);
    const auto verdict = arrive(source(1));
    EXPECT_TRUE(verdict.is_admitted);
    EXPECT_EQ(verdict.victim, PeerId{1});
    EXPECT_EQ(admission.pending(), limits::pending_per_source);
}

TEST_F(AdmissionTest, GoodnessLastsAnHour) {
    admission.remember_good(source(1), start);
    for (std::uint32_t i = 0; i < limits::handshakes_per_second; ++i)
        ASSERT_TRUE(admission.may_authenticate(source(100 + i), start + 1h - 1ns));
    EXPECT_TRUE(admission.may_authenticate(source(1), start + 1h - 1ns));
    EXPECT_FALSE(admission.may_authenticate(source(2), start + 1h - 1ns));
    EXPECT_FALSE(admission.may_authenticate(source(1), start + 1h));
}

TEST_F(AdmissionTest, StrangersShareABudgetOfHandshakesEachSecond) {
    for (std::uint32_t i = 0; i < limits::handshakes_per_second; ++i)
        EXPECT_TRUE(admission.may_authenticate(source(i), start));
    EXPECT_FALSE(admission.may_authenticate(source(900), start + 1s - 1ns));
    EXPECT_TRUE(admission.may_authenticate(source(900), start + 1s));
}

TEST_F(AdmissionTest, StrangersGetNoMoreThanTheLimitThatWasSet) {
    admission.set_pending_limit(3);
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_FALSE(arrive(source(i)).victim);
    EXPECT_EQ(arrive(source(9)).victim, PeerId{1});
    EXPECT_EQ(admission.pending(), 3U);
    admission.set_pending_limit(1'000'000);
    for (std::size_t i = 3; i < limits::pending_connections; ++i)
        EXPECT_FALSE(arrive(source(static_cast<std::uint32_t>(100 + i))).victim);
    EXPECT_TRUE(arrive(source(9'999)).victim);
}

TEST_F(AdmissionTest, NoSourceUsesUpTheBudgetOfAll) {
    for (std::uint32_t i = 0; i < limits::handshakes_per_source; ++i)
        EXPECT_TRUE(admission.may_authenticate(source(1), start));
    for (std::uint32_t i = 0; i < limits::handshakes_per_second; ++i)
        EXPECT_FALSE(admission.may_authenticate(source(1), start));
    EXPECT_TRUE(admission.may_authenticate(source(2), start));
}

TEST_F(AdmissionTest, GoodSourcesHaveABudgetToo) {
    admission.remember_good(source(1), start);
    for (std::uint32_t i = 0; i < limits::handshakes_per_source; ++i)
        EXPECT_TRUE(admission.may_authenticate(source(1), start));
    EXPECT_FALSE(admission.may_authenticate(source(1), start));
    EXPECT_TRUE(admission.may_authenticate(source(1), start + 1s));
}

class BurstTest : public testing::Test {
  protected:
    BurstTest() { admission.set_burst(3); }

    /// A connection that is over at once, so that nothing stays pending.
    bool comes(const Address& from, Time now) {
        const PeerId peer{++last};
        const bool is_admitted = admission.arrive(from, peer, now).is_admitted;
        admission.leave(peer);
        return is_admitted;
    }
    bool burst_comes(const Address& from, Time now) {
        return comes(from, now) && comes(from, now) && comes(from, now);
    }

    Admission admission;
    std::uint64_t last = 0;
};

TEST_F(BurstTest, ASourceComesThatOftenAtOnceAndOnceASecondThen) {
    EXPECT_TRUE(burst_comes(source(1), start));
    EXPECT_FALSE(comes(source(1), start));
    EXPECT_FALSE(comes(source(1), start + 1s - 1ns));
    EXPECT_TRUE(comes(source(1), start + 1s));
    EXPECT_FALSE(comes(source(1), start + 1s)) << "who is refused gains nothing by it";
    EXPECT_TRUE(burst_comes(source(1), start + 10s));
    EXPECT_FALSE(comes(source(1), start + 10s));
}

TEST_F(BurstTest, OtherSourcesAreNotConcerned) {
    EXPECT_TRUE(burst_comes(source(1), start));
    EXPECT_FALSE(comes(source(1), start));
    EXPECT_TRUE(burst_comes(source(2), start));
}

TEST_F(BurstTest, ThisMachineAndGoodSourcesComeAsTheyLike) {
    const auto here = Address::parse("127.0.0.1").value();
    const auto here_too = Address::parse("::1").value();
    admission.remember_good(source(1), start);
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(comes(here, start));
        EXPECT_TRUE(comes(here_too, start));
        EXPECT_TRUE(comes(source(1), start));
    }
    EXPECT_TRUE(burst_comes(source(1), start + 1h));
    EXPECT_FALSE(comes(source(1), start + 1h)) << "it was good long ago";
}

TEST_F(BurstTest, IsUnlimitedUnlessItIsSet) {
    admission.set_burst(std::nullopt);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(comes(source(1), start));
}

TEST_F(BurstTest, SourcesThatAreRememberedAreBoundedAndHoldUpNobodyElse) {
    for (std::uint32_t i = 0; i < limits::remembered_sources; ++i)
        ASSERT_TRUE(burst_comes(source(i), start));
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(comes(source(1'000'000), start));
    EXPECT_FALSE(comes(source(1), start));
    EXPECT_TRUE(burst_comes(source(1'000'000), start + 3s)) << "old ones make room";
    EXPECT_FALSE(comes(source(1'000'000), start + 3s));
}

TEST_F(AdmissionTest, ASourceIsWorthOneLineAMinute) {
    EXPECT_TRUE(admission.may_log(source(1), start));
    EXPECT_FALSE(admission.may_log(source(1), start + 59s));
    EXPECT_TRUE(admission.may_log(source(2), start + 59s));
    EXPECT_TRUE(admission.may_log(source(1), start + 60s));
    EXPECT_FALSE(admission.may_log(source(1), start + 61s));
}

TEST_F(AdmissionTest, SourcesThatAreRememberedForTheLogAreBounded) {
    for (std::uint32_t i = 0; i < limits::remembered_sources; ++i)
        ASSERT_TRUE(admission.may_log(source(i), start));
    EXPECT_FALSE(admission.may_log(source(1'000'000), start)) << "silence is cheaper than memory";
    EXPECT_TRUE(admission.may_log(source(1'000'000), start + 60s)) << "old ones make room";
}

TEST_F(AdmissionTest, GoodSourcesThatAreRememberedAreBounded) {
    for (std::uint32_t i = 0; i < limits::remembered_sources; ++i)
        admission.remember_good(source(i), start);
    const Address late = source(1'000'000);
    admission.remember_good(late, start);
    for (std::uint32_t i = 0; i < limits::handshakes_per_second; ++i)
        ASSERT_TRUE(admission.may_authenticate(source(2'000'000 + i), start));
    EXPECT_FALSE(admission.may_authenticate(late, start));
    EXPECT_TRUE(admission.may_authenticate(source(1), start));

    admission.remember_good(source(1), start + 59min);
    EXPECT_TRUE(admission.may_authenticate(source(1), start + 90min)) << "a known one is renewed";
    admission.remember_good(late, start + 61min);
    EXPECT_TRUE(admission.may_authenticate(late, start + 61min)) << "expired ones make room";
}

}  // namespace
}  // namespace tinc::node
