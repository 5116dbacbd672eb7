#include "tinc/graph/address_ranges.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tinc::graph {

namespace {

constexpr NodeIndex ourselves{0};
constexpr std::size_t half_bits = 64;
constexpr std::size_t half_bytes = 8;

/// The `bits` lowest bits; all of them from 64 on.
constexpr std::uint64_t low_bits(std::size_t bits) {
    constexpr std::uint64_t one = 1;
    return bits < half_bits ? (one << bits) - 1 : ~std::uint64_t{0};
}

/// The bits that a prefix leaves free.
AddressPosition free_bits(std::size_t prefix) {
    return {low_bits(half_bits - std::min(prefix, half_bits)),
            low_bits(2 * half_bits - std::min(std::max(prefix, half_bits), 2 * half_bits))};
}

AddressPosition first_of(const AddressClaim& claim) {
    const auto free = free_bits(claim.prefix);
    return {claim.first.high & ~free.high, claim.first.low & ~free.low};
}

AddressPosition last_of(const AddressClaim& claim) {
    const auto free = free_bits(claim.prefix);
    return {claim.first.high | free.high, claim.first.low | free.low};
}

/// The next position; there is none after last_position.
AddressPosition after(const AddressPosition& position) {
    return {position.high + (position.low == last_position.low ? 1U : 0U), position.low + 1U};
}

/// The reachable claim that counts among those of one prefix, if there is one.
const AddressClaim* winner_of(std::span<const AddressClaim> claims) {
    const auto ours = std::ranges::find_if(
        claims, [](const auto& claim) { return claim.reachable && claim.owner == ourselves; });
    const auto winner =
        ours != claims.end() ? ours : std::ranges::find_if(claims, &AddressClaim::reachable);
    return winner != claims.end() ? &*winner : nullptr;
}

}  // namespace

AddressPosition address_position(std::span<const std::byte> address) noexcept {
    AddressPosition position;
    for (std::size_t i = 0; i < address.size() && i < 2 * half_bytes; ++i) {
        auto& half = i < half_bytes ? position.high : position.low;
        half |= std::uint64_t{std::to_integer<std::uint8_t>(address[i])}
                << (half_bits - 8 * (i % half_bytes + 1));
    }
    return position;
}

// A sweep from the lowest address to the highest. Sorted by first address and then by length, a
// prefix comes after every one that contains it, so the open ones are a stack of nested ranges.
AddressRanges::AddressRanges(std::vector<AddressClaim> claims) {
    for (auto& claim : claims) claim.first = first_of(claim);
    const auto place = [](const AddressClaim& claim) {
        return std::pair(claim.first, claim.prefix);
    };
    std::ranges::sort(claims, {}, [&](const AddressClaim& claim) {
        return std::pair(place(claim), claim.order);
    });

    for (auto next = claims.begin(); next != claims.end();) {
        const auto end = std::find_if(next, claims.end(), [&](const AddressClaim& claim) {
            return place(claim) != place(*next);
        });
        close_prefixes_before(next->first);
        open_prefix({next, end});
        next = end;
    }
    close_prefixes_before(last_position);
    open_.clear();
    ranges_.shrink_to_fit();
}

std::optional<NodeIndex> AddressRanges::owner_of(const AddressPosition& address) const noexcept {
    const auto next = std::ranges::upper_bound(ranges_, address, {}, &Range::first);
    return next == ranges_.begin() ? std::nullopt : std::prev(next)->owner;
}

void AddressRanges::open_prefix(std::span<const AddressClaim> claims) {
    const AddressClaim& any = claims.front();
    NodeIndex owner = claims.back().owner;
    if (!open_.empty()) owner = open_.back().owner;
    if (const auto* winner = winner_of(claims)) owner = winner->owner;
    begin_range(any.first, owner);
    open_.push_back({.last = last_of(any), .owner = owner});
}

void AddressRanges::close_prefixes_before(const AddressPosition& position) {
    while (!open_.empty() && open_.back().last < position) {
        const auto first = after(open_.back().last);
        open_.pop_back();
        begin_range(first, open_.empty() ? std::nullopt : std::optional(open_.back().owner));
    }
}

void AddressRanges::begin_range(const AddressPosition& first, std::optional<NodeIndex> owner) {
    if (!ranges_.empty() && ranges_.back().first == first)
        ranges_.back().owner = owner;  // two prefixes begin, or end, at the same place
    else
        ranges_.push_back({.first = first, .owner = owner});
}

}  // namespace tinc::graph
