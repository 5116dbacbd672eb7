// Who owns an address, in tables of a small, a large and a very large mesh.

#include "support/seeded_random.hpp"
#include "tinc/base/bytes.hpp"
#include "tinc/graph/forwarding_table.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

namespace tinc::graph {
namespace {

constexpr std::uint32_t ten = 10U << 24U;  // 10.0.0.0/8

std::array<std::byte, 4> bytes_of(std::uint32_t number) {
    std::array<std::byte, 4> bytes{};
    put_u32(bytes, 0, number);
    return bytes;
}

/// One /28 of 10.0.0.0/8 for each node.
ForwardingTable table_of(std::uint32_t subnets) {
    std::vector<ForwardingTable::Entry> entries(subnets);
    for (std::uint32_t i = 0; i < subnets; ++i) {
        auto& [subnet, owner] = entries[i];
        subnet.prefix = 28;
        std::ranges::copy(bytes_of(ten | i << 4U), subnet.address.begin());
        owner = NodeIndex{i};
    }
    return {entries, std::vector<ForwardingTable::Hop>(subnets, {.reachable = true}), {}};
}

/// Addresses at random, so that no cache line is always the right one.
void look_up(benchmark::State& state) {
    const auto subnets = static_cast<std::uint32_t>(state.range(0));
    const auto table = table_of(subnets);
    test::SeededRandom random(1);
    std::vector<Address> addresses(4096);
    for (auto& address : addresses)
        address = Address::v4(bytes_of(ten | random.below(subnets << 4U)));
    std::size_t next = 0;
    for (auto _ : state) {
        const auto owner = table.owner_of(addresses[next++ % addresses.size()]);
        if (!owner) state.SkipWithError("not found");
        benchmark::DoNotOptimize(owner);
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(look_up)->Arg(10)->Arg(1000)->Arg(20000);

}  // namespace
}  // namespace tinc::graph
