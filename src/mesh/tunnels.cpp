// The ways by UDP to nodes of protocol 1.1. They are looked after while somebody uses them, and
// those of neighbours always. Source: protocol 1.1, 7.

#include "ourselves.hpp"

#include "tinc/mesh/mesh.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tinc::mesh {

namespace {

constexpr std::chrono::seconds look_pause{1};
constexpr int first_relaying_minor = 4;
/// IP, UDP, two node IDs, and what SPTPS adds: what the first link carries besides the frame.
constexpr std::size_t overhead_v4 = 20 + 8 + 12 + sptps::datagram_overhead;
constexpr std::size_t overhead_v6 = 40 + 8 + 12 + sptps::datagram_overhead;

}  // namespace

int Mesh::minor_of(NodeIndex node) const {
    const auto* known = find_member(node);
    return known == nullptr ? 0 : wire::option::minor(known->options);
}

bool Mesh::is_by_tcp(NodeIndex node) const {
    return ((settings_.options | find_member(node)->options) & wire::option::tcp_only) != 0;
}

void Mesh::tunnel_used(NodeIndex node, Time now) { try_tunnel(node, Measure::size, now); }

/// Looks after the way to a node, and after those of the relays on it.
void Mesh::try_tunnel(NodeIndex node, Measure measure, Time now) {
    // Each relay is nearer than what is behind it; the bound is for tables that contradict
    // themselves between two recomputations.
    constexpr int most_relays = 8;
    for (int relays = 0; relays < most_relays; ++relays) {
        if (!graph_.exists(node) || node == self || !graph_.path(node).reachable) return;
        const auto path = graph_.path(node);
        if (!is_sptps(node)) return key_wanted(node, now);
        const bool is_neighbour = member(node).connection.has_value();
        if (is_neighbour && is_by_tcp(node)) return;
        want_session(node, now);
        const auto via = path.via == self ? path.nexthop : path.via;
        if (via != node) {
            if (minor_of(via) < first_relaying_minor) return;
            node = via;
            continue;
        }
        if (member(node).has_session) probe_path(node, measure, now);
        const bool needs_relay = member(node).udp_path.usable_bytes() == 0 && !is_neighbour &&
                                 minor_of(path.nexthop) >= first_relaying_minor;
        if (!needs_relay) return;
        node = path.nexthop;
    }
}

void Mesh::probe_path(NodeIndex node, Measure measure, Time now) {
    auto& target = member(node);
    auto& path = target.udp_path;
    const bool is_measured =
        measure == Measure::size && (target.options & wire::option::pmtu_discovery) != 0;
    if (is_measured && path.wants_route_mtu(settings_.udp_discovery) && target.remote &&
        local_addresses_ != nullptr) {
        const auto overhead =
            target.remote->address.family() == Family::ipv4 ? overhead_v4 : overhead_v6;
        if (const auto mtu = local_addresses_->route_mtu(target.remote->address);
            mtu && *mtu > overhead)
            path.on_route_mtu(*mtu - overhead);
    }
    const auto round = path.attempt(now, settings_.udp_discovery, is_measured);
    for (const auto size : round.probes)
        effects_.emplace_back(SendProbe{node, size, some_address(node), target.socket});
    if (round.wants_local_probe && settings_.seeks_local_addresses)
        probe_local_address(node, round.probes.front());
    if (round.is_fixed)
        log_.print(Level::traffic, Severity::info, "Fixing MTU of {} to {} after {} probes",
                   label(node), path.mtu(), path.probes_sent());
    publish_mtu(node);
}

/// Where to look for a node whose address is not proven: what we have, or what one of its
/// neighbours sees. Nothing: its address is good.
std::optional<Endpoint> Mesh::some_address(NodeIndex node) {
    constexpr std::uint32_t turns_of_own_guess = 3;
    const auto& target = member(node);
    if (target.udp_path.is_confirmed()) return std::nullopt;
    if (target.remote && ++address_turn_ % turns_of_own_guess == 0) return std::nullopt;
    std::vector<Endpoint> seen;
    for (const auto* edge : graph_.edges_from(node)) {
        const auto* reverse = graph_.find_edge(edge->to, node);
        if (reverse != nullptr && reverse->address.endpoint)
            seen.push_back(*reverse->address.endpoint);
    }
    if (seen.empty()) return std::nullopt;
    return seen[random_.below(static_cast<std::uint32_t>(seen.size()))];
}

/// A node behind the same NAT is reached where it says that it is itself.
void Mesh::probe_local_address(NodeIndex node, std::size_t frame_bytes) {
    std::vector<Endpoint> known;
    for (const auto* edge : graph_.edges_from(node))
        if (edge->local_address && edge->local_address->endpoint)
            known.push_back(*edge->local_address->endpoint);
    if (known.empty()) return;
    const auto& remote = known[random_.below(static_cast<std::uint32_t>(known.size()))];
    effects_.emplace_back(
        SendProbe{node, frame_bytes, remote, socket_for(remote.address.family())});
}

/// Neighbours are kept reachable by UDP whether there is anything to send or not.
void Mesh::look_after_tunnels(Time now) {
    next_look_ = never;
    for (const auto node : graph_.nodes()) {
        if (node == self || find_member(node) == nullptr || !is_sptps(node)) continue;
        auto& target = member(node);
        if (target.udp_path.on_time(now)) {
            log_.print(Level::traffic, Severity::info,
                       "Too much time has elapsed since last UDP ping response from {}, "
                       "stopping UDP communication",
                       label(node));
            publish_mtu(node);
        }
        if (target.udp_path.is_doubtful())
            try_tunnel(node, Measure::size, now);
        else if (target.connection && graph_.path(node).reachable)
            try_tunnel(node, Measure::reach, now);
        if (target.connection || target.has_session) next_look_ = now + look_pause;
    }
}

/// Something new was heard of where a node is. There is no better guess, so this address is tried
/// before all others.
void Mesh::restart_path(NodeIndex node) {
    member(node).udp_path.reset();
    publish_mtu(node);
    effects_.emplace_back(SendProbe{node, UdpPath::discovery_bytes, std::nullopt, SocketIndex{0}});
}

}  // namespace tinc::mesh
