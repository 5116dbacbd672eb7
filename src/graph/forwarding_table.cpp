#include "tinc/graph/forwarding_table.hpp"

#include <utility>

namespace tinc::graph {

ForwardingTable::ForwardingTable(const std::vector<Entry>& entries, std::vector<Hop> hops,
                                 std::vector<NodeIndex> tree_neighbours)
    : hops_(std::move(hops)), tree_neighbours_(std::move(tree_neighbours)) {
    std::vector<AddressClaim> ipv4;
    std::vector<AddressClaim> ipv6;
    for (const auto& [subnet, owner] : entries) {
        if (subnet.type == wire::Subnet::Type::mac) continue;
        auto& claims = subnet.type == wire::Subnet::Type::ipv4 ? ipv4 : ipv6;
        claims.push_back({.first = address_position(subnet.address),
                          .prefix = subnet.prefix,
                          .owner = owner,
                          .reachable = hop(owner).reachable,
                          .order = static_cast<std::uint32_t>(claims.size())});
    }
    ipv4_ = AddressRanges(std::move(ipv4));
    ipv6_ = AddressRanges(std::move(ipv6));
}

std::optional<NodeIndex> ForwardingTable::owner_of(const Address& address) const noexcept {
    const auto& ranges = address.family() == Family::ipv4 ? ipv4_ : ipv6_;
    return ranges.owner_of(address_position(address.bytes()));
}

const ForwardingTable::Hop& ForwardingTable::hop(NodeIndex node) const noexcept {
    static constexpr Hop unreachable;
    return to_index(node) < hops_.size() ? hops_[to_index(node)] : unreachable;
}

}  // namespace tinc::graph
