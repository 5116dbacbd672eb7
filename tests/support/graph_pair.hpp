#pragma once

#include "support/slow_graph.hpp"
#include "tinc/base/random.hpp"
#include "tinc/graph/graph.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace tinc::test {

/// A graph and its slow reference under the same random operations.
class GraphPair {
  public:
    /// Up to `name_count` nodes. Our name is one in the middle, so that names sort on both sides.
    GraphPair(RandomSource& random, std::uint32_t name_count)
        : random_(random),
          name_count_(name_count),
          slow_(node_name(name_count / 2)),
          fast_(slow_.own_name()) {}

    /// Adds or removes a node or an edge.
    void change() {
        const std::string from = node_name(random_.below(name_count_));
        const std::string to = node_name(random_.below(name_count_));
        switch (random_.below(16)) {
            case 0:
                return remove_node(from);
            case 1:
            case 2:
            case 3:
                return remove_edge(from, to);
            case 4:
            case 5:
                return set_edge(from, to);
            default:  // most edges have a reverse, as in a real mesh
                set_edge(from, to);
                return set_edge(to, from);
        }
    }

    /// Recomputes. What differs from the reference, or nothing.
    [[nodiscard]] std::string difference() {
        const auto before = reachable_;
        const auto changes = fast_.recompute();
        const auto paths = slow_.paths();
        reachable_.clear();
        for (const auto& [name, path] : paths)
            if (path.reachable) reachable_.insert(name);

        std::string report = changes_difference(before, changes);
        for (const auto& [name, path] : paths) report += path_difference(name, path);
        report += list_difference();
        if (fast_.is_dirty()) report += "still dirty\n";
        if (!fast_.recompute().empty()) report += "a change was reported twice\n";
        return report;
    }

  private:
    static std::string node_name(std::uint32_t number) { return fmt::format("n{:02}", number); }

    std::string name(NodeIndex node) const { return fast_.name(node); }

    NodeIndex add_node(const std::string& name) {
        slow_.nodes.insert(name);
        return fast_.add_node(name).value();
    }

    void remove_node(const std::string& name) {
        if (name == slow_.own_name() || slow_.nodes.erase(name) == 0) return;
        std::erase_if(slow_.edges, [&](const auto& entry) {
            return entry.first.first == name || entry.first.second == name;
        });
        fast_.remove_node(fast_.find(name).value());
        reachable_.erase(name);
    }

    void set_edge(const std::string& from, const std::string& to) {
        if (from == to) return;
        const SlowGraph::Edge edge{
            .endpoint = any_endpoint(), .options = random_.below(4), .weight = any_weight()};
        slow_.edges[{from, to}] = edge;
        const auto address = edge.endpoint ? wire::EdgeAddress(*edge.endpoint)
                                           : wire::EdgeAddress("unknown", "unknown");
        fast_
            .set_edge({.from = add_node(from),
                       .to = add_node(to),
                       .address = address,
                       .options = edge.options,
                       .weight = edge.weight})
            .value();
    }

    void remove_edge(const std::string& from, const std::string& to) {
        const auto fast_from = fast_.find(from);
        const auto fast_to = fast_.find(to);
        const bool removed = fast_from && fast_to && fast_.remove_edge(*fast_from, *fast_to);
        if (removed != (slow_.edges.erase({from, to}) != 0)) remarks_ += "remove_edge() is wrong\n";
    }

    std::optional<Endpoint> any_endpoint() {
        const auto host = random_.below(4);
        if (host == 0) return std::nullopt;
        return Endpoint{
            .address = Address::v4({std::byte{10}, {}, {}, static_cast<std::byte>(host)}),
            .port = static_cast<std::uint16_t>(655 + random_.below(2))};
    }

    std::int32_t any_weight() {
        using Weight = std::numeric_limits<std::int32_t>;
        static constexpr std::array weights{Weight::min(), -1, 0, 1, 2, 2, 2, 3, Weight::max()};
        return weights[random_.below(static_cast<std::uint32_t>(weights.size()))];
    }

    std::string changes_difference(const std::set<std::string>& before,
                                   const std::vector<graph::ReachabilityChange>& changes) const {
        std::string expected;
        for (const auto& node : slow_.nodes)
            if (before.contains(node) != reachable_.contains(node))
                expected += fmt::format(" {}={}", node, reachable_.contains(node));
        std::string actual;
        for (const auto& change : changes)
            actual += fmt::format(" {}={}", name(change.node), change.reachable);
        return actual == expected ? std::string()
                                  : fmt::format("changes are{} instead of{}\n", actual, expected);
    }

    std::string path_difference(const std::string& node, const SlowGraph::Path& expected) const {
        const auto index = fast_.find(node);
        if (!index) return node + " is missing\n";
        const auto& path = fast_.path(*index);
        SlowGraph::Path actual{.reachable = path.reachable,
                               .indirect = path.indirect,
                               .nexthop = name(path.nexthop),
                               .via = name(path.via),
                               .options = path.options,
                               .hops = path.hops,
                               .weight = path.weight,
                               .previous = std::nullopt,
                               .announced_address = path.announced_address};
        if (path.previous) actual.previous = name(*path.previous);
        return actual == expected ? std::string()
                                  : fmt::format("{}: path is {} instead of {}\n", node,
                                                text(actual), text(expected));
    }

    static std::string text(const SlowGraph::Path& path) {
        return fmt::format(
            "[reachable {} indirect {} nexthop {} via {} options {} hops {} weight {} "
            "after {} at {}]",
            path.reachable, path.indirect, path.nexthop, path.via, path.options, path.hops,
            path.weight, path.previous.value_or("-"),
            path.announced_address ? path.announced_address->text() : "-");
    }

    std::string list_difference() const {
        std::string report = remarks_;
        std::vector<std::string> nodes;
        for (const auto node : fast_.nodes()) nodes.push_back(name(node));
        if (!std::ranges::equal(nodes, slow_.nodes)) report += "nodes differ\n";

        std::vector<SlowGraph::Ends> edges;
        for (const auto* edge : fast_.edges_by_weight())
            edges.emplace_back(name(edge->from), name(edge->to));
        if (edges != slow_.edges_by_weight()) report += "edges or their order differ\n";
        if (fast_.edge_count() != edges.size()) report += "edges are counted wrong\n";

        std::vector<std::string> neighbours;
        for (const auto node : fast_.tree_neighbours()) neighbours.push_back(name(node));
        if (!std::ranges::equal(neighbours, slow_.tree_neighbours()))
            report +=
                fmt::format("tree neighbours are [{}] instead of [{}]\n",
                            fmt::join(neighbours, " "), fmt::join(slow_.tree_neighbours(), " "));
        return report;
    }

    RandomSource& random_;
    std::uint32_t name_count_;
    SlowGraph slow_;
    graph::Graph fast_;
    std::set<std::string> reachable_{slow_.own_name()};
    std::string remarks_;
};

}  // namespace tinc::test
