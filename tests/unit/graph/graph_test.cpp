#include "tinc/graph/graph.hpp"

#include "drawn_mesh.hpp"
#include "support/test_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tinc::graph {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> edge_texts(const Graph& graph, const std::vector<const Edge*>& edges) {
    std::vector<std::string> texts;
    for (const auto* edge : edges)
        texts.push_back(
            fmt::format("{}>{} {}", graph.name(edge->from), graph.name(edge->to), edge->weight));
    return texts;
}

std::vector<std::string> subnet_texts(const Graph& graph) {
    std::vector<std::string> texts;
    for (const auto& [subnet, owner] : graph.subnets())
        texts.push_back(wire::subnet_text(subnet) + " " + graph.name(owner));
    return texts;
}

std::vector<std::string> change_texts(const Graph& graph,
                                      const std::vector<ReachabilityChange>& changes) {
    std::vector<std::string> texts;
    for (const auto& [node, reachable] : changes)
        texts.push_back((reachable ? "+" : "-") + graph.name(node));
    return texts;
}

TEST(GraphTest, BeginsWithOurselves) {
    const Graph graph("me");
    EXPECT_EQ(graph.find("me"), Graph::self);
    EXPECT_EQ(graph.name(Graph::self), "me");
    EXPECT_THAT(graph.nodes(), ElementsAre(Graph::self));
    EXPECT_EQ(graph.node_count(), 1U);
}

TEST(GraphTest, KnowsANodeByItsName) {
    Graph graph("me");
    const auto alpha = graph.add_node("alpha").value();
    EXPECT_EQ(graph.add_node("alpha"), alpha);
    EXPECT_EQ(graph.find("alpha"), alpha);
    EXPECT_EQ(graph.find("Alpha"), std::nullopt);
    EXPECT_EQ(graph.node_count(), 2U);
}

TEST(GraphTest, ListsNodesByName) {
    DrawnMesh mesh;
    for (const auto* name : {"z", "a_1", "a", "B", "a1"}) mesh.graph.add_node(name).value();
    EXPECT_EQ(mesh.names(mesh.graph.nodes()), "B a a1 a_1 me z");
}

TEST(GraphTest, ReusesTheSlotOfAForgottenNodeWithNothingLeftInIt) {
    DrawnMesh mesh{{"me", "a"}, {"a", "b"}};
    mesh.add_subnet("a", "10.0.0.0/8");
    const auto slot = mesh["a"];
    mesh.graph.remove_node(slot);
    EXPECT_FALSE(mesh.graph.exists(slot));
    EXPECT_EQ(mesh.graph.find("a"), std::nullopt);

    EXPECT_EQ(mesh["c"], slot);
    EXPECT_EQ(mesh.graph.name(slot), "c");
    EXPECT_EQ(mesh.graph.path(slot), Path{});
    EXPECT_THAT(mesh.graph.subnets_of(slot), IsEmpty());
    EXPECT_THAT(mesh.graph.edges_from(slot), IsEmpty());
    EXPECT_FALSE(mesh.graph.has_edge_to(slot));
}

TEST(GraphTest, ForgetsTheEdgesAndSubnetsOfANode) {
    DrawnMesh mesh{{"me", "a"}, {"a", "b"}, arrow("c", "a"), {"b", "c"}};
    mesh.add_subnet("a", "10.0.0.0/8");
    mesh.add_subnet("b", "10.0.0.0/8");
    mesh.graph.remove_node(mesh["a"]);
    EXPECT_THAT(edge_texts(mesh.graph, mesh.graph.edges_by_weight()),
                ElementsAre("b>c 1", "c>b 1"));
    EXPECT_EQ(mesh.graph.edge_count(), 2U);
    EXPECT_THAT(subnet_texts(mesh.graph), ElementsAre("10.0.0.0/8#10 b"));
    EXPECT_EQ(mesh.graph.subnet_count(), 1U);
}

TEST(GraphTest, SurvivesBeingMoved) {
    DrawnMesh mesh{{"me", "a", 7}};
    mesh.add_subnet("a", "10.0.0.0/8");
    Graph moved = std::move(mesh.graph);
    EXPECT_THAT(edge_texts(moved, moved.edges_from(Graph::self)), ElementsAre("me>a 7"));
    EXPECT_THAT(subnet_texts(moved), ElementsAre("10.0.0.0/8#10 a"));
    EXPECT_TRUE(moved.path(moved.find("a").value()).reachable);
}

