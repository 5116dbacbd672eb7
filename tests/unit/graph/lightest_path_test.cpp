// Paths against a solver that knows nothing of them: of all ways with the fewest edges, the sum of
// whose weights is the least?

#include "drawn_mesh.hpp"
#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

namespace tinc::graph {
namespace {

struct Cost {
    std::uint32_t hops = 0;
    std::int64_t weight = 0;
    friend auto operator<=>(const Cost&, const Cost&) = default;
};

/// Bellman and Ford's: every line again and again until nothing gets cheaper.
std::map<std::string, Cost> cheapest(const std::vector<Line>& lines) {
    std::map<std::string, Cost> costs{{"me", {}}};
    for (bool is_settled = false; !is_settled;) {
        is_settled = true;
        for (const auto& line : lines) {
            for (const auto& [from, to] : {std::pair(line.from, line.to), {line.to, line.from}}) {
                if (!costs.contains(from)) continue;
                const Cost cost{costs[from].hops + 1, costs[from].weight + line.weight};
                const auto known = costs.find(to);
                if (known != costs.end() && known->second <= cost) continue;
                costs[to] = cost;
                is_settled = false;
            }
        }
    }
    return costs;
}

std::vector<Line> random_lines(RandomSource& random) {
    const auto nodes = 3 + random.below(8);
    const auto name = [](std::uint32_t number) {
        return number == 0 ? std::string("me") : fmt::format("n{}", number);
    };
    std::map<std::pair<std::uint32_t, std::uint32_t>, Line> lines;
    for (auto edges = nodes + random.below(2 * nodes); edges > 0; --edges) {
        const auto from = random.below(nodes);
        const auto to = random.below(nodes);
        if (from >= to) continue;
        lines[{from, to}] = {name(from), name(to), static_cast<std::int32_t>(random.below(20))};
    }
    std::vector<Line> all;
    for (const auto& [ends, line] : lines) all.push_back(line);
    return all;
}

/// Sums up the way back from a node to us; its last node before us is `first`.
Cost cost_of_way(const Graph& graph, NodeIndex node, NodeIndex& first) {
    Cost cost;
    for (auto at = node; at != Graph::self; at = graph.path(at).previous.value()) {
        first = at;
        ++cost.hops;
        cost.weight += graph.find_edge(graph.path(at).previous.value(), at)->weight;
    }
    return cost;
}

TEST(LightestPathTest, TenThousandRandomGraphsAgreeWithBellmanFord) {
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
        test::SeededRandom random(seed);
        const auto lines = random_lines(random);
        const DrawnMesh mesh(lines);
        const auto expected = cheapest(lines);
        for (const auto node : mesh.graph.nodes()) {
            const auto& path = mesh.graph.path(node);
            const auto& name = mesh.graph.name(node);
            ASSERT_EQ(path.reachable, expected.contains(name)) << "seed " << seed << ' ' << name;
            if (!path.reachable || node == Graph::self) continue;
            NodeIndex first{};
            const auto cost = cost_of_way(mesh.graph, node, first);
            ASSERT_EQ(cost, expected.at(name)) << "seed " << seed << ' ' << name;
            ASSERT_EQ((Cost{path.hops, path.weight}), cost) << "seed " << seed << ' ' << name;
            ASSERT_EQ(path.nexthop, first) << "seed " << seed << ' ' << name;
        }
    }
}

}  // namespace
}  // namespace tinc::graph
