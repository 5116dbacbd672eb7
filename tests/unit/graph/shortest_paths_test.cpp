#include "drawn_mesh.hpp"

#include <gtest/gtest.h>

namespace tinc::graph {
namespace {

struct PathCase {
    std::string name;
    std::vector<Line> lines;
    std::string expected;  ///< of the node "x": previous, nexthop, via; "indirect" if it is
};

std::string path_text(DrawnMesh& mesh, std::string_view node) {
    const Path& path = mesh.path(node);
    if (!path.reachable) return "unreachable";
    return fmt::format("after {} nexthop {} via {}{}", mesh.graph.name(path.previous.value()),
                       mesh.graph.name(path.nexthop), mesh.graph.name(path.via),
                       path.indirect ? " indirect" : "");
}

class PathTo : public testing::TestWithParam<PathCase> {};

TEST_P(PathTo, FollowsTheDrawing) {
    DrawnMesh mesh(GetParam().lines);
    EXPECT_EQ(path_text(mesh, "x"), GetParam().expected);
}

// Drawn with --- for an edge both ways, ~~~ for an indirect one, --> for one without a reverse.
INSTANTIATE_TEST_SUITE_P(
    Graph, PathTo,
    testing::Values(
        // me --- x
        PathCase{"neighbour", {{"me", "x"}}, "after me nexthop x via x"},
        // me --- a --- b --- x
        PathCase{
            "end_of_a_chain", {{"me", "a"}, {"a", "b"}, {"b", "x"}}, "after b nexthop a via x"},
        // me ~~~ x
        PathCase{"indirect_neighbour", {indirect("me", "x")}, "after me nexthop x via me indirect"},
        // me --- a ~~~ x
        PathCase{"behind_an_indirect_edge",
                 {{"me", "a"}, indirect("a", "x")},
                 "after a nexthop a via a indirect"},
        // me --- a ~~~ b --- x
        PathCase{"far_behind_an_indirect_edge",
                 {{"me", "a"}, indirect("a", "b"), {"b", "x"}},
                 "after b nexthop a via a indirect"},
        // me --> x
        PathCase{"edge_without_reverse", {arrow("me", "x")}, "unreachable"},
        // me --- a <-- x
        PathCase{"edge_with_only_a_reverse", {{"me", "a"}, arrow("x", "a")}, "unreachable"},
        // me --- a   b --- x
        PathCase{"other_part", {{"me", "a"}, {"b", "x"}}, "unreachable"},
        //    .- a -.
        //  me       x
        //    '- b -'
        PathCase{"the_lower_name_of_two_ways",
                 {{"me", "b"}, {"b", "x"}, {"me", "a"}, {"a", "x"}},
                 "after a nexthop a via x"},
        //    .- a -.      both ways weigh 1 + 9 and 4 + 4: the last edge alone says the contrary
        //  me       x
        //    '- b -'
        PathCase{"lightest_of_two_ways",
                 {{"me", "a", 9}, {"a", "x", 1}, {"me", "b", 4}, {"b", "x", 4}},
                 "after b nexthop b via x"},
        //    .- a - c -.
        //  me           x   the difference is made on the first edges, the last ones are alike
        //    '- b - d -'
        PathCase{"lightest_of_two_long_ways",
                 {{"me", "a", 7},
                  {"a", "c", 2},
                  {"c", "x", 5},
                  {"me", "b", 3},
                  {"b", "d", 5},
                  {"d", "x", 5}},
                 "after d nexthop b via x"},
        //    .- a -.
        //  me       x     the lighter way is indirect, and what is direct stays so
        //    '- b ~'
        PathCase{"lighter_but_indirect",
                 {{"me", "a", 9}, {"a", "x", 9}, {"me", "b", 1}, indirect("b", "x")},
                 "after a nexthop a via x"},
        PathCase{"upper_case_sorts_first",
                 {{"me", "a"}, {"a", "x"}, {"me", "B"}, {"B", "x"}},
                 "after B nexthop B via x"},
        //    .- a - b -.
        //  me           x     the direct edge is heavy, and still has the fewest hops
        //    '---------'
        PathCase{"fewest_hops_whatever_they_weigh",
                 {{"me", "a", 0}, {"a", "b", 0}, {"b", "x", 0}, {"me", "x", 2147483647}},
                 "after me nexthop x via x"},
        //    .~ a ~.
        //  me       x     found over a; over b and c it is direct, but keeps its next hop
        //    '- b - c
        PathCase{"better_found_later_keeps_its_next_hop",
                 {{"me", "a"}, indirect("a", "x"), {"me", "b"}, {"b", "c"}, {"c", "x"}},
                 "after c nexthop a via x"},
        //    .- a ~ y --- x
        //  me       |           y gets better after x was found behind it, and says so
        //    '- b - c
        PathCase{"better_is_passed_on",
                 {{"me", "a"}, indirect("a", "y"), {"y", "x"}, {"me", "b"}, {"b", "c"}, {"c", "y"}},
                 "after y nexthop a via x"},
        //    .- a ~.
        //  me       x     both ways are indirect: the first stays
        //    '- b ~'
        PathCase{"equally_indirect_is_no_better",
                 {{"me", "a"}, indirect("a", "x"), {"me", "b"}, indirect("b", "x")},
                 "after a nexthop a via a indirect"},
        // me --- a ~~> x, x --> a: the option of the reverse does not matter, this one does
        PathCase{"option_of_the_edge_towards_it",
                 {{"me", "a"}, arrow("a", "x", 1, wire::option::indirect), arrow("x", "a")},
                 "after a nexthop a via a indirect"},
        PathCase{"option_of_the_reverse_edge",
                 {{"me", "a"}, arrow("a", "x"), arrow("x", "a", 1, wire::option::indirect)},
                 "after a nexthop a via x"}),
    [](const auto& path_case) { return path_case.param.name; });

TEST(ShortestPathsTest, WeAreReachableFromTheStart) {
    const Graph graph("me");
    const Path expected{.reachable = true,
                        .indirect = false,
                        .nexthop = Graph::self,
                        .via = Graph::self,
                        .options = 0,
                        .hops = 0,
                        .weight = 0,
                        .previous = std::nullopt,
                        .announced_address = std::nullopt};
    EXPECT_EQ(graph.path(Graph::self), expected);
    EXPECT_FALSE(graph.is_dirty());
}

TEST(ShortestPathsTest, WeAreNeverImprovedByOurNeighbours) {
    DrawnMesh mesh{{"me", "a", 1, 0xffffffff}};
    EXPECT_EQ(mesh.graph.path(Graph::self), Graph("me").path(Graph::self));
}

TEST(ShortestPathsTest, OptionsAreThoseOfTheLastEdge) {
    DrawnMesh mesh{{"me", "a", 1, 0x4}, {"a", "x", 1, 0x0700000c}};
    EXPECT_EQ(mesh.path("a").options, 0x4U);
    EXPECT_EQ(mesh.path("x").options, 0x0700000cU);
}

TEST(ShortestPathsTest, ForgetsThePathOfANodeThatBecameUnreachable) {
    DrawnMesh mesh{{"me", "x", 1, 0x4}};
    mesh.graph.remove_edge(mesh["x"], mesh["me"]);
    mesh.graph.recompute();
    EXPECT_EQ(mesh.path("x"), Path{});
}

TEST(ShortestPathsTest, TakesTheAddressOfTheEdgeThatFoundTheNode) {
    DrawnMesh mesh{{"me", "a"}, {"a", "x"}};
    mesh.announce("me", "a", {"10.0.0.1", "655"});
    mesh.announce("x", "a", {"10.0.0.3", "655"});  // where x reaches a: not the way we came
    mesh.announce("a", "x", {"fd00::2", "656"});
    mesh.graph.recompute();
    EXPECT_EQ(mesh.path("a").announced_address,
              (Endpoint{.address = Address::parse("10.0.0.1").value(), .port = 655}));
    EXPECT_EQ(mesh.path("x").announced_address,
              (Endpoint{.address = Address::parse("fd00::2").value(), .port = 656}));
    EXPECT_EQ(mesh.path("me").announced_address, std::nullopt);
}

//    .- a ~.
//  me       x     over a at 10.0.0.1 or an unknown place, later over b and c at 10.0.0.2
//    '- b - c
DrawnMesh twice_found(wire::EdgeAddress first) {
    DrawnMesh mesh{{"me", "a"}, indirect("a", "x"), {"me", "b"}, {"b", "c"}, {"c", "x"}};
    mesh.graph
        .set_edge({.from = mesh["a"],
                   .to = mesh["x"],
                   .address = std::move(first),
                   .options = wire::option::indirect})
        .value();
    mesh.announce("c", "x", {"10.0.0.2", "655"});
    mesh.graph.recompute();
    return mesh;
}

TEST(ShortestPathsTest, KeepsTheFirstAddressWhenTheNodeIsFoundAgain) {
    auto mesh = twice_found({"10.0.0.1", "655"});
    EXPECT_EQ(mesh.path("x").announced_address->address.text(), "10.0.0.1");
    EXPECT_EQ(mesh.path("x").via, mesh["x"]);
}

TEST(ShortestPathsTest, TakesALaterAddressWhenTheFirstIsNotNumeric) {
    auto mesh = twice_found({"unknown", "unknown"});
    EXPECT_EQ(mesh.path("x").announced_address->address.text(), "10.0.0.2");
}

TEST(ShortestPathsTest, HasNoAddressWhenNoneIsNumeric) {
    DrawnMesh mesh{{"me", "x"}};
    mesh.announce("me", "x", {"host.example.org", "655"});
    mesh.graph.recompute();
    EXPECT_TRUE(mesh.path("x").reachable);
    EXPECT_EQ(mesh.path("x").announced_address, std::nullopt);
}

}  // namespace
}  // namespace tinc::graph
