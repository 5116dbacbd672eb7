// Ways by UDP that change while packets are on them: routers forget, hosts get other addresses,
// links become narrower. Packets must go on within seconds, at first by a relay or TCP if need be.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A hub, and a and b that talk, each behind a router or not.
class MovingTest : public testing::Test {
  protected:
    explicit MovingTest(std::optional<Nat> nat_of_a = Nat::port_restricted,
                        std::optional<Nat> nat_of_b = Nat::port_restricted) {
        hub = sim.add({.name = "hub", .speaks_11 = true});
        a = add("a", nat_of_a, 1);
        b = add("b", nat_of_b, 2);
        sim.start_all();
        EXPECT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(20)));
        talk(seconds(15));
        EXPECT_TRUE(are_direct());
    }
    HostIndex add(const std::string& name, std::optional<Nat> nat, std::size_t lan) {
        const auto host = sim.add({.name = name,
                                   .connect_to = {"hub"},
                                   .lan = nat ? std::optional(lan) : std::nullopt,
                                   .speaks_11 = true});
        if (nat) sim.internet.set_nat(lan, *nat);
        return host;
    }

    enum class Flow : std::uint8_t { both_ways, to_b };
    /// A packet every 100 ms. How long the longest silence at a receiver was.
    Duration talk(Duration time, Flow flow = Flow::both_ways) {
        const auto begin = sim.now();
        const auto already = sim.deliveries().size();
        for (const auto end = begin + time; sim.now() < end; sim.run_for(milliseconds(100))) {
            sim.inject(a, b, ++number_, frame_bytes);
            if (flow == Flow::both_ways) sim.inject(b, a, ++number_, frame_bytes);
        }
        auto silence = longest_silence(b, begin, already);
        if (flow == Flow::both_ways)
            silence = std::max(silence, longest_silence(a, begin, already));
        return silence;
    }
    Duration longest_silence(HostIndex at, Time since, std::size_t already) const {
        Duration longest{};
        const auto& all = sim.deliveries();
        for (auto i = already; i < all.size(); ++i) {
            if (all[i].host != at) continue;
            longest = std::max(longest, all[i].time - std::exchange(since, all[i].time));
        }
        return std::max(longest, sim.now() - since);
    }
    bool are_direct() {
        const auto is_direct = [this](HostIndex from, HostIndex to) {
            const auto& mesh = sim.node(from).mesh();
            const auto node = mesh.graph().find(sim.name(to));
            return node && mesh.has_udp_contact(*node);
        };
        return is_direct(a, b) && is_direct(b, a);
    }

    Simulation sim{71};
    HostIndex hub = 0;
    HostIndex a = 0;
    HostIndex b = 0;
    std::size_t frame_bytes = 400;

  private:
    std::uint32_t number_ = 0;
};

TEST_F(MovingTest, TwoWhoTalkAreFoundAgainWhenARouterForgets) {
    for (int round = 0; round < 3; ++round) {
        sim.internet.forget_mappings(1);
        EXPECT_LT(talk(seconds(10)), seconds(5));
        EXPECT_TRUE(are_direct());
    }
}

TEST_F(MovingTest, OneWhoOnlyListensIsFoundAgainWhenItsRouterForgets) {
    sim.internet.forget_mappings(2);
    EXPECT_LT(talk(seconds(15), Flow::to_b), seconds(5));
}

TEST_F(MovingTest, BothRoutersMayForgetAtOnce) {
    sim.internet.forget_mappings(1);
    sim.internet.forget_mappings(2);
    EXPECT_LT(talk(seconds(15)), seconds(5));
    EXPECT_TRUE(are_direct());
}

TEST_F(MovingTest, AHostThatGetsAPublicAddressGoesOn) {
    sim.roam_to_public(a);
    EXPECT_LT(talk(seconds(15)), seconds(5));
    EXPECT_TRUE(are_direct());
}

TEST_F(MovingTest, AHostThatGoesBehindAnotherRouterGoesOn) {
    sim.roam_behind_nat(a, 3);
    EXPECT_LT(talk(seconds(15)), seconds(5));
    // Its meta connection is found dead, and a new one made.
    talk(seconds(60));
    EXPECT_TRUE(are_direct());
    EXPECT_TRUE(sim.is_converged());
}

class PublicPairTest : public MovingTest {
  protected:
    PublicPairTest() : MovingTest(std::nullopt, std::nullopt) {}
};

TEST_F(PublicPairTest, ARoamingHostGoesOnWithinTwoSecondsWhenItSends) {
    sim.roam_to_public(a);
    EXPECT_LT(talk(seconds(10), Flow::to_b), seconds(2));
}

TEST_F(PublicPairTest, TheHostsOfAMeshMayAllMoveOneAfterTheOther) {
    for (int round = 0; round < 4; ++round) {
        sim.roam_to_public(round % 2 == 0 ? a : b);
        EXPECT_LT(talk(seconds(90)), seconds(5)) << "round " << round;
    }
    EXPECT_TRUE(are_direct());
}

TEST_F(PublicPairTest, APathThatBecomesNarrowerIsNoticedWithinSeconds) {
    frame_bytes = 1'414;
    talk(seconds(5));
    const auto by_tcp = sim.meta_bytes();
    sim.weather.mtu_bytes = 1'280;
    EXPECT_LT(talk(seconds(10)), seconds(4));
    EXPECT_GT(sim.meta_bytes() - by_tcp, 100'000U) << "what is too large goes by TCP";
    frame_bytes = 1'100;
    talk(seconds(15));
    const auto found = sim.meta_bytes();
    EXPECT_LT(talk(seconds(10)), seconds(1));
    EXPECT_LT(sim.meta_bytes() - found, 20'000U) << "what is not goes by UDP again";
}

TEST_F(PublicPairTest, ASlowTrickleNoticesItToo) {
    frame_bytes = 1'414;
    talk(seconds(5));
    sim.weather.mtu_bytes = 1'280;
    std::uint32_t number = 1'000'000;
    sim.inject(a, b, ++number, 1'414);
    sim.run_for(seconds(8));
    sim.inject(a, b, ++number, 1'414);
    sim.run_for(seconds(1));
    EXPECT_TRUE(sim.was_delivered(b, number));
}

TEST_F(PublicPairTest, ALongRoundTripIsNotTakenForSilence) {
    sim.weather.shortest_delay = milliseconds(380);
    sim.weather.longest_delay = milliseconds(400);
    talk(seconds(20));
    const auto by_tcp = sim.meta_bytes();
    talk(seconds(60));
    EXPECT_TRUE(are_direct());
    EXPECT_LT(sim.meta_bytes() - by_tcp, 20'000U);
}

}  // namespace
}  // namespace tinc::sim