TEST(GraphTest, FindsAnEdgeInItsDirectionOnly) {
    DrawnMesh mesh{arrow("a", "b", 3, 0xc)};
    const Edge expected{
        .from = mesh["a"], .to = mesh["b"], .address = {}, .options = 0xc, .weight = 3};
    ASSERT_NE(mesh.graph.find_edge(mesh["a"], mesh["b"]), nullptr);
    EXPECT_EQ(*mesh.graph.find_edge(mesh["a"], mesh["b"]), expected);
    EXPECT_EQ(mesh.graph.find_edge(mesh["b"], mesh["a"]), nullptr);
    EXPECT_TRUE(mesh.graph.has_edge_to(mesh["b"]));
    EXPECT_FALSE(mesh.graph.has_edge_to(mesh["a"]));
}

TEST(GraphTest, ReplacesAnEdge) {
    DrawnMesh mesh{arrow("a", "b", 3)};
    mesh.draw(arrow("a", "b", -4, 0x1));
    EXPECT_EQ(mesh.graph.edge_count(), 1U);
    EXPECT_EQ(mesh.graph.find_edge(mesh["a"], mesh["b"])->weight, -4);
    EXPECT_EQ(mesh.graph.find_edge(mesh["a"], mesh["b"])->options, 0x1U);
}

TEST(GraphTest, FindsNoEdgeOfUnknownNodes) {
    Graph graph("me");
    EXPECT_EQ(graph.find_edge(Graph::self, NodeIndex{7}), nullptr);
    EXPECT_EQ(graph.find_edge(NodeIndex{7}, Graph::self), nullptr);
    EXPECT_FALSE(graph.remove_edge(NodeIndex{7}, Graph::self));
}

TEST(GraphTest, RemovesAnEdgeOnce) {
    DrawnMesh mesh{{"a", "b"}};
    EXPECT_TRUE(mesh.graph.remove_edge(mesh["a"], mesh["b"]));
    EXPECT_FALSE(mesh.graph.remove_edge(mesh["a"], mesh["b"]));
    EXPECT_FALSE(mesh.graph.has_edge_to(mesh["b"]));
    EXPECT_NE(mesh.graph.find_edge(mesh["b"], mesh["a"]), nullptr);
    EXPECT_EQ(mesh.graph.edge_count(), 1U);
}

TEST(GraphTest, ListsEdgesOfANodeByDestination) {
    DrawnMesh mesh{arrow("a", "me", 1), arrow("a", "z", -5), arrow("a", "B", 9)};
    EXPECT_THAT(edge_texts(mesh.graph, mesh.graph.edges_from(mesh["a"])),
                ElementsAre("a>B 9", "a>me 1", "a>z -5"));
}

TEST(GraphTest, ListsAllEdgesByWeightThenNames) {
    DrawnMesh mesh{{"a", "me", 2147483647},
                   {"a", "b", -2147483647 - 1},
                   {"b", "me", -1},
                   arrow("b", "c", 0),
                   arrow("a", "c", 0)};
    EXPECT_THAT(edge_texts(mesh.graph, mesh.graph.edges_by_weight()),
                ElementsAre("a>b -2147483648", "b>a -2147483648", "b>me -1", "me>b -1", "a>c 0",
                            "b>c 0", "a>me 2147483647", "me>a 2147483647"));
}

TEST(GraphTest, KeepsASubnetOnceForEachOwnerAndWeight) {
    DrawnMesh mesh;
    const auto subnet = wire::parse_subnet("10.0.0.0/8").value();
    const auto lighter = wire::parse_subnet("10.0.0.0/8#1").value();
    EXPECT_EQ(mesh.graph.add_subnet(mesh["a"], subnet), true);
    EXPECT_EQ(mesh.graph.add_subnet(mesh["a"], subnet), false);
    EXPECT_EQ(mesh.graph.add_subnet(mesh["b"], subnet), true);
    EXPECT_FALSE(mesh.graph.has_subnet(mesh["a"], lighter));
    EXPECT_EQ(mesh.graph.add_subnet(mesh["a"], lighter), true);
    EXPECT_THAT(mesh.graph.subnets_of(mesh["a"]), ElementsAre(lighter, subnet));
    EXPECT_EQ(mesh.graph.subnet_count(), 3U);
}

