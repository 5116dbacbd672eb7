// Two nodes of protocol 1.1 behind routers of every kind, and a public node both connect to. The
// table says where a direct way by UDP exists; there it must be found, whoever speaks first. Where
// none does, the public node relays.
//
// A router lets in who was spoken to, more or less exactly. So two ends get through to each other
// if each can tell what the other will be seen as. A symmetric router hides that: only an end that
// does not look at ports gets through to it.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <tuple>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// None: a public address.
using Place = std::optional<Nat>;

constexpr Place everywhere[] = {std::nullopt, Nat::full_cone, Nat::restricted, Nat::port_restricted,
                                Nat::symmetric};

bool has_direct_way(Place a, Place b) {
    const auto looks_at_ports = [](Place place) {
        return place == Nat::port_restricted || place == Nat::symmetric;
    };
    if (a == Nat::symmetric) return !looks_at_ports(b);
    if (b == Nat::symmetric) return !looks_at_ports(a);
    return true;
}

enum class First : std::uint8_t { a, b };
/// Who dials: both the hub, or a also b, where b can be dialled.
using Case = std::tuple<Place, Place, First>;

std::string text_of(Place place) { return place ? std::string(name_of(*place)) : "public"; }

/// A hub that everybody can reach, and a and b somewhere.
class NatTest : public testing::Test {
  protected:
    explicit NatTest(Place place_of_a, Place place_of_b) {
        hub = sim.add({.name = "hub", .speaks_11 = true});
        a = add("a", place_of_a, 1);
        b = add("b", place_of_b, 2);
        sim.start_all();
        EXPECT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(20)));
    }

    /// A packet each way every quarter of a second. What was delivered of the last `time`, of 1.
    double converse(Duration time) {
        const auto sent_before = number_;
        const auto delivered_before = sim.deliveries().size();
        for (const auto end = sim.now() + time; sim.now() < end; sim.run_for(milliseconds(250))) {
            sim.inject(a, b, ++number_, frame_bytes);
            sim.inject(b, a, ++number_, frame_bytes);
        }
        sim.run_for(milliseconds(200));
        return static_cast<double>(sim.deliveries().size() - delivered_before) /
               (number_ - sent_before);
    }
    bool is_direct(HostIndex from, HostIndex to) {
        const auto& mesh = sim.node(from).mesh();
        const auto node = mesh.graph().find(sim.name(to));
        return node && mesh.has_udp_contact(*node);
    }

    Simulation sim{29};
    HostIndex hub = 0;
    HostIndex a = 0;
    HostIndex b = 0;
    std::size_t frame_bytes = 1'000;
    std::uint32_t number_ = 0;

  private:
    HostIndex add(const std::string& name, Place place, std::size_t lan) {
        const auto host = sim.add({.name = name,
                                   .connect_to = {"hub"},
                                   .lan = place ? std::optional(lan) : std::nullopt,
                                   .speaks_11 = true});
        if (place) sim.internet.set_nat(lan, *place);
        return host;
    }
};

class NatPairTest : public NatTest, public testing::WithParamInterface<Case> {
  protected:
    NatPairTest() : NatTest(std::get<0>(GetParam()), std::get<1>(GetParam())) {
        const bool a_is_first = std::get<2>(GetParam()) == First::a;
        sim.inject(a_is_first ? a : b, a_is_first ? b : a, ++number_);
        sim.run_for(seconds(1));
    }
};

TEST_P(NatPairTest, FindsTheDirectWayIfThereIsOneAndTheRelayIfNot) {
    const auto [place_of_a, place_of_b, first] = GetParam();
    converse(seconds(15));
    const auto at_hub = sim.datagrams_at(hub);
    const auto by_tcp = sim.meta_bytes();
    EXPECT_EQ(converse(seconds(20)), 1.0);
    constexpr std::uint64_t sent = 160;
    if (has_direct_way(place_of_a, place_of_b)) {
        EXPECT_TRUE(is_direct(a, b) && is_direct(b, a));
        EXPECT_LT(sim.datagrams_at(hub) - at_hub, sent / 4) << "they still talk by way of the hub";
    } else {
        EXPECT_FALSE(is_direct(a, b) || is_direct(b, a));
        EXPECT_GE(sim.datagrams_at(hub) - at_hub, sent);
    }
    EXPECT_LT(sim.meta_bytes() - by_tcp, sent * frame_bytes / 4) << "packets went by TCP";
}

std::string name_of_case(const testing::TestParamInfo<Case>& test) {
    const auto& [place_of_a, place_of_b, first] = test.param;
    return fmt::format("{}_and_{}_{}_first", text_of(place_of_a), text_of(place_of_b),
                       first == First::a ? "a" : "b");
}
INSTANTIATE_TEST_SUITE_P(Nat, NatPairTest,
                         testing::Combine(testing::ValuesIn(everywhere),
                                          testing::ValuesIn(everywhere),
                                          testing::Values(First::a, First::b)),
                         name_of_case);

/// a is where nothing gets through by UDP.
class BlockedTest : public NatTest, public testing::WithParamInterface<Place> {
  protected:
    BlockedTest() : NatTest(Nat::udp_dropping, GetParam()) {}
};

TEST_P(BlockedTest, TalksByTcpAndByUdpWhenThatOpens) {
    converse(seconds(15));
    const auto by_tcp = sim.meta_bytes();
    EXPECT_EQ(converse(seconds(20)), 1.0);
    EXPECT_FALSE(is_direct(a, b) || is_direct(b, a) || is_direct(a, hub));
    EXPECT_GT(sim.meta_bytes() - by_tcp, std::uint64_t{160} * frame_bytes);
    EXPECT_TRUE(is_direct(b, hub)) << "where nothing is in its way";

    sim.internet.set_nat(1, Nat::full_cone);
    EXPECT_EQ(converse(seconds(15)), 1.0);
    EXPECT_TRUE(is_direct(a, b) && is_direct(b, a));
}
INSTANTIATE_TEST_SUITE_P(Nat, BlockedTest, testing::ValuesIn(everywhere),
                         [](const auto& test) { return text_of(test.param); });

}  // namespace
}  // namespace tinc::sim
