#include "tinc/graph/forwarding_table.hpp"

#include "drawn_mesh.hpp"
#include "support/seeded_random.hpp"
#include "support/slow_subnets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinc::graph {
namespace {

using testing::ElementsAre;

/// The name of the owner in the present table, or "nobody".
std::string owner_of(const DrawnMesh& mesh, std::string_view address) {
    const auto owner = mesh.graph.forwarding_table()->owner_of(Address::parse(address).value());
    return owner ? mesh.graph.name(*owner) : "nobody";
}

struct LookupCase {
    std::string name;
    std::vector<std::pair<std::string, std::string>> subnets;  ///< owner, text
    std::string address;
    std::string owner;
};

class Lookup : public testing::TestWithParam<LookupCase> {};

// a, b and c are our neighbours, x and y are not reachable.
TEST_P(Lookup, FindsTheOwner) {
    DrawnMesh mesh{{"me", "a"}, {"me", "b"}, {"me", "c"}, {"x", "y"}};
    for (const auto& [owner, subnet] : GetParam().subnets) mesh.add_subnet(owner, subnet);
    EXPECT_EQ(owner_of(mesh, GetParam().address), GetParam().owner);
}

INSTANTIATE_TEST_SUITE_P(
    Graph, Lookup,
    testing::Values(
        LookupCase{"no_subnet", {}, "10.0.0.1", "nobody"},
        LookupCase{"outside", {{"a", "10.0.0.0/8"}}, "11.0.0.0", "nobody"},
        LookupCase{"first_address", {{"a", "10.0.0.0/8"}}, "10.0.0.0", "a"},
        LookupCase{"last_address", {{"a", "10.0.0.0/8"}}, "10.255.255.255", "a"},
        LookupCase{"just_before", {{"a", "10.0.0.0/8"}}, "9.255.255.255", "nobody"},
        LookupCase{"longest_prefix", {{"a", "10.0.0.0/8"}, {"b", "10.1.0.0/16"}}, "10.1.2.3", "b"},
        LookupCase{"beside_the_longest_prefix",
                   {{"a", "10.0.0.0/8"}, {"b", "10.1.0.0/16"}},
                   "10.2.0.0",
                   "a"},
        LookupCase{"a_host_within",
                   {{"a", "0.0.0.0/0"}, {"b", "10.0.0.0/8"}, {"c", "10.0.0.1/32"}},
                   "10.0.0.1",
                   "c"},
        LookupCase{"default_route", {{"a", "0.0.0.0/0"}, {"b", "10.0.0.0/8"}}, "11.0.0.0", "a"},
        LookupCase{"lowest_of_all", {{"a", "0.0.0.0/32"}}, "0.0.0.0", "a"},
        LookupCase{"highest_of_all", {{"a", "255.255.255.255"}}, "255.255.255.255", "a"},
        LookupCase{"below_the_highest",
                   {{"a", "255.255.255.255"}, {"b", "128.0.0.0/1"}},
                   "255.255.255.254",
                   "b"},
        LookupCase{"odd_prefix", {{"a", "10.128.0.0/9"}, {"b", "10.0.0.0/9"}}, "10.127.9.9", "b"},
        LookupCase{"ipv6", {{"a", "fd00::/64"}, {"b", "fd00::1:0/112"}}, "fd00::1:7", "b"},
        LookupCase{
            "ipv6_beyond_64_bits", {{"a", "fd00::/64"}, {"b", "fd00::1:0/112"}}, "fd00::2:7", "a"},
        LookupCase{"ipv6_highest",
                   {{"a", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
                   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                   "a"},
        LookupCase{"ipv6_default_is_not_for_ipv4", {{"a", "::/0"}}, "10.0.0.1", "nobody"},
        LookupCase{"ipv4_default_is_not_for_ipv6", {{"a", "0.0.0.0/0"}}, "fd00::1", "nobody"},
        LookupCase{"mac_is_not_an_address", {{"a", "0:0:0:0:0:1"}}, "0.0.0.1", "nobody"},
        LookupCase{"host_bits_are_ignored", {{"a", "10.1.2.3/8"}}, "10.0.0.1", "a"},
        LookupCase{"lower_weight", {{"a", "10.0.0.0/8"}, {"b", "10.0.0.0/8#9"}}, "10.0.0.1", "b"},
        LookupCase{"lowest_weight_of_all",
                   {{"a", "10.0.0.0/8#0"}, {"b", "10.0.0.0/8#-2147483648"}},
                   "10.0.0.1",
                   "b"},
        LookupCase{"host_bits_sort_before_the_weight",
                   {{"a", "10.0.0.2/8#1"}, {"b", "10.0.0.1/8#9"}},
                   "10.0.0.3",
                   "b"},
        LookupCase{"owner_name_last", {{"b", "10.0.0.0/8"}, {"a", "10.0.0.0/8"}}, "10.0.0.1", "a"},
        LookupCase{"reachable_before_specific",
                   {{"a", "0.0.0.0/0"}, {"x", "10.0.0.0/8"}},
                   "10.0.0.1",
                   "a"},
        LookupCase{"reachable_before_light",
                   {{"a", "10.0.0.0/8#9"}, {"x", "10.0.0.0/8#1"}},
                   "10.0.0.1",
                   "a"},
        LookupCase{"reachable_within_unreachable",
                   {{"a", "10.0.0.0/8"}, {"x", "0.0.0.0/0"}},
                   "10.0.0.1",
                   "a"},
        LookupCase{"nearest_reachable_of_three",
                   {{"a", "0.0.0.0/0"}, {"b", "10.0.0.0/8"}, {"x", "10.1.0.0/16"}},
                   "10.1.0.0",
                   "b"},
        LookupCase{"none_reachable_least_specific",
                   {{"x", "0.0.0.0/0"}, {"y", "10.0.0.0/8"}},
                   "10.0.0.1",
                   "x"},
        LookupCase{"none_reachable_heaviest",
                   {{"x", "10.0.0.0/8#9"}, {"y", "10.0.0.0/8#1"}},
                   "10.0.0.1",
                   "x"},
        LookupCase{"ours_before_a_lighter_one",
                   {{"me", "10.0.0.0/8"}, {"a", "10.0.0.0/8#-5"}},
                   "10.0.0.1",
                   "me"},
        LookupCase{"ours_before_a_lower_name",
                   {{"me", "10.0.0.0/8"}, {"a", "10.0.0.0/8"}},
                   "10.0.0.1",
                   "me"},
        LookupCase{"ours_not_before_a_longer_prefix",
                   {{"me", "10.0.0.0/8"}, {"a", "10.0.0.0/9"}},
                   "10.0.0.1",
                   "a"}),
    [](const auto& lookup_case) { return lookup_case.param.name; });

TEST(BroadcastSubnetTest, IsForEverybodyWhereNobodyHasASmallerOne) {
    DrawnMesh mesh{{"me", "a"}, {"x", "y"}};
    mesh.add_subnet("a", "10.0.0.0/8");
    mesh.add_subnet("a", "10.1.255.0/28");
    mesh.add_subnet("x", "10.1.255.16/28");
    mesh.add_subnet("a", "10.9.255.255/32#-5");
    mesh.graph.set_broadcast_subnets({wire::parse_subnet("10.1.255.0/24").value(),
                                      wire::parse_subnet("10.9.255.255").value(),
                                      wire::parse_subnet("fd00::/16").value()});
    const auto is_for_everybody = [&](std::string_view address) {
        return mesh.graph.forwarding_table()->owner_of(Address::parse(address).value()) ==
               ForwardingTable::everybody;
    };
    EXPECT_TRUE(is_for_everybody("10.1.255.255"));
    EXPECT_TRUE(is_for_everybody("fd00::1"));
    EXPECT_TRUE(is_for_everybody("10.1.255.17")) << "its owner is not reachable";
    EXPECT_TRUE(is_for_everybody("10.9.255.255")) << "whatever the weight of one as small";
    EXPECT_FALSE(is_for_everybody("10.1.255.1"));
    EXPECT_FALSE(is_for_everybody("10.2.0.0"));
    EXPECT_EQ(mesh.graph.subnet_count(), 4U) << "they are nobody's";
    mesh.graph.set_broadcast_subnets({});
    EXPECT_FALSE(is_for_everybody("10.1.255.255"));
}

std::string owner_of_mac(const DrawnMesh& mesh, std::string_view mac) {
    const auto owner = mesh.graph.forwarding_table()->owner_of(
        wire::mac_of(wire::parse_subnet(mac).value()).value());
    return owner ? mesh.graph.name(*owner) : "nobody";
}

class MacLookup : public testing::TestWithParam<LookupCase> {};

TEST_P(MacLookup, FindsTheOwner) {
    DrawnMesh mesh{{"me", "a"}, {"me", "b"}, {"x", "y"}};
    for (const auto& [owner, subnet] : GetParam().subnets) mesh.add_subnet(owner, subnet);
    EXPECT_EQ(owner_of_mac(mesh, GetParam().address), GetParam().owner);
}

INSTANTIATE_TEST_SUITE_P(
    Graph, MacLookup,
    testing::Values(
        LookupCase{"no_subnet", {}, "2:0:0:0:0:1", "nobody"},
        LookupCase{"known", {{"a", "2:0:0:0:0:1"}, {"b", "2:0:0:0:0:2"}}, "2:0:0:0:0:2", "b"},
        LookupCase{"neighbour_below", {{"a", "2:0:0:0:0:2"}}, "2:0:0:0:0:1", "nobody"},
        LookupCase{"neighbour_above", {{"a", "2:0:0:0:0:2"}}, "2:0:0:0:0:3", "nobody"},
        LookupCase{"highest_of_all", {{"a", "ff:ff:ff:ff:ff:ff"}}, "ff:ff:ff:ff:ff:ff", "a"},
        LookupCase{"other_families", {{"a", "::/0"}, {"b", "0.0.0.0/0"}}, "0:0:0:0:0:0", "nobody"},
        LookupCase{
            "lower_weight", {{"a", "2:0:0:0:0:1"}, {"b", "2:0:0:0:0:1#9"}}, "2:0:0:0:0:1", "b"},
        LookupCase{
            "owner_name_last", {{"b", "2:0:0:0:0:1"}, {"a", "2:0:0:0:0:1"}}, "2:0:0:0:0:1", "a"},
        LookupCase{"reachable_before_light",
                   {{"x", "2:0:0:0:0:1#1"}, {"b", "2:0:0:0:0:1"}},
                   "2:0:0:0:0:1",
                   "b"},
        LookupCase{"none_reachable_heaviest",
                   {{"x", "2:0:0:0:0:1#9"}, {"y", "2:0:0:0:0:1#1"}},
                   "2:0:0:0:0:1",
                   "x"},
        LookupCase{"ours_before_a_lighter_one",
                   {{"me", "2:0:0:0:0:1"}, {"a", "2:0:0:0:0:1#-5"}},
                   "2:0:0:0:0:1",
                   "me"}),
    [](const auto& lookup_case) { return lookup_case.param.name; });

TEST(ForwardingTableTest, OfNothingKnowsNobody) {
    const ForwardingTable table;
    EXPECT_EQ(table.owner_of(Address{}), std::nullopt);
    EXPECT_EQ(table.owner_of(MacAddress{}), std::nullopt);
    EXPECT_EQ(table.hop(NodeIndex{0}), ForwardingTable::Hop{});
    EXPECT_EQ(table.hop_count(), 0U);
    EXPECT_TRUE(table.tree_neighbours().empty());
}

TEST(ForwardingTableTest, TellsTheHopsOfTheLastSearch) {
    DrawnMesh mesh{{"me", "a"}, {"a", "b", 1, 0xc}, {"x", "y"}};
    const auto table = mesh.graph.forwarding_table();
    const ForwardingTable::Hop expected{
        .reachable = true, .nexthop = mesh["a"], .via = mesh["b"], .options = 0xc};
    EXPECT_EQ(table->hop(mesh["b"]), expected);
    EXPECT_EQ(table->hop(mesh["x"]), ForwardingTable::Hop{});
    EXPECT_TRUE(table->hop(Graph::self).reachable);
    EXPECT_EQ(table->hop(Graph::self).via, Graph::self);
    EXPECT_EQ(table->hop_count(), 5U);
    EXPECT_THAT(table->tree_neighbours(), ElementsAre(mesh["a"]));
}

TEST(ForwardingTableTest, HoldsUnknownNodesForUnreachable) {
    DrawnMesh mesh{{"me", "a"}};
    const auto table = mesh.graph.forwarding_table();
    EXPECT_FALSE(table->hop(NodeIndex{2}).reachable);
    EXPECT_FALSE(table->hop(NodeIndex{0xffffffff}).reachable);
    EXPECT_FALSE(table->hop(mesh["added_later"]).reachable);
}

TEST(ForwardingTableTest, IsTheSameObjectUntilSomethingChanges) {
    DrawnMesh mesh{{"me", "a"}};
    const auto table = mesh.graph.forwarding_table();
    mesh.graph.recompute();
    mesh.draw({"me", "a"});
    EXPECT_EQ(mesh.graph.forwarding_table(), table);
    mesh.add_subnet("a", "10.0.0.0/8");
    EXPECT_NE(mesh.graph.forwarding_table(), table);
}

TEST(ForwardingTableTest, KeepsWhatItSaidWhenTheGraphChanges) {
    DrawnMesh mesh{{"me", "a"}};
    mesh.add_subnet("a", "10.0.0.0/8");
    const auto table = mesh.graph.forwarding_table();
    const auto a = mesh["a"];
    mesh.graph.remove_node(a);
    mesh.graph.recompute();
    EXPECT_EQ(table->owner_of(Address::parse("10.0.0.1").value()), a);
    EXPECT_TRUE(table->hop(a).reachable);
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "nobody");
}

TEST(ForwardingTableTest, ShowsSubnetsWithoutANewSearch) {
    DrawnMesh mesh{{"me", "a"}};
    const auto subnet = wire::parse_subnet("10.0.0.0/8").value();
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "nobody");
    mesh.graph.add_subnet(mesh["a"], subnet).value();
    EXPECT_FALSE(mesh.graph.is_dirty());
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "a");
    mesh.graph.remove_subnet(mesh["a"], subnet);
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "nobody");
}

