#include "tinc/base/limits.hpp"
#include "tinc/graph/graph.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace tinc::graph {
namespace {

/// The n-th host of 10.0.0.0/8.
wire::Subnet host_subnet(std::size_t n) {
    wire::Subnet subnet;
    subnet.address = {std::byte{10}, static_cast<std::byte>(n >> 16U),
                      static_cast<std::byte>(n >> 8U), static_cast<std::byte>(n)};
    return subnet;
}

void fill_with_nodes(Graph& graph, std::size_t count) {
    for (auto n = graph.node_count(); n < count; ++n) {
        ASSERT_TRUE(graph.add_node(fmt::format("n{:05}", n)));
    }
}

/// An edge from every node to the next, to the one after that, and so on around.
void fill_with_edges(Graph& graph, std::size_t count) {
    const auto nodes = static_cast<std::uint32_t>(graph.node_count());
    for (std::uint32_t step = 1; graph.edge_count() < count; ++step)
        for (std::uint32_t from = 0; from < nodes && graph.edge_count() < count; ++from) {
            const NodeIndex to{(from + step) % nodes};
            ASSERT_TRUE(graph.set_edge({.from = NodeIndex{from}, .to = to, .address = {}}));
            if (graph.edge_count() == count) return;
            ASSERT_TRUE(graph.set_edge({.from = to, .to = NodeIndex{from}, .address = {}}));
        }
}

TEST(GraphLimitsTest, TakesNoMoreNodesThanTheLimit) {
    Graph graph("me");
    fill_with_nodes(graph, limits::nodes);
    graph.recompute();
    const auto result = graph.add_node("one_more");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::exhausted);
    EXPECT_EQ(graph.node_count(), limits::nodes);
    EXPECT_EQ(graph.find("one_more"), std::nullopt);
    EXPECT_FALSE(graph.is_dirty());
}

TEST(GraphLimitsTest, StillKnowsOldNodesAtTheLimitAndTakesNewOnesInTheirPlace) {
    Graph graph("me");
    fill_with_nodes(graph, limits::nodes);
    const auto known = graph.add_node("n00001");
    ASSERT_TRUE(known);
    graph.remove_node(*known);
    EXPECT_EQ(graph.add_node("one_more"), *known);
}

TEST(GraphLimitsTest, TakesNoMoreEdgesThanTheLimit) {
    Graph graph("me");
    fill_with_nodes(graph, 400);
    fill_with_edges(graph, limits::edges);
    graph.recompute();
    const auto last = graph.add_node("last").value();
    graph.recompute();

    const auto result = graph.set_edge({.from = Graph::self, .to = last, .address = {}});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::exhausted);
    EXPECT_EQ(graph.edge_count(), limits::edges);
    EXPECT_EQ(graph.find_edge(Graph::self, last), nullptr);
    EXPECT_FALSE(graph.has_edge_to(last));
    EXPECT_FALSE(graph.is_dirty());
}

TEST(GraphLimitsTest, StillReplacesEdgesAtTheLimit) {
    Graph graph("me");
    fill_with_nodes(graph, 400);
    fill_with_edges(graph, limits::edges);
    const Edge changed{.from = Graph::self, .to = NodeIndex{1}, .address = {}, .weight = 5};
    EXPECT_TRUE(graph.set_edge(changed));
    EXPECT_EQ(*graph.find_edge(Graph::self, NodeIndex{1}), changed);
}

TEST(GraphLimitsTest, TakesNoMoreSubnetsThanTheLimit) {
    Graph graph("me");
    for (std::size_t n = 0; n < limits::subnets; ++n)
        ASSERT_EQ(graph.add_subnet(Graph::self, host_subnet(n)), true);
    const auto one_more = host_subnet(limits::subnets);
    const auto table = graph.forwarding_table();

    const auto result = graph.add_subnet(Graph::self, one_more);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::exhausted);
    EXPECT_EQ(graph.subnet_count(), limits::subnets);
    EXPECT_FALSE(graph.has_subnet(Graph::self, one_more));
    EXPECT_EQ(graph.forwarding_table(), table);

    EXPECT_EQ(graph.add_subnet(Graph::self, host_subnet(0)), false) << "known, so not one more";
    EXPECT_TRUE(graph.remove_subnet(Graph::self, host_subnet(0)));
    EXPECT_EQ(graph.add_subnet(Graph::self, one_more), true);
}

TEST(GraphLimitsTest, FindsItsWayThroughTheLargestGraph) {
    Graph graph("me");
    fill_with_nodes(graph, limits::nodes);
    fill_with_edges(graph, limits::edges);
    EXPECT_EQ(graph.recompute().size(), limits::nodes - 1);
    EXPECT_FALSE(graph.tree_neighbours().empty());
    EXPECT_EQ(graph.forwarding_table()->hop_count(), limits::nodes);
}

TEST(GraphLimitsTest, FindsItsWayThroughTheLongestChain) {
    Graph graph("me");
    fill_with_nodes(graph, limits::nodes);
    fill_with_edges(graph, 2 * limits::nodes - 2);  // all but the edges that close the ring
    EXPECT_EQ(graph.recompute().size(), limits::nodes - 1);
    const NodeIndex end{limits::nodes - 1};
    EXPECT_EQ(graph.path(end).nexthop, NodeIndex{1});
    EXPECT_EQ(graph.path(end).previous, NodeIndex{limits::nodes - 2});
}

TEST(GraphLimitsTest, CutsAHubWithAllItsNeighboursOff) {
    Graph graph("me");
    const auto hub = graph.add_node("hub").value();
    fill_with_nodes(graph, limits::nodes);
    for (const auto node : graph.nodes()) {
        if (node == hub) continue;
        ASSERT_TRUE(graph.set_edge({.from = hub, .to = node, .address = {}}));
        ASSERT_TRUE(graph.set_edge({.from = node, .to = hub, .address = {}}));
    }
    EXPECT_EQ(graph.recompute().size(), limits::nodes - 1);
    graph.remove_node(hub);
    EXPECT_EQ(graph.edge_count(), 0U);
    EXPECT_EQ(graph.recompute().size(), limits::nodes - 2);
}

}  // namespace
}  // namespace tinc::graph
