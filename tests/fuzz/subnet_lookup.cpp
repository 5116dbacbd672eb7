// Random subnets and addresses: our table against a look at every subnet.

#include "support/fuzz_choices.hpp"
#include "support/slow_subnets.hpp"

#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint32_t most_subnets = 40;
    constexpr std::uint32_t most_nodes = 6;
    tinc::test::FuzzChoices choices(data, size);
    const auto subnets = choices.below(most_subnets + 1);
    tinc::test::SubnetPair pair(choices, subnets, 1 + choices.below(most_nodes));
    while (!choices.is_used_up()) {
        if (const auto difference = pair.difference(); !difference.empty()) {
            std::fputs(difference.c_str(), stderr);
            std::abort();
        }
    }
    return 0;
}
