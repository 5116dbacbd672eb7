#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace tinc::sim {
namespace {

using std::chrono::seconds;

constexpr std::size_t mesh_size = 40;
constexpr int parts = 10;

/// A tree that holds all together, with some further connections.
void add_random_mesh(Simulation& sim, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        HostOptions options{
            .name = fmt::format("n{}", i), .connect_to = {}, .lan = {}, .adjust = {}};
        const auto known = static_cast<std::uint32_t>(i);
        if (i > 0) options.connect_to.push_back(fmt::format("n{}", sim.random().below(known)));
        if (i > 1 && sim.random().below(3) == 0)
            options.connect_to.push_back(fmt::format("n{}", sim.random().below(known)));
        sim.add(options);
    }
}

/// Two halves by chance.
void partition_by_chance(Simulation& sim) {
    std::set<HostIndex> a;
    std::set<HostIndex> b;
    for (HostIndex host = 0; host < sim.host_count(); ++host)
        (sim.random().below(2) == 0 ? a : b).insert(host);
    sim.partition(a, b);
}

/// Nodes that hear of all others from host files, and of whom only one has a ConnectTo.
void add_auto_connecting(Simulation& sim, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        sim.add({.name = fmt::format("n{}", i),
                 .connect_to = i == 0 ? std::vector<std::string>{"n1"} : std::vector<std::string>{},
                 .lan = {},
                 .adjust = [](config::Settings& settings) { settings.auto_connect = true; }});
}

bool has_enough_connections(Simulation& sim) {
    for (HostIndex host = 0; host < sim.host_count(); ++host)
        if (sim.node(host).mesh().graph().edges_from(graph::Graph::self).size() < 3) return false;
    return true;
}

class ConvergenceTest : public testing::TestWithParam<int> {};

// In parts, so that a failure names a small range and cores share the work.
TEST_P(ConvergenceTest, FortyNodesBecomeOneGraphAndDoSoAgainAfterAPartition) {
    constexpr int seeds_per_part = TINC_SIM_SEEDS / parts;
    for (int i = 0; i < seeds_per_part; ++i) {
        const auto seed = static_cast<std::uint64_t>(GetParam() * seeds_per_part + i + 1);
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Simulation sim(seed);
        sim.weather.loss = 0.05;
        add_random_mesh(sim, mesh_size);
        sim.start_all();
        ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)))
            << sim.disagreement();
        sim.run_for(seconds(5));
        partition_by_chance(sim);
        sim.run_for(seconds(90));
        sim.heal();
        ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(120)))
            << sim.disagreement();
        sim.run_for(seconds(10));
        ASSERT_TRUE(sim.is_converged());
    }
}
INSTANTIATE_TEST_SUITE_P(Seeds, ConvergenceTest, testing::Range(0, parts));

TEST(DeterminismTest, TheSameSeedGivesTheSameRun) {
    const auto fingerprint_of = [](std::uint64_t seed) {
        Simulation sim(seed);
        sim.weather.loss = 0.1;
        add_random_mesh(sim, 10);
        sim.start_all();
        sim.run_for(seconds(30));
        return sim.fingerprint();
    };
    EXPECT_EQ(fingerprint_of(7), fingerprint_of(7));
    EXPECT_NE(fingerprint_of(7), fingerprint_of(8));
}

TEST(DeliveryTest, EveryPairExchangesPacketsOnceInBadWeather) {
    Simulation sim(11);
    sim.weather = {.loss = 0.01, .duplication = 0.05};
    add_random_mesh(sim, 8);
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)));
    // The first packets ask for keys; these are counted.
    std::uint32_t number = 0;
    const auto exchange = [&] {
        for (HostIndex from = 0; from < sim.host_count(); ++from)
            for (HostIndex to = 0; to < sim.host_count(); ++to)
                if (from != to) sim.inject(from, to, ++number);
    };
    exchange();
    sim.run_for(seconds(15));
    for (int round = 0; round < 10; ++round) {
        exchange();
        sim.run_for(seconds(1));
    }
    std::map<std::uint32_t, int> count;
    for (const auto& delivery : sim.deliveries()) ++count[delivery.number];
    EXPECT_TRUE(std::ranges::all_of(count, [](const auto& entry) { return entry.second == 1; }))
        << "a packet was delivered twice";
    EXPECT_GT(count.size(), number * 95 / 100) << "of " << number;
}

