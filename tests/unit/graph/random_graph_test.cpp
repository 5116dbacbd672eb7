#include "support/graph_pair.hpp"
#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

namespace tinc::test {
namespace {

/// Few names and many changes make dense graphs, many names make graphs in several parts.
struct Mix {
    std::uint32_t names;
    int changes_per_round;
    int graphs;
};

class RandomGraph : public testing::TestWithParam<Mix> {};

TEST_P(RandomGraph, HasThePathsAndTheTreeOfTheDescription) {
    constexpr int rounds = 8;
    for (int seed = 0; seed < GetParam().graphs; ++seed) {
        SeededRandom random(static_cast<std::uint64_t>(seed));
        GraphPair pair(random, GetParam().names);
        for (int round = 0; round < rounds; ++round) {
            for (int i = 0; i < GetParam().changes_per_round; ++i) pair.change();
            ASSERT_EQ(pair.difference(), "") << "seed " << seed << " round " << round;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Graph, RandomGraph,
                         testing::Values(Mix{3, 2, 300}, Mix{5, 3, 300}, Mix{8, 6, 200},
                                         Mix{12, 30, 80}, Mix{30, 12, 40}, Mix{40, 40, 20}),
                         [](const auto& mix) {
                             return "names_" + std::to_string(mix.param.names) + "_changes_" +
                                    std::to_string(mix.param.changes_per_round);
                         });

}  // namespace
}  // namespace tinc::test