TEST(ForwardingTableTest, FollowsReachability) {
    DrawnMesh mesh{{"me", "a"}, {"me", "b"}};
    mesh.add_subnet("a", "10.0.0.0/8");
    mesh.add_subnet("b", "0.0.0.0/0");
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "a");
    mesh.graph.remove_edge(mesh["me"], mesh["a"]);
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "a") << "the last search found it reachable";
    mesh.graph.recompute();
    EXPECT_EQ(owner_of(mesh, "10.0.0.1"), "b");
}

// me --- a --- b: with a forgotten, and its slot taken by a stranger, b must not be sent there.
TEST(ForwardingTableTest, LeadsNowhereThroughAForgottenNode) {
    DrawnMesh mesh{{"me", "a"}, {"a", "b"}};
    const auto slot = mesh["a"];
    mesh.graph.remove_node(slot);
    EXPECT_FALSE(mesh.graph.forwarding_table()->hop(slot).reachable);
    EXPECT_FALSE(mesh.graph.forwarding_table()->hop(mesh["b"]).reachable);
    ASSERT_EQ(mesh["stranger"], slot);
    EXPECT_FALSE(mesh.graph.forwarding_table()->hop(mesh["b"]).reachable);
    EXPECT_TRUE(mesh.graph.forwarding_table()->tree_neighbours().empty());
}

TEST(ForwardingTableTest, AgreesWithALookAtEverySubnet) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        test::SeededRandom random(seed);
        test::SubnetPair pair(random, random.below(60), 1 + random.below(6));
        for (int i = 0; i < 60; ++i) ASSERT_EQ(pair.difference(), "") << "seed " << seed;
    }
}

}  // namespace
}  // namespace tinc::graph
