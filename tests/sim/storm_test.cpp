// Larger meshes of both protocols, and what has brought meshes down in the field: all at once,
// again and again, or too much of it.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HostOptions modern(std::string name, std::vector<std::string> connect_to = {},
                   std::string tinc_conf = {}) {
    return {.name = std::move(name),
            .connect_to = std::move(connect_to),
            .speaks_11 = true,
            .tinc_conf = std::move(tinc_conf)};
}

std::ptrdiff_t count_lines(const std::vector<std::string>& lines, std::string_view part) {
    return std::ranges::count_if(
        lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

/// Packets from everybody to everybody until each pair has got one through. Who has not in time.
std::set<std::pair<HostIndex, HostIndex>> pairs_that_do_not_meet(Simulation& sim, seconds time) {
    const auto hosts = static_cast<std::uint32_t>(sim.host_count());
    std::set<std::pair<HostIndex, HostIndex>> missing;
    for (HostIndex from = 0; from < hosts; ++from)
        for (HostIndex to = 0; to < hosts; ++to)
            if (from != to) missing.emplace(from, to);
    for (const auto end = sim.now() + time; sim.now() < end && !missing.empty();) {
        const auto seen = sim.deliveries().size();
        for (const auto& [from, to] : missing)
            sim.inject(from, to, static_cast<std::uint32_t>(from * hosts + to));
        sim.run_for(seconds(1));
        for (auto i = seen; i < sim.deliveries().size(); ++i)
            missing.erase({sim.deliveries()[i].number / hosts, sim.deliveries()[i].number % hosts});
    }
    return missing;
}

class ScaleTest : public testing::TestWithParam<std::uint64_t> {};

TEST_P(ScaleTest, ManyOfBothProtocolsBecomeOneMeshAndSoAgainAfterRestarts) {
    constexpr int size = 24;
    Simulation sim(GetParam());
    sim.weather = {.loss = 0.05, .duplication = 0.02};
    for (std::uint32_t i = 0; i < size; ++i) {
        std::vector<std::string> known;
        const auto links = i == 0 ? 0U : 1U + sim.random().below(2);
        while (known.size() < links) known.push_back(fmt::format("n{}", sim.random().below(i)));
        auto options = modern(fmt::format("n{}", i), known);
        options.speaks_11 = sim.random().below(3) > 0;
        sim.add(options);
    }
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)))
        << sim.disagreement();
    EXPECT_EQ(pairs_that_do_not_meet(sim, seconds(60)).size(), 0U);
    std::set<HostIndex> away;
    while (away.size() < size / 3) away.insert(sim.random().below(size));
    for (const auto host : away) {
        sim.kill(host);
        sim.run_for(milliseconds(sim.random().below(2'000)));
    }
    for (const auto host : away) {
        sim.start(host);
        sim.run_for(milliseconds(sim.random().below(2'000)));
    }
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(120)))
        << sim.disagreement();
    EXPECT_EQ(pairs_that_do_not_meet(sim, seconds(60)).size(), 0U);
}
INSTANTIATE_TEST_SUITE_P(Seeds, ScaleTest, testing::Values(1, 2, 3));

TEST(ReconnectTest, AHundredMembersComeBackInTenSeconds) {
    Simulation sim(83);
    const auto hub = sim.add(modern("hub"));
    for (int i = 0; i < 100; ++i) sim.add(modern(fmt::format("m{}", i), {"hub"}));
    sim.start_all();
    const auto all_are_in = [&] { return sim.reachable(hub).size() == 101; };
    ASSERT_TRUE(sim.run_until(all_are_in, seconds(10)));
    sim.kill(hub);
    sim.run_for(seconds(1));
    for (HostIndex host = 1; host < sim.host_count(); ++host) sim.kill(host);
    sim.start(hub);
    const auto before = sim.meta_bytes();
    for (HostIndex host = 1; host < sim.host_count(); ++host) sim.start(host);
    EXPECT_TRUE(sim.run_until(all_are_in, seconds(10)));
    // Everybody hears once of every edge and subnet, and a little more.
    constexpr std::uint64_t facts = 3 * 100;
    constexpr std::uint64_t line_bytes = 100;
    EXPECT_LT(sim.meta_bytes() - before, 4 * facts * line_bytes * 100);
}

TEST(KeyHerdTest, SessionsOfTheSameAgeAreRenewedQuietly) {
    Simulation sim(89);
    constexpr int size = 12;
    for (int i = 0; i < size; ++i)
        sim.add(modern(fmt::format("n{}", i),
                       i == 0 ? std::vector<std::string>() : std::vector<std::string>{"n0"},
                       "KeyExpire = 20"));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    ASSERT_EQ(pairs_that_do_not_meet(sim, seconds(30)).size(), 0U);
    const auto before = sim.meta_bytes();
    sim.run_for(seconds(200));
    // Ten times, for each pair, six messages over two hops.
    constexpr std::uint64_t pairs = size * (size - 1) / 2;
    constexpr std::uint64_t message_bytes = 250;
    EXPECT_LT(sim.meta_bytes() - before, 10 * pairs * 6 * 2 * message_bytes);
    EXPECT_EQ(pairs_that_do_not_meet(sim, seconds(5)).size(), 0U);
}

TEST(FlapTest, AMemberThatComesAndGoesDisturbsNobody) {
    Simulation sim(97);
    const auto hub = sim.add(modern("hub"));
    for (int i = 0; i < 6; ++i) sim.add(modern(fmt::format("leaf{}", i), {"hub"}));
    const auto flapping = sim.add(modern("flapping", {"hub", "leaf0"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    std::uint32_t number = 0;
    sim.run_for(seconds(2));
    for (int i = 0; i < 60; ++i) {
        if (sim.is_running(flapping))
            sim.kill(flapping);
        else
            sim.start(flapping);
        for (HostIndex leaf = 1; leaf <= 6; ++leaf) sim.inject(leaf, leaf % 6 + 1, ++number);
        sim.run_for(seconds(1));
    }
    std::set<std::uint32_t> arrived;
    for (const auto& delivery : sim.deliveries()) arrived.insert(delivery.number);
    EXPECT_GE(arrived.size() + 12, number) << "but for those before the first sessions";
    for (HostIndex host = hub; host < flapping; ++host)
        for (const auto& script : sim.scripts(host))
            EXPECT_TRUE(!script.starts_with("hosts/") || !script.ends_with("-down") ||
                        script == "hosts/flapping-down")
                << sim.name(host) << ": " << script;
}

TEST(TinyPathTest, WhatLetsOnlyProbesThroughIsNotUsedAndClosesNothing) {
    Simulation sim(101);
    sim.weather.mtu_bytes = 300;
    sim.add(modern("hub"));
    const auto a = sim.add(modern("a", {"hub"}));
    const auto b = sim.add(modern("b", {"hub"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    std::uint32_t number = 0;
    for (int i = 0; i < 60; ++i) {
        sim.inject(a, b, ++number, 100);
        sim.inject(b, a, ++number, 1'000);
        sim.run_for(seconds(1));
    }
    EXPECT_TRUE(sim.was_delivered(b, number - 1) && sim.was_delivered(a, number));
    for (HostIndex host = 0; host < sim.host_count(); ++host)
        EXPECT_EQ(count_lines(sim.log(host), "Closing connection"), 0) << sim.name(host);
}

TEST(CorruptionTest, ASessionOutlivesDamagedDatagrams) {
    Simulation sim(103);
    sim.add(modern("a"));
    sim.add(modern("b", {"a"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    pairs_that_do_not_meet(sim, seconds(10));
    sim.run_for(seconds(20));
    sim.weather.corruption = 0.05;
    const auto before = count_lines(sim.log(0), "SPTPS key exchange");
    std::uint32_t number = 0;
    for (int i = 0; i < 3'000; ++i) {
        sim.inject(0, 1, ++number);
        sim.run_for(milliseconds(10));
    }
    std::set<std::uint32_t> arrived;
    for (const auto& delivery : sim.deliveries()) arrived.insert(delivery.number);
    EXPECT_GT(static_cast<double>(arrived.size()), 0.93 * number);
    EXPECT_EQ(count_lines(sim.log(0), "SPTPS key exchange"), before);
}

TEST(ReplayTest, WhatComesAgainLaterIsNotTakenAgain) {
    Simulation sim(107);
    sim.add(modern("a"));
    sim.add(modern("b", {"a"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(10)));
    pairs_that_do_not_meet(sim, seconds(10));
    const auto before = sim.deliveries().size();
    sim.weather = {.duplication = 1.0, .longest_delay = milliseconds(200)};
    constexpr std::size_t sent = 2'000;
    for (std::uint32_t number = 1; number <= sent; ++number) {
        sim.inject(0, 1, number);
        sim.run_for(milliseconds(5));
    }
    sim.run_for(seconds(1));
    EXPECT_EQ(sim.deliveries().size() - before, sent);
}

}  // namespace
}  // namespace tinc::sim
