// Meshes of nodes of protocol 1.1, alone and with those of 1.0.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HostOptions modern(std::string name, std::vector<std::string> connect_to = {},
                   std::optional<std::size_t> lan = {}) {
    return {.name = std::move(name),
            .connect_to = std::move(connect_to),
            .lan = lan,
            .adjust = {},
            .speaks_11 = true};
}

bool reaches_by_udp(Simulation& sim, HostIndex from, HostIndex to) {
    const auto& mesh = sim.node(from).mesh();
    const auto node = mesh.graph().find(sim.name(to));
    return node && mesh.has_udp_contact(*node);
}

/// Packets for everybody from everybody, often enough that each pair finds its way.
std::uint32_t exchange(Simulation& sim, std::uint32_t number, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        for (HostIndex from = 0; from < sim.host_count(); ++from)
            for (HostIndex to = 0; to < sim.host_count(); ++to)
                if (from != to) sim.inject(from, to, ++number);
        sim.run_for(milliseconds(500));
    }
    return number;
}

std::size_t delivered_once(const Simulation& sim, std::uint32_t after) {
    std::map<std::uint32_t, int> count;
    for (const auto& delivery : sim.deliveries())
        if (delivery.number > after) ++count[delivery.number];
    EXPECT_TRUE(std::ranges::all_of(count, [](const auto& entry) { return entry.second == 1; }))
        << "a packet was delivered twice";
    return count.size();
}

TEST(SptpsMeshTest, EveryPairExchangesPacketsOnceInBadWeather) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Simulation sim(seed);
        sim.weather = {.loss = 0.02, .duplication = 0.05, .corruption = 0.005};
        for (int i = 0; i < 8; ++i)
            sim.add(modern(fmt::format("n{}", i),
                           i == 0
                               ? std::vector<std::string>()
                               : std::vector{fmt::format(
                                     "n{}", sim.random().below(static_cast<std::uint32_t>(i)))}));
        sim.start_all();
        ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)))
            << sim.disagreement();
        const auto warm = exchange(sim, 0, 20);
        const auto last = exchange(sim, warm, 10);
        EXPECT_GT(delivered_once(sim, warm), (last - warm) * 90 / 100);
    }
}

TEST(SptpsMeshTest, OldAndNewNodesAreOneMesh) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Simulation sim(seed);
        for (int i = 0; i < 8; ++i) {
            auto options = modern(fmt::format("n{}", i));
            if (i > 0)
                options.connect_to = {
                    fmt::format("n{}", sim.random().below(static_cast<std::uint32_t>(i)))};
            options.speaks_11 = sim.random().below(2) == 0;
            sim.add(options);
        }
        sim.start_all();
        ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)))
            << sim.disagreement();
        const auto warm = exchange(sim, 0, 30);
        const auto last = exchange(sim, warm, 4);
        EXPECT_EQ(delivered_once(sim, warm), last - warm);
    }
}

TEST(SptpsMeshTest, NewKeysLoseNothing) {
    Simulation sim(4);
    for (const auto* name : {"a", "b", "c"}) {
        auto options = modern(name, std::string_view(name) == "a" ? std::vector<std::string>()
                                                                  : std::vector<std::string>{"a"});
        options.adjust = [](config::Settings& settings) { settings.key_expire = seconds(5); };
        sim.add(options);
    }
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    const auto warm = exchange(sim, 0, 20);
    std::uint32_t number = warm;
    for (int i = 0; i < 3'000; ++i) {
        sim.inject(1, 2, ++number);
        sim.inject(2, 1, ++number);
        sim.run_for(milliseconds(10));
    }
    sim.run_for(seconds(1));
    EXPECT_EQ(delivered_once(sim, warm), number - warm);
}

TEST(SptpsMeshTest, TwoWhoAskEachOtherAtOnceAgreeAtOnce) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Simulation sim(seed);
        const auto hub = sim.add(modern("hub"));
        const auto a = sim.add(modern("a", {"hub"}));
        const auto b = sim.add(modern("b", {"hub"}));
        sim.start_all();
        ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
        sim.run_for(seconds(1));
        sim.inject(a, b, 1);
        sim.inject(b, a, 2);
        const auto have_keys = [&] {
            const auto& mesh = sim.node(a).mesh();
            const auto& other = sim.node(b).mesh();
            return mesh.has_key(mesh.graph().find("b").value()) &&
                   other.has_key(other.graph().find("a").value());
        };
        EXPECT_TRUE(sim.run_until(have_keys, seconds(1))) << "seed " << seed;
        sim.inject(a, b, 3);
        sim.inject(b, a, 4);
        EXPECT_TRUE(sim.run_until(
            [&] { return sim.was_delivered(b, 3) && sim.was_delivered(a, 4); }, seconds(1)))
            << "seed " << seed;
        EXPECT_TRUE(sim.is_running(hub));
    }
}

