#include "drawn_mesh.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace tinc::graph {
namespace {

constexpr auto lightest = std::numeric_limits<std::int32_t>::min();
constexpr auto heaviest = std::numeric_limits<std::int32_t>::max();

struct TreeCase {
    std::string name;
    std::vector<Line> lines;
    std::string neighbours;  ///< ours in the tree
};

class SpanningTree : public testing::TestWithParam<TreeCase> {};

TEST_P(SpanningTree, TouchesUsAt) {
    DrawnMesh mesh(GetParam().lines);
    EXPECT_EQ(mesh.names(mesh.graph.tree_neighbours()), GetParam().neighbours);
}

INSTANTIATE_TEST_SUITE_P(
    Graph, SpanningTree,
    testing::Values(
        TreeCase{"nobody", {}, ""},
        // c --- me --- a, me --- b
        TreeCase{"star", {{"me", "c", 9}, {"me", "a", 5}, {"me", "b", 7}}, "a b c"},
        //      me
        //    1/  \2
        //    a -3- b
        TreeCase{"triangle_without_its_heaviest_edge",
                 {{"me", "a", 1}, {"me", "b", 2}, {"a", "b", 3}},
                 "a b"},
        TreeCase{"triangle_where_ours_is_heaviest",
                 {{"me", "a", 1}, {"me", "b", 3}, {"a", "b", 2}},
                 "a"},
        TreeCase{"equal_weights_go_by_the_first_name",
                 {{"me", "a", 1}, {"me", "z", 1}, {"a", "z", 1}},
                 "a"},
        TreeCase{"equal_weights_and_first_names_go_by_the_second",
                 {{"me", "n", 1}, {"me", "z", 1}, {"n", "z", 1}},
                 "n z"},
        TreeCase{"weights_at_the_ends_of_their_range",
                 {{"me", "a", heaviest}, {"me", "b", lightest}, {"a", "b", 0}},
                 "b"},
        TreeCase{"a_negative_weight_is_light",
                 {{"me", "a", -1}, {"me", "b", heaviest}, {"a", "b", lightest}},
                 "a"},
        // the lighter direction counts: me -9-> b, b -1-> me
        TreeCase{"weights_that_differ_by_direction",
                 {{"me", "a", 3}, {"a", "b", 2}, arrow("me", "b", 9), arrow("b", "me", 1)},
                 "b"},
        TreeCase{"edge_without_reverse", {arrow("me", "a", 1), {"me", "b", 2}, {"a", "b", 3}}, "b"},
        //  me -5- a    c -1- d
        TreeCase{"a_lighter_part_elsewhere", {{"c", "d", 1}, {"me", "a", 5}}, "a"},
        // the first edge of all has no reverse, yet begins at a reachable node
        TreeCase{"first_edge_without_reverse",
                 {arrow("a", "b", 1), {"me", "a", 5}, {"me", "c", 6}, {"a", "c", 7}},
                 "a c"},
        //  me -4- a -1- b -2- c -3- me
        TreeCase{"ring", {{"me", "a", 4}, {"a", "b", 1}, {"b", "c", 2}, {"me", "c", 3}}, "c"}),
    [](const auto& tree_case) { return tree_case.param.name; });

TEST(SpanningTreeTest, ListsNeighboursByNameNotByWeight) {
    DrawnMesh mesh{{"me", "b", 1}, {"me", "C", 2}, {"me", "a", 3}};
    EXPECT_EQ(mesh.names(mesh.graph.tree_neighbours()), "C a b");
}

TEST(SpanningTreeTest, LosesAForgottenNodeAtOnce) {
    DrawnMesh mesh{{"me", "a"}, {"me", "b"}};
    mesh.graph.remove_node(mesh["a"]);
    EXPECT_EQ(mesh.names(mesh.graph.tree_neighbours()), "b");
}

}  // namespace
}  // namespace tinc::graph
