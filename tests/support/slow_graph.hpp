#pragma once

// Legacy protocol 4 once more, with weights as tie-breakers, by the letter and without any thought
// of speed: what graph::Graph must agree with. Everything goes by name, so that nothing is shared
// with the code under test.

#include "tinc/base/endpoint.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace tinc::test {

class SlowGraph {
  public:
    struct Edge {
        std::optional<Endpoint> endpoint;
        std::uint32_t options = 0;
        std::int32_t weight = 0;
    };
    /// An unreachable node has ourselves as nexthop and via.
    struct Path {
        bool reachable = false;
        bool indirect = true;
        std::string nexthop;
        std::string via;
        std::uint32_t options = 0;
        std::uint32_t hops = 0;
        std::int64_t weight = 0;
        std::optional<std::string> previous;
        std::optional<Endpoint> announced_address;
        friend bool operator==(const Path&, const Path&) = default;
    };
    using Ends = std::pair<std::string, std::string>;

    explicit SlowGraph(std::string own_name) : own_name_(std::move(own_name)) {
        nodes.insert(own_name_);
    }

    [[nodiscard]] const std::string& own_name() const { return own_name_; }

    [[nodiscard]] std::map<std::string, Path> paths() const {
        std::map<std::string, Path> paths;
        for (const auto& node : nodes) paths[node].nexthop = paths[node].via = own_name_;
        paths[own_name_].reachable = true;
        paths[own_name_].indirect = false;
        std::deque<std::string> queue{own_name_};
        while (!queue.empty()) {
            const std::string node = queue.front();
            queue.pop_front();
            for (const auto& target : nodes) {
                if (!edges.contains({node, target}) || !edges.contains({target, node})) continue;
                if (visit(paths, node, target)) queue.push_back(target);
            }
        }
        return paths;
    }

    /// The nodes other than ourselves at the ends of the tree's edges that touch us.
    [[nodiscard]] std::set<std::string> tree_neighbours() const {
        std::set<std::string> neighbours;
        for (const auto& [from, to] : tree()) {
            if (from == own_name_) neighbours.insert(to);
            if (to == own_name_) neighbours.insert(from);
        }
        return neighbours;
    }

    [[nodiscard]] std::vector<Ends> edges_by_weight() const {
        std::vector<std::tuple<std::int32_t, std::string, std::string>> keys;
        for (const auto& [ends, edge] : edges)
            keys.emplace_back(edge.weight, ends.first, ends.second);
        std::ranges::sort(keys);
        std::vector<Ends> sorted;
        for (const auto& [weight, from, to] : keys) sorted.emplace_back(from, to);
        return sorted;
    }

    std::set<std::string> nodes;
    std::map<Ends, Edge> edges;

  private:
    bool visit(std::map<std::string, Path>& paths, const std::string& node,
               const std::string& target) const {
        const Edge& e = edges.at({node, target});
        const Path n = paths.at(node);
        Path& t = paths.at(target);
        const bool ind = n.indirect || (e.options & 1U) != 0;
        const bool first = !t.reachable;
        const bool better = t.indirect && !ind;
        const bool lighter = !first && t.hops == n.hops + 1 && t.weight > n.weight + e.weight;
        if (!first && !better && !(lighter && t.indirect == ind)) return false;
        if (first || lighter) t.nexthop = n.nexthop == own_name_ ? target : n.nexthop;
        if (first || lighter || t.hops != n.hops + 1) t.weight = n.weight + e.weight;
        t.hops = n.hops + 1;
        t.reachable = true;
        t.indirect = ind;
        t.previous = node;
        t.via = ind ? n.via : target;
        t.options = e.options;
        if (!t.announced_address && e.endpoint) t.announced_address = e.endpoint;
        return first || better;
    }

    [[nodiscard]] std::vector<Ends> tree() const {
        const auto sorted = edges_by_weight();
        const auto reached = paths();
        const auto first = std::ranges::find_if(
            sorted, [&](const Ends& ends) { return reached.at(ends.first).reachable; });
        if (first == sorted.end()) return {};
        std::set<std::string> visited{first->first};
        std::vector<Ends> tree;
        bool skipped = false;
        for (std::size_t i = 0; i < sorted.size(); ++i) {
            const auto& [from, to] = sorted[i];
            if (!edges.contains({to, from}) || visited.contains(from) == visited.contains(to)) {
                skipped = true;
                continue;
            }
            visited.insert(from);
            visited.insert(to);
            tree.push_back(sorted[i]);
            if (!std::exchange(skipped, false)) continue;
            i = std::size_t(-1);  // from the first edge again
        }
        return tree;
    }

    std::string own_name_;
};

}  // namespace tinc::test
