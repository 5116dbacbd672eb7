// Random changes of a graph: our paths and spanning tree against the description by the letter.

#include "support/fuzz_choices.hpp"
#include "support/graph_pair.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint32_t most_names = 24;
    constexpr std::uint32_t most_changes = 16;
    constexpr std::size_t most_bytes = 4096;  // the reference is slow
    tinc::test::FuzzChoices choices(data, std::min(size, most_bytes));
    tinc::test::GraphPair pair(choices, 2 + choices.below(most_names - 1));
    while (!choices.is_used_up()) {
        for (auto changes = choices.below(most_changes) + 1; changes > 0; --changes) pair.change();
        if (const auto difference = pair.difference(); !difference.empty()) {
            std::fputs(difference.c_str(), stderr);
            std::abort();
        }
    }
    return 0;
}
