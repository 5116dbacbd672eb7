#include "tinc/graph/drawing.hpp"

#include "unit/graph/drawn_mesh.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace tinc::graph {
namespace {

TEST(DrawingTest, HasNodesByNameAndEdgesByWeight) {
    const DrawnMesh mesh({{"beta", "gamma", 2}, {"me", "beta", 1}, arrow("me", "gamma", 3)});
    EXPECT_EQ(drawing(mesh.graph),
              "digraph {\n"
              "\t\"beta\" [label = \"beta\"];\n"
              "\t\"gamma\" [label = \"gamma\"];\n"
              "\t\"me\" [label = \"me\"];\n"
              "\t\"beta\" -> \"me\";\n"
              "\t\"me\" -> \"beta\";\n"
              "\t\"beta\" -> \"gamma\";\n"
              "\t\"gamma\" -> \"beta\";\n"
              "\t\"me\" -> \"gamma\";\n"
              "}\n");
}

TEST(DrawingTest, OfALonelyNodeIsThatNode) {
    EXPECT_EQ(drawing(Graph("me")), "digraph {\n\t\"me\" [label = \"me\"];\n}\n");
}

TEST(TopologyVersionTest, ChangesWithNodesAndEdgesAlone) {
    DrawnMesh mesh({{"me", "beta"}});
    auto before = mesh.graph.topology_version();
    const auto changed = [&] {
        return std::exchange(before, mesh.graph.topology_version()) != before;
    };
    EXPECT_TRUE(mesh.graph.add_subnet(mesh["beta"], wire::parse_subnet("10.0.0.0/8").value()));
    mesh.graph.recompute();
    EXPECT_FALSE(changed());
    mesh.draw({"beta", "gamma"});
    EXPECT_TRUE(changed());
    mesh.graph.remove_edge(mesh["beta"], mesh["gamma"]);
    EXPECT_TRUE(changed());
    mesh.graph.remove_node(mesh["gamma"]);
    EXPECT_TRUE(changed());
}

}  // namespace
}  // namespace tinc::graph
