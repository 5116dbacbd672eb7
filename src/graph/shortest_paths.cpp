// Paths are found breadth first from ourselves: the fewest hops win, and of ways with as many hops
// the one whose edges together weigh least. Hops come first for all nodes, whatever version they
// are of, so packets get nearer with each hop and never run in a circle.
//
// A node found over an edge that forbids direct UDP is found again when a way without such an edge
// turns up, and then once more passes on what it knows. It keeps its next hop, which was right for
// the first way, although the better one may leave through another neighbour: tinc does so, and
// all nodes should choose alike. A node is improved at most once, so the search ends. A lighter
// way never makes a direct node indirect.
// Source: legacy protocol 4; protocol 1.1, 3, but with the weight of the whole way.

#include "tinc/graph/graph.hpp"

namespace tinc::graph {

namespace {

/// Follows one edge from a node that was reached. Returns whether its end has to pass on what it
/// knows; after a lighter way it has not done so yet, since those before it have as many hops.
bool follow(std::vector<Path>& paths, const Edge& edge) {
    const Path& before = paths[to_index(edge.from)];
    Path& end = paths[to_index(edge.to)];
    const bool indirect = before.indirect || (edge.options & wire::option::indirect) != 0;
    const bool improves = end.indirect && !indirect;
    const auto hops = before.hops + 1;
    const auto weight = before.weight + edge.weight;
    const bool is_lighter = end.reachable && hops == end.hops && weight < end.weight;
    const bool is_first = !end.reachable;
    if (!is_first && !improves && !(is_lighter && indirect == end.indirect)) return false;

    if (is_first || is_lighter) end.nexthop = edge.from == Graph::self ? edge.to : before.nexthop;
    if (is_first || is_lighter || hops != end.hops) end.weight = weight;
    end.hops = hops;
    end.reachable = true;
    end.indirect = indirect;
    end.previous = edge.from;
    end.via = indirect ? before.via : edge.to;
    end.options = edge.options;
    if (!end.announced_address) end.announced_address = edge.address.endpoint;
    return is_first || improves;
}

}  // namespace

std::vector<Path> Graph::shortest_paths() const {
    std::vector<Path> paths(nodes_.size());
    paths.front() = {.reachable = true,
                     .indirect = false,
                     .nexthop = self,
                     .via = self,
                     .options = 0,
                     .hops = 0,
                     .weight = 0,
                     .previous = std::nullopt,
                     .announced_address = std::nullopt};

    std::vector<NodeIndex> queue{self};
    for (std::size_t next = 0; next < queue.size(); ++next)
        for (const auto& [name, record] : node_at(queue[next]).edges)
            if (record.has_reverse && follow(paths, record.edge)) queue.push_back(record.edge.to);
    return paths;
}

}  // namespace tinc::graph
