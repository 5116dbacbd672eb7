// The minimum spanning tree, which carries broadcasts. Every node of a mesh must find the same
// one, or broadcasts loop and get lost.
//
// tinc's procedure: sort the edges by weight and names; mark a first node, the `from` of the first
// edge whose `from` is reachable; scan the edges for one that has a reverse and joins a marked to
// an unmarked node; take it, mark both, and after any skipped edge scan from the start again. That
// costs up to V times E. This file does Kruskal's algorithm instead, E log E, and gets that tree:
//
// 1. tinc always takes the first edge in the order that joins marked to unmarked. If nothing was
//    skipped since the last start of the scan, all edges before have been taken and join marked
//    nodes. Else the skipped ones were looked at since the last edge was taken, so with the marks
//    as they are, and did not qualify. That is Prim's algorithm.
// 2. No two edges are equal in the order (the names differ), and an edge joins its ends whichever
//    way it points. Give each pair of joined nodes the earlier of its two edges: all pairs differ,
//    so the component of the first node has exactly one minimum spanning tree. Prim's and
//    Kruskal's algorithms both find it.
// 3. What is reachable is what two-way edges join to ourselves, so the first node is in our
//    component. Edges elsewhere make trees of their own that do not touch us.
//
// Only the edges of that tree that end at ourselves have a connection to send on.
// Source: legacy protocol 4.

#include "tinc/graph/graph.hpp"

#include <numeric>
#include <utility>

namespace tinc::graph {

namespace {

/// Which nodes are joined so far. Union by size with path halving: as good as constant time.
class JoinedNodes {
  public:
    explicit JoinedNodes(std::size_t count) : parent_(count), size_(count, 1) {
        std::iota(parent_.begin(), parent_.end(), 0U);
    }

    /// False if they were joined already.
    bool join(NodeIndex a, NodeIndex b) {
        auto large = root_of(to_index(a));
        auto small = root_of(to_index(b));
        if (large == small) return false;
        if (size_[large] < size_[small]) std::swap(large, small);
        parent_[small] = large;
        size_[large] += size_[small];
        return true;
    }

  private:
    std::uint32_t root_of(std::uint32_t node) {
        while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
        return node;
    }

    std::vector<std::uint32_t> parent_;
    std::vector<std::uint32_t> size_;
};

}  // namespace

std::vector<NodeIndex> Graph::spanning_tree_neighbours() const {
    std::vector<bool> is_neighbour(nodes_.size());
    JoinedNodes joined(nodes_.size());
    for (const auto* record : records_by_weight()) {
        const auto& [from, to] = std::pair(record->edge.from, record->edge.to);
        if (!record->has_reverse || !joined.join(from, to)) continue;
        if (from == self) is_neighbour[to_index(to)] = true;
        if (to == self) is_neighbour[to_index(from)] = true;
    }

    std::vector<NodeIndex> neighbours;
    for (const auto& [name, record] : node_at(self).edges)
        if (is_neighbour[to_index(record.edge.to)]) neighbours.push_back(record.edge.to);
    return neighbours;
}

}  // namespace tinc::graph
