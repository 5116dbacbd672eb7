// What nodes of protocol 1.1 tell each other about their way by UDP when packets between them are
// relayed: where a node is, and how large a frame the relays take. Each message is rewritten on its
// way to what the node that passes it on knows itself. Source: protocol 1.1, 8.

#include "ourselves.hpp"

#include "tinc/mesh/mesh.hpp"

#include <algorithm>

namespace tinc::mesh {

namespace {

using wire::Request;

constexpr int first_udp_info_minor = 5;
constexpr int first_mtu_info_minor = 6;

bool is_due(Time last, Duration pause, Time now) {
    return last == Time::min() || now - last >= pause;
}

}  // namespace

void Mesh::relayed_from(NodeIndex node, Time now) {
    if (!graph_.exists(node) || !is_sptps(node)) return;
    send_udp_info(self, node, PeerId{}, now);
    send_mtu_info(self, node, limits::frame_bytes, PeerId{}, now);
}

Result<void> Mesh::on_udp_info(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_udp_info(line));
    const auto from = graph_.find(message.from);
    const auto to = graph_.find(message.to);
    if (!from || !to || *from == self || !is_sptps(*from)) return {};
    // Where a node is that must not be sent to directly is of no use.
    if (!graph_.path(*from).reachable || graph_.path(*from).via != *from) return {};
    auto& target = member(*from);
    const auto& told = message.address.endpoint;
    // One that was good but does not answer any more is as bad as one that never did.
    const bool is_good = target.udp_path.min_mtu() > 0;
    if (!target.connection && !is_good && told && target.remote != told) {
        set_remote(*from, told);
        restart_path(*from);
    }
    send_udp_info(*from, *to, peer, now);
    return {};
}

void Mesh::send_udp_info(NodeIndex from, NodeIndex to, PeerId heard_from, Time now) {
    if (to == self || !graph_.path(to).reachable) return;
    const auto& path = graph_.path(to);
    const auto receiver = path.via == self ? path.nexthop : path.via;
    if (receiver == self || !graph_.path(receiver).reachable) return;
    auto& last = member(receiver).last_udp_info;
    if (from == self) {
        if (member(receiver).connection) return;
        if (!is_due(last, settings_.udp_info_interval, now)) return;
    }
    if (is_by_tcp(receiver) || (from != self && is_by_tcp(from))) return;
    if (minor_of(graph_.path(receiver).nexthop) < first_udp_info_minor) return;
    const auto connection = connection_towards(receiver);
    if (!connection || *connection == heard_from) return;
    std::optional<wire::EdgeAddress> address;
    if (from == self) {
        const auto* edge = graph_.find_edge(self, graph_.path(receiver).nexthop);
        if (edge != nullptr) address = edge->local_address;
        last = now;
    } else if (const auto& remote = member(from).remote) {
        address.emplace(*remote);
    }
    if (!address) return;
    std::string line;
    append(line, wire::UdpInfo{graph_.name(from), graph_.name(receiver), *address});
    send(*connection, std::move(line));
}

/// A size below what any path takes is no news: it is dropped, and its sender stays.
Result<void> Mesh::on_mtu_info(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_mtu_info(line));
    if (std::cmp_less(message.mtu, UdpPath::smallest_useful_bytes)) return {};
    const auto mtu = std::min(static_cast<std::size_t>(message.mtu), limits::frame_bytes);
    const auto from = graph_.find(message.from);
    const auto to = graph_.find(message.to);
    if (!from || !to || *from == self || !is_sptps(*from)) return {};
    if (!graph_.path(*from).reachable) return {};
    member(*from).udp_path.on_mtu_info(mtu);
    publish_mtu(*from);
    send_mtu_info(*from, *to, mtu, peer, now);
    return {};
}

void Mesh::send_mtu_info(NodeIndex from, NodeIndex to, std::size_t mtu, PeerId heard_from,
                         Time now) {
    if (to == self || !graph_.path(to).reachable) return;
    auto& last = member(to).last_mtu_info;
    if (from == self) {
        if (member(to).connection || !is_due(last, settings_.mtu_info_interval, now)) return;
    }
    if (minor_of(graph_.path(to).nexthop) < first_mtu_info_minor) return;
    const auto connection = connection_towards(to);
    if (!connection || *connection == heard_from) return;
    if (from == self) {
        last = now;
    } else {
        const auto& path = graph_.path(from);
        const auto known = [&](NodeIndex node) -> std::optional<std::size_t> {
            const auto& udp = member(node).udp_path;
            if (!udp.is_fixed() || udp.usable_bytes() == 0) return std::nullopt;
            return udp.min_mtu();
        };
        const auto via = path.via == self ? path.nexthop : path.via;
        if (const auto direct = known(from); direct && path.via == from)
            mtu = *direct;
        else if (const auto relay = known(via))
            mtu = std::min(mtu, *relay);
        else if (const auto next = known(graph_.path(via).nexthop))
            mtu = std::min(mtu, *next);
    }
    std::string line;
    append(line, wire::MtuInfo{graph_.name(from), graph_.name(to), static_cast<int>(mtu)});
    send(*connection, std::move(line));
}

}  // namespace tinc::mesh
