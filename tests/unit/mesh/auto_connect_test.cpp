#include "tinc/mesh/auto_connect.hpp"

#include "support/seeded_random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace tinc::mesh {
namespace {

using Advice = AutoConnect::Advice;
using Candidate = AutoConnect::Candidate;
using Candidates = std::vector<Candidate>;
using Standing = Connector::Standing;

constexpr Time start{std::chrono::hours(1)};

// Kinds of nodes.
Candidate reachable(std::string name) { return {.name = std::move(name), .is_reachable = true}; }
Candidate in_file(std::string name) { return {.name = std::move(name), .has_address = true}; }
Candidate heard_of(std::string name) { return {.name = std::move(name)}; }
Candidate with(Candidate candidate, Standing standing) {
    candidate.standing = standing;
    return candidate;
}
Candidate came_in(std::string name) {
    return {.name = std::move(name),
            .is_reachable = true,
            .has_address = true,
            .is_connected = true,
            .edges = 2};
}
Candidate dialled(std::string name, Standing standing, std::size_t edges = 2) {
    auto candidate = with(came_in(std::move(name)), standing);
    candidate.is_outgoing = true;
    candidate.edges = edges;
    return candidate;
}

struct Situation {
    std::string_view name;
    Candidates candidates;
    std::set<std::string> connect;  ///< to one of these, by chance
    bool is_connect_sure = true;    ///< or sometimes to none
    std::set<std::string> close{};
    std::vector<std::string> give_up{};
};

class AutoConnectTest : public testing::TestWithParam<Situation> {};

/// Chance decides among equals, so each is looked at many times.
TEST_P(AutoConnectTest, Advises) {
    const auto& situation = GetParam();
    std::set<std::string> connected;
    std::set<std::string> closed;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        test::SeededRandom random(seed);
        AutoConnect machine(random);
        machine.begin(start);
        const auto advice = machine.on_time(situation.candidates, machine.deadline());
        if (advice.connect) connected.insert(*advice.connect);
        if (advice.close) closed.insert(*advice.close);
        EXPECT_TRUE(advice.connect || !situation.is_connect_sure || situation.connect.empty());
        EXPECT_EQ(advice.close.has_value(), !situation.close.empty());
        EXPECT_EQ(advice.give_up, situation.give_up);
    }
    EXPECT_EQ(connected, situation.connect);
    EXPECT_EQ(closed, situation.close);
}

const auto mine = Standing::sought;
const auto waiting = Standing::sought_waiting;
const auto configured = Standing::configured;

INSTANTIATE_TEST_SUITE_P(
    In, AutoConnectTest,
    testing::Values(
        Situation{"nobody", {}, {}},
        Situation{"a_first_node_known_from_its_file", {in_file("a")}, {"a"}},
        Situation{"a_node_of_no_address_that_nobody_reaches", {heard_of("a")}, {}},
        Situation{"a_node_known_only_by_the_mesh", {came_in("a"), reachable("b")}, {"b"}},
        Situation{"several", {in_file("a"), reachable("b"), heard_of("c")}, {"a", "b"}},
        Situation{
            "one_that_is_tried_already",
            {with(in_file("a"), mine), with(in_file("b"), waiting), with(in_file("c"), configured)},
            {}},
        Situation{"two_connections", {came_in("a"), dialled("b", mine), in_file("c")}, {"c"}},
        Situation{"three_connections_and_the_mesh_is_whole",
                  {came_in("a"), dialled("b", mine), dialled("c", configured), reachable("d")},
                  {}},
        Situation{.name = "three_connections_and_a_lost_node",
                  .candidates = {came_in("a"), came_in("b"), came_in("c"), in_file("d")},
                  .connect = {"d"},
                  .is_connect_sure = false},
        Situation{.name = "three_connections_and_a_lost_node_that_waits",
                  .candidates = {came_in("a"), came_in("b"), came_in("c"),
                                 with(in_file("d"), waiting), with(in_file("e"), mine)},
                  .connect = {},
                  .give_up = {"d"}},
        Situation{"three_connections_and_a_lost_one_of_no_address",
                  {came_in("a"), came_in("b"), came_in("c"), heard_of("d")},
                  {}},
        Situation{"three_connections_and_a_waiting_one_of_the_operator",
                  {came_in("a"), came_in("b"), came_in("c"), with(in_file("d"), configured)},
                  {}},
        Situation{.name = "four_connections",
                  .candidates = {came_in("a"), dialled("b", mine), dialled("c", mine),
                                 dialled("d", configured)},
                  .connect = {},
                  .close = {"b", "c"}},
        Situation{"four_connections_of_the_operator_or_others",
                  {came_in("a"), came_in("b"), dialled("c", configured), dialled("d", configured)},
                  {}},
        Situation{"four_connections_of_which_one_came_in_from_whom_we_sought",
                  {came_in("a"), came_in("b"), came_in("c"), with(came_in("d"), mine)},
                  {}},
        Situation{"four_connections_and_ours_is_all_that_its_node_has",
                  {came_in("a"), came_in("b"), came_in("c"), dialled("d", mine, 1)},
                  {}}),
    [](const auto& row) { return std::string(row.param.name); });

class AutoConnectTimeTest : public testing::Test {
  protected:
    test::SeededRandom random{1};
    AutoConnect machine{random};
    Candidates one = {in_file("a")};
};

TEST_F(AutoConnectTimeTest, LooksEveryFiveSecondsWhileItIsOn) {
    EXPECT_EQ(machine.deadline(), never);
    EXPECT_EQ(machine.on_time(one, start), Advice{});
    machine.begin(start);
    machine.begin(start + std::chrono::seconds(1));
    EXPECT_EQ(machine.deadline(), start + AutoConnect::period);
    EXPECT_EQ(machine.on_time(one, machine.deadline() - std::chrono::nanoseconds(1)), Advice{});
    EXPECT_EQ(machine.on_time(one, machine.deadline()).connect, "a");
    EXPECT_EQ(machine.deadline(), start + 2 * AutoConnect::period);
    machine.end();
    EXPECT_EQ(machine.deadline(), never);
}

TEST_F(AutoConnectTimeTest, TriesAFewAtATimeAndGivesUpOneThatWaitsForTheNext) {
    Candidates many = one;
    for (std::size_t i = 0; i < AutoConnect::most_attempts; ++i)
        many.push_back(with(in_file("b" + std::to_string(i)), Standing::sought));
    machine.begin(start);
    EXPECT_EQ(machine.on_time(many, machine.deadline()), Advice{});
    many.back().standing = Standing::sought_waiting;
    const auto advice = machine.on_time(many, machine.deadline());
    EXPECT_EQ(advice.connect, "a");
    EXPECT_EQ(advice.give_up, std::vector{many.back().name});
}

}  // namespace
}  // namespace tinc::mesh