TEST(SptpsPathTest, NodesBehindTwoRoutersFindEachOther) {
    Simulation sim(3);
    const auto hub = sim.add(modern("hub"));
    const auto a = sim.add(modern("a", {"hub"}, 1));
    const auto b = sim.add(modern("b", {"hub"}, 2));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    exchange(sim, 0, 40);
    EXPECT_TRUE(reaches_by_udp(sim, a, b) && reaches_by_udp(sim, b, a));
    EXPECT_TRUE(reaches_by_udp(sim, a, hub));
}

TEST(SptpsPathTest, NeighboursBehindOneRouterFindEachOtherOnTheirLan) {
    Simulation sim(3);
    sim.add(modern("gateway"));
    const auto pc = sim.add(modern("pc", {"gateway"}, 1));
    const auto laptop = sim.add(modern("laptop", {"gateway"}, 1));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    const auto number = exchange(sim, 0, 30);
    ASSERT_TRUE(reaches_by_udp(sim, pc, laptop));
    const auto before = sim.datagrams_through_routers();
    for (std::uint32_t i = 1; i <= 20; ++i) {
        sim.inject(pc, laptop, number + i);
        sim.run_for(milliseconds(100));
    }
    EXPECT_TRUE(sim.was_delivered(laptop, number + 20));
    EXPECT_LE(sim.datagrams_through_routers() - before, 8U) << "they still talk via the router";
}

TEST(SptpsPathTest, PacketsGoByTcpWhereUdpIsBlockedAndReturn) {
    Simulation sim(5);
    const auto a = sim.add(modern("a"));
    const auto b = sim.add(modern("b", {"a"}));
    const auto c = sim.add(modern("c", {"a"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    auto number = exchange(sim, 0, 20);
    ASSERT_TRUE(reaches_by_udp(sim, b, c));
    sim.weather.blocks_udp = true;
    number = exchange(sim, number, 100);
    EXPECT_FALSE(reaches_by_udp(sim, b, c) || reaches_by_udp(sim, a, b));
    const auto blocked = number;
    number = exchange(sim, number, 4);
    EXPECT_EQ(delivered_once(sim, blocked), number - blocked);
    sim.weather.blocks_udp = false;
    number = exchange(sim, number, 60);
    EXPECT_TRUE(reaches_by_udp(sim, b, c) && reaches_by_udp(sim, a, b));
}

TEST(SptpsPathTest, LargePacketsPassANarrowPath) {
    Simulation sim(6);
    sim.weather.mtu_bytes = 1'280;
    const auto a = sim.add(modern("a"));
    const auto b = sim.add(modern("b", {"a"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    exchange(sim, 0, 40);
    sim.inject(a, b, 9'999, 1'414);
    EXPECT_TRUE(sim.run_until([&] { return sim.was_delivered(b, 9'999); }, seconds(2)));
}

TEST(SptpsPathTest, ARouterThatForgetsIsGotOver) {
    Simulation sim(8);
    sim.add(modern("hub"));
    const auto a = sim.add(modern("a", {"hub"}, 1));
    const auto b = sim.add(modern("b", {"hub"}, 2));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    auto number = exchange(sim, 0, 40);
    sim.internet.forget_mappings(1);
    number = exchange(sim, number, 90);
    EXPECT_TRUE(reaches_by_udp(sim, a, b) && reaches_by_udp(sim, b, a));
}

TEST(SptpsMeshTest, TheSameSeedGivesTheSameRun) {
    const auto fingerprint_of = [](std::uint64_t seed) {
        Simulation sim(seed);
        sim.weather.loss = 0.1;
        for (int i = 0; i < 6; ++i)
            sim.add(modern(fmt::format("n{}", i),
                           i == 0 ? std::vector<std::string>() : std::vector<std::string>{"n0"}));
        sim.start_all();
        exchange(sim, 0, 20);
        return sim.fingerprint();
    };
    EXPECT_EQ(fingerprint_of(7), fingerprint_of(7));
    EXPECT_NE(fingerprint_of(7), fingerprint_of(8));
}

}  // namespace
}  // namespace tinc::sim
