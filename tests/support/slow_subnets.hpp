#pragma once

// Legacy protocol 6.1 once more, by the letter: one look at every subnet. What
// graph::ForwardingTable must agree with.

#include "tinc/base/bytes.hpp"
#include "tinc/base/random.hpp"
#include "tinc/graph/forwarding_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tinc::test {

using Entry = graph::ForwardingTable::Entry;
using Hops = std::vector<graph::ForwardingTable::Hop>;

inline wire::Subnet::Type type_of(const Address& address) {
    return address.family() == Family::ipv4 ? wire::Subnet::Type::ipv4 : wire::Subnet::Type::ipv6;
}

inline bool has_prefix_of(wire::Subnet::Type type, Bytes address, const wire::Subnet& subnet) {
    if (subnet.type != type) return false;
    for (std::size_t bit = 0; bit < subnet.prefix; ++bit) {
        const auto mask = static_cast<std::byte>(0x80U >> (bit % 8));
        if ((address[bit / 8] & mask) != (subnet.address[bit / 8] & mask)) return false;
    }
    return true;
}

/// `entries` in tinc's list order.
inline std::optional<NodeIndex> slow_owner_of(wire::Subnet::Type type, Bytes address,
                                              std::span<const Entry> entries, const Hops& hops) {
    std::vector<Entry> matches;
    std::ranges::copy_if(entries, std::back_inserter(matches), [&](const Entry& entry) {
        return has_prefix_of(type, address, entry.subnet);
    });
    if (matches.empty()) return std::nullopt;
    const auto is_reachable = [&](const Entry& entry) {
        return to_index(entry.owner) < hops.size() && hops[to_index(entry.owner)].reachable;
    };
    const auto first = std::ranges::find_if(matches, is_reachable);
    if (first == matches.end()) return matches.back().owner;
    const bool is_ours_too = std::ranges::any_of(matches, [&](const Entry& entry) {
        return entry.owner == NodeIndex{0} && is_reachable(entry) &&
               entry.subnet.prefix == first->subnet.prefix;
    });
    return is_ours_too ? NodeIndex{0} : first->owner;
}

/// Random subnets and their table. Addresses have few set bits, so that many prefixes are nested.
class SubnetPair {
  public:
    SubnetPair(RandomSource& random, std::uint32_t subnets, std::uint32_t nodes) : random_(random) {
        hops_.resize(nodes);
        for (auto& hop : hops_) hop.reachable = random_.below(3) != 0;
        hops_.front().reachable = true;
        for (std::uint32_t i = 0; i < subnets; ++i)
            entries_.push_back(
                {.subnet = any_subnet(), .owner = NodeIndex{random_.below(nodes + 1)}});
        // Owners are named in the order of their indexes.
        std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
            return a.subnet == b.subnet ? a.owner < b.owner : a.subnet < b.subnet;
        });
        table_ = graph::ForwardingTable(entries_, hops_, {});
    }

    /// Looks a random address up. What differs from the reference, or nothing.
    [[nodiscard]] std::string difference() {
        if (random_.below(4) == 0) {
            MacAddress mac{};
            std::ranges::copy(Bytes(any_bytes(mac.size())).first(mac.size()), mac.begin());
            return difference(wire::Subnet::Type::mac, mac, table_.owner_of(mac));
        }
        const Address address = any_address();
        return difference(type_of(address), address.bytes(), table_.owner_of(address));
    }

  private:
    std::string difference(wire::Subnet::Type type, Bytes address,
                           std::optional<NodeIndex> actual) const {
        const auto expected = slow_owner_of(type, address, entries_, hops_);
        if (actual == expected) return {};
        std::string report = fmt::format("{} is of {} instead of {} among", hex_text(address),
                                         text(actual), text(expected));
        for (const auto& entry : entries_)
            report += fmt::format(" {}={}", wire::subnet_text(entry.subnet), text(entry.owner));
        return report;
    }

    static std::string text(std::optional<NodeIndex> node) {
        return node ? std::to_string(to_index(*node)) : "nobody";
    }

    std::array<std::byte, 16> any_bytes(std::size_t count) {
        std::array<std::byte, 16> bytes{};
        const auto background = random_.below(4) == 0 ? std::byte{0xff} : std::byte{0};
        std::fill_n(bytes.begin(), count, background);
        for (auto flips = random_.below(4); flips > 0; --flips) {
            const auto bit = random_.below(static_cast<std::uint32_t>(8 * count));
            bytes[bit / 8] ^= static_cast<std::byte>(0x80U >> (bit % 8));
        }
        return bytes;
    }

    wire::Subnet any_subnet() {
        static constexpr std::array types{wire::Subnet::Type::ipv4, wire::Subnet::Type::ipv6,
                                          wire::Subnet::Type::mac};
        wire::Subnet subnet;
        const auto choice = random_.below(8);
        subnet.type = types[choice < 4 ? 0 : (choice < 7 ? 1 : 2)];
        subnet.address = any_bytes(subnet.address_bytes());
        const auto bits = static_cast<std::uint32_t>(8 * subnet.address_bytes());
        const bool is_mac = subnet.type == wire::Subnet::Type::mac;
        subnet.prefix = static_cast<std::uint8_t>(is_mac ? bits : random_.below(bits + 1));
        subnet.weight = static_cast<std::int32_t>(random_.below(3));
        return subnet;
    }

    Address any_address() {
        if (random_.below(2) == 0) return Address::v6(any_bytes(16));
        const auto bytes = any_bytes(4);
        return Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
    }

    RandomSource& random_;
    std::vector<Entry> entries_;
    Hops hops_;
    graph::ForwardingTable table_;
};

}  // namespace tinc::test
