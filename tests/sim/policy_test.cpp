// Meshes in which not everybody is believed.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

namespace tinc::sim {
namespace {

using std::chrono::seconds;

/// What a host of the simulation answers for, unless its settings are changed.
wire::Subnet subnet_of(HostIndex host) {
    wire::Subnet subnet;
    std::ranges::copy(Simulation::inner_address(host).bytes(), subnet.address.begin());
    return subnet;
}

class PolicyTest : public testing::TestWithParam<std::uint64_t> {
  protected:
    /// Hosts 0, 1, 2 ..: the first is dialled by all others.
    HostIndex add(std::string name, std::function<void(config::Settings&)> adjust = {}) {
        std::vector<std::string> hub;
        if (sim.host_count() > 0) hub = {sim.name(0)};
        return sim.add(
            {.name = std::move(name), .connect_to = hub, .lan = {}, .adjust = std::move(adjust)});
    }
    /// Whether one of a few packets does.
    [[nodiscard]] bool arrives(HostIndex from, HostIndex to) {
        for (int second = 0; second < 20; ++second) {
            sim.inject(from, to, ++packets_);
            sim.run_for(seconds(1));
            if (sim.was_delivered(to, packets_)) return true;
        }
        return false;
    }
    [[nodiscard]] bool knows(HostIndex host, std::string_view name) {
        return sim.node(host).mesh().graph().find(name).has_value();
    }

    Simulation sim{GetParam()};
    std::uint32_t packets_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Seeds, PolicyTest, testing::Values(1, 2, 3, 4, 5));

TEST_P(PolicyTest, ALiarTakesNothingFromThoseWhoBelieveHostFiles) {
    const auto be_strict = [](config::Settings& settings) {
        settings.strict_subnets = true;
        settings.host_subnets = {
            {"hub", {subnet_of(0)}}, {"careful", {subnet_of(1)}}, {"honest", {subnet_of(2)}}};
    };
    const auto hub = add("hub", be_strict);
    const auto careful = add("careful", be_strict);
    const auto honest = add("honest", be_strict);
    // Better than the truth, which has weight 10.
    const auto liar = add("liar", [](config::Settings& settings) {
        auto better = subnet_of(2);
        better.weight = 1;
        settings.subnets = {better, wire::parse_subnet("0.0.0.0/0").value()};
    });
    sim.start_all();
    ASSERT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(30)))
        << sim.disagreement();
    EXPECT_TRUE(arrives(careful, honest));
    EXPECT_TRUE(arrives(hub, honest));
    EXPECT_TRUE(
        std::ranges::none_of(sim.deliveries(), [&](const Delivery& d) { return d.host == liar; }));

    sim.kill(honest);
    sim.run_for(seconds(20));
    sim.start(honest);
    ASSERT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(60)))
        << sim.disagreement();
    EXPECT_TRUE(arrives(careful, honest)) << "also after it was away";
}

TEST_P(PolicyTest, ALiarIsBelievedByThoseWhoTrustEverybody) {
    add("hub");
    const auto trusting = add("trusting");
    add("honest");
    const auto liar = add("liar", [](config::Settings& settings) {
        auto better = subnet_of(2);
        better.weight = 1;
        settings.subnets = {better};
    });
    sim.start_all();
    ASSERT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(30)));
    sim.run_for(seconds(5));
    sim.inject(trusting, 2, 1);
    sim.run_for(seconds(5));
    EXPECT_TRUE(sim.was_delivered(liar, 1));
}

TEST_P(PolicyTest, SpokesOfATunnelServerDoNotLearnOfEachOther) {
    const auto hub = add("hub", [](config::Settings& settings) {
        settings.tunnel_server = settings.strict_subnets = true;
        settings.host_subnets = {{"left", {subnet_of(1)}}, {"right", {subnet_of(2)}}};
    });
    const auto left = add("left");
    const auto right = add("right");
    sim.start_all();
    const auto all_met = [&] {
        return sim.reachable(hub) == std::set<std::string>{"hub", "left", "right"} &&
               sim.reachable(left).contains("hub") && sim.reachable(right).contains("hub");
    };
    ASSERT_TRUE(sim.run_until(all_met, seconds(30))) << sim.disagreement();
    EXPECT_TRUE(arrives(left, hub));
    EXPECT_TRUE(arrives(hub, right));
    sim.kill(right);
    sim.run_for(seconds(30));
    sim.start(right);
    ASSERT_TRUE(sim.run_until(all_met, seconds(60))) << sim.disagreement();
    sim.run_for(mesh::Mesh::refresh_at_least + seconds(10));
    EXPECT_FALSE(knows(left, "right"));
    EXPECT_FALSE(knows(right, "left"));
}

TEST_P(PolicyTest, WhatSpokesShareGoesThroughTheTunnelServer) {
    // The hub answers for the whole network, so spokes send it what is for others.
    add("hub", [](config::Settings& settings) {
        settings.tunnel_server = settings.strict_subnets = true;
        settings.host_subnets = {{"left", {subnet_of(1)}}, {"right", {subnet_of(2)}}};
        settings.subnets.push_back(wire::parse_subnet("10.0.0.0/8").value());
    });
    const auto left = add("left");
    const auto right = add("right");
    sim.start_all();
    EXPECT_TRUE(arrives(left, right));
    EXPECT_TRUE(arrives(right, left));
    EXPECT_FALSE(knows(left, "right"));
    EXPECT_FALSE(knows(right, "left"));
}

}  // namespace
}  // namespace tinc::sim