TEST(GraphTest, RemovesTheSubnetOfThatOwnerAndWeightOnly) {
    DrawnMesh mesh;
    mesh.add_subnet("a", "10.0.0.0/8#1");
    mesh.add_subnet("b", "10.0.0.0/8");
    EXPECT_FALSE(mesh.graph.remove_subnet(mesh["a"], wire::parse_subnet("10.0.0.0/8").value()));
    EXPECT_TRUE(mesh.graph.remove_subnet(mesh["b"], wire::parse_subnet("10.0.0.0/8").value()));
    EXPECT_THAT(subnet_texts(mesh.graph), ElementsAre("10.0.0.0/8#1 a"));
}

TEST(GraphTest, ListsSubnetsAsTincDumpsThem) {
    const auto data = nlohmann::json::parse(test::test_data("subnet_text.json"));
    std::vector<std::string> order = data.at("dump_order");
    DrawnMesh mesh;
    for (const auto& text : order) mesh.add_subnet("a", text);
    for (auto& text : order) text += " a";
    EXPECT_EQ(subnet_texts(mesh.graph), order);
}

TEST(GraphTest, ListsEqualSubnetsByWeightThenOwner) {
    DrawnMesh mesh;
    mesh.add_subnet("z", "10.0.0.0/8#-2147483648");
    mesh.add_subnet("b", "10.0.0.0/8");
    mesh.add_subnet("a", "10.0.0.0/8#2147483647");
    mesh.add_subnet("B", "10.0.0.0/8");
    EXPECT_THAT(subnet_texts(mesh.graph),
                ElementsAre("10.0.0.0/8#-2147483648 z", "10.0.0.0/8#10 B", "10.0.0.0/8#10 b",
                            "10.0.0.0/8#2147483647 a"));
}

TEST(GraphTest, IsDirtyOnceNodesOrEdgesChanged) {
    DrawnMesh mesh;
    const auto is_dirty_after = [&](auto change) {
        mesh.graph.recompute();
        EXPECT_FALSE(mesh.graph.is_dirty());
        change();
        return mesh.graph.is_dirty();
    };
    EXPECT_TRUE(is_dirty_after([&] { mesh.draw({"a", "b"}); }));
    EXPECT_TRUE(is_dirty_after([&] { mesh.draw({"a", "b", 2}); }));
    EXPECT_TRUE(is_dirty_after([&] { mesh.announce("a", "b", {"10.0.0.1", "655"}); }));
    EXPECT_TRUE(is_dirty_after([&] { mesh.graph.remove_edge(mesh["a"], mesh["b"]); }));
    EXPECT_TRUE(is_dirty_after([&] { mesh.graph.add_node("c").value(); }));
    EXPECT_TRUE(is_dirty_after([&] { mesh.graph.remove_node(mesh["c"]); }));
}

TEST(GraphTest, IsNotDirtyWhenNothingThatMattersChanged) {
    DrawnMesh mesh{{"a", "b"}};
    mesh.draw({"a", "b"});
    mesh.graph.add_node("a").value();
    mesh.graph.remove_edge(mesh["a"], mesh["me"]);
    mesh.add_subnet("a", "10.0.0.0/8");
    EXPECT_FALSE(mesh.graph.is_dirty());
}

TEST(GraphTest, ReportsChangesOfReachabilityOnceInNameOrder) {
    DrawnMesh mesh;
    for (const auto* name : {"c", "a", "b"}) mesh.draw({"hub", name});
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()), IsEmpty());
    mesh.draw({"me", "hub"});
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()),
                ElementsAre("+a", "+b", "+c", "+hub"));
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()), IsEmpty());
    mesh.graph.remove_edge(mesh["b"], mesh["hub"]);
    mesh.draw({"hub", "A"});
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()), ElementsAre("+A", "-b"));
}

TEST(GraphTest, SaysNothingOfANodeThatLeftAndCameBackBetweenTwoLooks) {
    DrawnMesh mesh{{"me", "a"}};
    mesh.graph.remove_edge(mesh["me"], mesh["a"]);
    mesh.draw({"me", "a"});
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()), IsEmpty());
}

TEST(GraphTest, ReportsANodeInAReusedSlotAsNew) {
    DrawnMesh mesh{{"me", "a"}};
    mesh.graph.remove_node(mesh["a"]);
    mesh.draw({"me", "b"});
    EXPECT_THAT(change_texts(mesh.graph, mesh.graph.recompute()), ElementsAre("+b"));
}

}  // namespace
}  // namespace tinc::graph