TEST(NatTest, NeighboursBehindOneRouterFindEachOtherOnTheirLan) {
    Simulation sim(3);
    const auto local = [](config::Settings& settings) { settings.local_discovery = true; };
    sim.add({.name = "gateway", .connect_to = {}, .lan = {}, .adjust = {}});
    const auto pc = sim.add({.name = "pc", .connect_to = {"gateway"}, .lan = 1, .adjust = local});
    const auto laptop =
        sim.add({.name = "laptop", .connect_to = {"gateway"}, .lan = 1, .adjust = local});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    sim.inject(pc, laptop, 1);
    ASSERT_TRUE(sim.run_until([&] { return sim.was_delivered(laptop, 1); }, seconds(10)));
    sim.inject(laptop, pc, 2);
    sim.run_for(seconds(15));
    ASSERT_TRUE(sim.was_delivered(pc, 2));

    const auto before = sim.datagrams_through_routers();
    for (std::uint32_t number = 100; number < 110; ++number) {
        sim.inject(pc, laptop, number);
        sim.inject(laptop, pc, number + 100);
        sim.run_for(std::chrono::milliseconds(100));
    }
    EXPECT_TRUE(sim.was_delivered(laptop, 109));
    EXPECT_TRUE(sim.was_delivered(pc, 209));
    EXPECT_LE(sim.datagrams_through_routers() - before, 8U) << "they still talk via the router";
}

TEST(FallbackTest, PacketsGoByTcpWhereUdpIsBlocked) {
    Simulation sim(5);
    sim.weather.blocks_udp = true;
    const auto a = sim.add({.name = "a", .connect_to = {}, .lan = {}, .adjust = {}});
    const auto b = sim.add({.name = "b", .connect_to = {"a"}, .lan = {}, .adjust = {}});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    sim.run_for(seconds(2));
    sim.inject(a, b, 1, 1'000);
    EXPECT_TRUE(sim.run_until([&] { return sim.was_delivered(b, 1); }, seconds(1)));
}

TEST(PathMtuTest, LargePacketsPassANarrowPath) {
    Simulation sim(6);
    sim.weather.mtu_bytes = 1'280;
    const auto a = sim.add({.name = "a", .connect_to = {}, .lan = {}, .adjust = {}});
    const auto b = sim.add({.name = "b", .connect_to = {"a"}, .lan = {}, .adjust = {}});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    sim.run_for(seconds(20));
    sim.inject(a, b, 1, 1'414);
    EXPECT_TRUE(sim.run_until([&] { return !sim.deliveries().empty(); }, seconds(2)));
}

TEST(RestartTest, AKilledHubComesBackAndWithItTheMesh) {
    Simulation sim(9);
    const auto hub = sim.add({.name = "hub", .connect_to = {}, .lan = {}, .adjust = {}});
    for (int i = 0; i < 5; ++i)
        sim.add({.name = fmt::format("leaf{}", i), .connect_to = {"hub"}, .lan = {}, .adjust = {}});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    sim.kill(hub);
    sim.run_for(seconds(20));
    sim.start(hub);
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)));
    sim.inject(1, 2, 77);
    EXPECT_TRUE(sim.run_until([&] { return sim.was_delivered(2, 77); }, seconds(5)));
}

TEST(AutoConnectTest, NodesFindEachOtherAndFindTogetherAgainAfterAPartition) {
    std::ptrdiff_t closed = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Simulation sim(seed);
        add_auto_connecting(sim, 10);
        sim.start_all();
        const auto is_settled = [&] { return sim.is_converged() && has_enough_connections(sim); };
        ASSERT_TRUE(sim.run_until(is_settled, seconds(60))) << sim.disagreement();
        sim.partition({0, 1, 2, 3, 4}, {5, 6, 7, 8, 9});
        sim.run_for(seconds(120));
        EXPECT_EQ(sim.reachable(0), (std::set<std::string>{"n0", "n1", "n2", "n3", "n4"}));
        EXPECT_EQ(sim.reachable(9), (std::set<std::string>{"n5", "n6", "n7", "n8", "n9"}));
        sim.heal();
        ASSERT_TRUE(sim.run_until(is_settled, seconds(60))) << sim.disagreement();
        sim.run_for(seconds(60));
        for (HostIndex host = 0; host < sim.host_count(); ++host)
            closed += std::ranges::count_if(sim.log(host), [](const std::string& line) {
                return line.starts_with("There are enough connections");
            });
    }
    EXPECT_GT(closed, 0) << "nobody has ended what was too much";
}

TEST(AutoConnectTest, WhatTheOperatorWroteStays) {
    Simulation sim(1);
    std::vector<std::string> all;
    for (int i = 1; i <= 6; ++i) all.push_back(fmt::format("n{}", i));
    sim.add({.name = "n0", .connect_to = all, .lan = {}, .adjust = [](config::Settings& settings) {
                 settings.auto_connect = true;
             }});
    for (const auto& name : all)
        sim.add(
            {.name = name, .connect_to = {}, .lan = {}, .adjust = [](config::Settings& settings) {
                 settings.auto_connect = true;
             }});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)));
    for (int i = 0; i < 20; ++i) {
        sim.run_for(seconds(5));
        for (const auto& name : all) EXPECT_TRUE(sim.node(0).mesh().connection_of(name)) << name;
    }
}

}  // namespace
}  // namespace tinc::sim
