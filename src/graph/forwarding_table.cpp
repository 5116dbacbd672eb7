#include "tinc/graph/forwarding_table.hpp"

#include <utility>

namespace tinc::graph {

ForwardingTable::ForwardingTable(const std::vector<Entry>& entries, std::vector<Hop> hops,
                                 std::vector<NodeIndex> tree_neighbours)
    : hops_(std::move(hops)), tree_neighbours_(std::move(tree_neighbours)) {
    std::vector<AddressClaim> macs;
    std::vector<AddressClaim> ipv4;
    std::vector<AddressClaim> ipv6;
    const auto claims_for = [&](wire::Subnet::Type type) -> std::vector<AddressClaim>& {
        switch (type) {
            case wire::Subnet::Type::mac:
                return macs;
            case wire::Subnet::Type::ipv4:
                return ipv4;
            case wire::Subnet::Type::ipv6:
                break;
        }
        return ipv6;
    };
    for (const auto& [subnet, owner] : entries) {
        auto& claims = claims_for(subnet.type);
        claims.push_back({.first = address_position(subnet.address),
                          .prefix = subnet.prefix,
                          .owner = owner,
                          .reachable = owner == everybody || hop(owner).reachable,
                          .order = static_cast<std::uint32_t>(claims.size())});
    }
    macs_ = AddressRanges(std::move(macs));
    ipv4_ = AddressRanges(std::move(ipv4));
    ipv6_ = AddressRanges(std::move(ipv6));
}

std::optional<NodeIndex> ForwardingTable::owner_of(const Address& address) const noexcept {
    const auto& ranges = address.family() == Family::ipv4 ? ipv4_ : ipv6_;
    return ranges.owner_of(address_position(address.bytes()));
}

std::optional<NodeIndex> ForwardingTable::owner_of(const MacAddress& mac) const noexcept {
    return macs_.owner_of(address_position(mac));
}

const ForwardingTable::Hop& ForwardingTable::hop(NodeIndex node) const noexcept {
    static constexpr Hop unreachable;
    return to_index(node) < hops_.size() ? hops_[to_index(node)] : unreachable;
}

}  // namespace tinc::graph
