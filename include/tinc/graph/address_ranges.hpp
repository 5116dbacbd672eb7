#pragma once

// Longest-prefix match, decided in advance.
//
// Prefixes are nested or apart, never crossing, so together they cut the line of all addresses
// into ranges that each have one answer:
//
//     claims     |---------------- 10.0.0.0/8, alpha ----------------|
//                        |-- 10.1.0.0/16, beta --|
//     ranges     | alpha |         beta          |       alpha       | nobody ...
//
// A lookup is one binary search, whatever prefix lengths are in use. A hash table for each length
// would be probed up to 129 times, and as members choose the prefixes they could choose them to
// collide; a sorted list has no worst case to aim at.

#include "tinc/base/ids.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace tinc::graph {

/// A place on the line of all addresses of a family: 128 bits, shorter addresses in the upper ones.
struct AddressPosition {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const AddressPosition&, const AddressPosition&) = default;
};

inline constexpr AddressPosition last_position{std::numeric_limits<std::uint64_t>::max(),
                                               std::numeric_limits<std::uint64_t>::max()};

/// Up to 16 bytes in network order.
[[nodiscard]] AddressPosition address_position(std::span<const std::byte> address) noexcept;

/// All addresses whose first `prefix` bits are those of `first`, claimed by one node.
struct AddressClaim {
    AddressPosition first;    ///< bits beyond the prefix are ignored
    std::uint8_t prefix = 0;  ///< 0..128 bits
    NodeIndex owner{};
    bool reachable = false;   ///< the owner is
    std::uint32_t order = 0;  ///< among claims of the same prefix, lowest first
};

/// Immutable. Who answers for an address: of the longest prefix with a reachable owner our own
/// claim, else the first reachable one; if no owner is reachable, the last claim of the shortest
/// prefix. "First" and "last" are by AddressClaim::order.
class AddressRanges {
  public:
    AddressRanges() = default;
    /// O(n log n).
    explicit AddressRanges(std::vector<AddressClaim> claims);

    [[nodiscard]] std::optional<NodeIndex> owner_of(const AddressPosition& address) const noexcept;

  private:
    struct Range {
        AddressPosition first;           ///< up to the next range's first
        std::optional<NodeIndex> owner;  ///< nobody in a gap
    };
    /// A prefix that the sweep is within, and who answers where nothing more specific does.
    struct OpenPrefix {
        AddressPosition last;
        NodeIndex owner{};
    };

    void open_prefix(std::span<const AddressClaim> claims);
    void close_prefixes_before(const AddressPosition& position);
    void begin_range(const AddressPosition& first, std::optional<NodeIndex> owner);

    std::vector<Range> ranges_;
    std::vector<OpenPrefix> open_;  ///< outermost first; empty outside of the constructor
};

}  // namespace tinc::graph
