#pragma once

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/graph/address_ranges.hpp"
#include "tinc/wire/subnet.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace tinc::graph {

/// Where packets go: an immutable value made by Graph and read by the data plane.
class ForwardingTable {
  public:
    struct Hop {
        bool reachable = false;
        NodeIndex nexthop{};
        NodeIndex via{};
        std::uint32_t options = 0;
        friend bool operator==(const Hop&, const Hop&) = default;
    };
    struct Entry {
        wire::Subnet subnet;
        NodeIndex owner{};
    };

    /// The owner of what is for all nodes: always reachable, without a hop.
    static constexpr NodeIndex everybody{std::numeric_limits<std::uint32_t>::max()};

    ForwardingTable() = default;
    /// `entries` in tinc's list order (most specific first within a type), `hops` by NodeIndex.
    /// Owners without a hop may be among the entries. O(n log n).
    ForwardingTable(const std::vector<Entry>& entries, std::vector<Hop> hops,
                    std::vector<NodeIndex> tree_neighbours);

    /// Whose subnet an address is in: the first match in list order whose owner is reachable; if
    /// none is, the last match. Our own subnet wins over an equal one of another node.
    /// Cost: one binary search.
    [[nodiscard]] std::optional<NodeIndex> owner_of(const Address& address) const noexcept;
    /// The same for MAC addresses, which are prefixes of all their 48 bits. Not by a hash table:
    /// members choose these addresses, too.
    [[nodiscard]] std::optional<NodeIndex> owner_of(const MacAddress& mac) const noexcept;

    /// A hop of "unreachable" for nodes this table does not know.
    [[nodiscard]] const Hop& hop(NodeIndex node) const noexcept;
    [[nodiscard]] std::span<const NodeIndex> tree_neighbours() const noexcept {
        return tree_neighbours_;
    }
    /// Number of slots; indexes at or above it are unknown.
    [[nodiscard]] std::size_t hop_count() const noexcept { return hops_.size(); }

  private:
    AddressRanges macs_;
    AddressRanges ipv4_;
    AddressRanges ipv6_;
    std::vector<Hop> hops_;
    std::vector<NodeIndex> tree_neighbours_;
};

}  // namespace tinc::graph
