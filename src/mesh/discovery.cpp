#include "tinc/mesh/mesh.hpp"

#include <algorithm>
#include <array>

namespace tinc::mesh {

namespace {

Address lan_broadcast(Family family) {
    if (family == Family::ipv4)
        return Address::v4({std::byte{255}, std::byte{255}, std::byte{255}, std::byte{255}});
    std::array<std::byte, 16> all_nodes{};
    all_nodes[0] = std::byte{0xff};
    all_nodes[1] = std::byte{0x02};
    all_nodes[15] = std::byte{1};
    return Address::v6(all_nodes);
}

}  // namespace

void Mesh::run_probes(NodeIndex node, Time now) {
    auto& target = member(node);
    if (!graph_.exists(node) || !graph_.path(node).reachable || !target.sealing) {
        target.path_mtu.stop();
        return arm_probes(node);
    }
    using News = PathMtu::Round::News;
    const auto round =
        target.path_mtu.on_time(now, {settings_.ping_interval, settings_.ping_timeout}, random_);
    switch (round.news) {
        case News::none:
            break;
        case News::fixed:
            log_.print(Level::traffic, Severity::info, "Fixing MTU of {} to {} after {} probes",
                       label(node), target.path_mtu.mtu(), round.probes_sent);
            break;
        case News::silent:
            log_.print(Level::traffic, Severity::info, "No response to MTU probes from {}",
                       label(node));
            break;
        case News::restarted:
            log_.print(Level::traffic, Severity::info,
                       "{} did not respond to UDP ping, restarting PMTU discovery", label(node));
            break;
    }
    for (const auto size : round.probes)
        effects_.emplace_back(SendProbe{node, size, std::nullopt, SocketIndex{0}});
    if (settings_.local_discovery && !round.probes.empty()) {
        if (round.wants_local_probe)
            probe_locally(node, round.probes.back());
        else
            effects_.emplace_back(
                SendProbe{node, round.probes.back(), std::nullopt, SocketIndex{0}});
    }
    arm_probes(node);
    publish_mtu(node);
}

/// A node behind the same NAT hears what is broadcast on our LAN, and knows it by its key.
void Mesh::probe_locally(NodeIndex node, std::size_t frame_bytes) {
    const auto& previous = graph_.path(node).previous;
    const auto* edge = previous ? graph_.find_edge(*previous, node) : nullptr;
    if (edge == nullptr || !edge->address.endpoint || listening_.empty()) return;
    const auto index = random_.below(static_cast<std::uint32_t>(listening_.size()));
    const Endpoint remote{lan_broadcast(listening_[index].address.family()),
                          edge->address.endpoint->port};
    effects_.emplace_back(
        SendProbe{node, frame_bytes, remote, SocketIndex{static_cast<std::uint8_t>(index)}});
}

void Mesh::probe_replied(NodeIndex node, std::size_t frame_bytes, Time now) {
    if (!graph_.exists(node)) return;
    auto& target = member(node);
    if (is_sptps(node)) {
        if (target.udp_path.on_reply(frame_bytes, now) == UdpPath::News::fixed)
            log_.print(Level::traffic, Severity::info, "Fixing MTU of {} to {} after {} probes",
                       label(node), target.udp_path.mtu(), target.udp_path.probes_sent());
    } else {
        target.path_mtu.on_reply(frame_bytes);
    }
    publish_mtu(node);
}

void Mesh::datagram_too_big(NodeIndex node, std::size_t frame_bytes) {
    if (!graph_.exists(node)) return;
    if (is_sptps(node))
        member(node).udp_path.on_too_big(frame_bytes);
    else
        member(node).path_mtu.on_too_big(frame_bytes);
    publish_mtu(node);
}

/// The data plane has the address already: an authenticated packet came from there.
bool Mesh::source_moved(NodeIndex node, const Endpoint& remote, SocketIndex socket, Time now) {
    if (!graph_.exists(node) || !graph_.path(node).reachable) return false;
    auto& target = member(node);
    target.remote = remote;
    target.socket = socket;
    log_.print(Level::protocol, Severity::debug, "UDP address of {} set to {}", graph_.name(node),
               remote.text());
    // What was measured on the old way says nothing about this one.
    if (is_sptps(node)) {
        restart_path(node);
    } else if (target.path_mtu.is_running() && target.path_mtu.min_mtu() > 0) {
        target.path_mtu.reset();
        target.path_mtu.start(now);
        arm_probes(node);
        publish_mtu(node);
    }
    return true;
}

void Mesh::set_remote(NodeIndex node, const std::optional<Endpoint>& remote) {
    auto& target = member(node);
    if (target.remote == remote) return;
    target.remote = remote;
    if (remote) target.socket = socket_for(remote->address.family());
    log_.print(Level::protocol, Severity::debug, "UDP address of {} {}", graph_.name(node),
               remote ? "set to " + remote->text() : "cleared");
    effects_.emplace_back(SetAddress{node, remote, target.socket});
}

void Mesh::publish_mtu(NodeIndex node) {
    const auto& target = member(node);
    if (is_sptps(node)) {
        const auto& path = target.udp_path;
        effects_.emplace_back(SetMtu{node, path.mtu(), path.usable_bytes(), path.is_confirmed()});
    } else {
        const auto& path = target.path_mtu;
        effects_.emplace_back(SetMtu{node, path.mtu(), path.min_mtu(), path.min_mtu() > 0});
    }
}

bool Mesh::has_udp_contact(NodeIndex node) const {
    const auto& target = *find_member(node);
    return (is_sptps(node) ? target.udp_path.min_mtu() : target.path_mtu.min_mtu()) > 0;
}

void Mesh::arm_probes(NodeIndex node) {
    auto& target = member(node);
    const auto due = target.path_mtu.deadline();
    if (target.armed == due) return;
    if (target.armed != never) probe_times_.erase({target.armed, node});
    target.armed = due;
    if (due != never) probe_times_.emplace(due, node);
}

SocketIndex Mesh::socket_for(Family family) const {
    const auto found = std::ranges::find(
        listening_, family, [](const Endpoint& endpoint) { return endpoint.address.family(); });
    if (found == listening_.end()) return SocketIndex{0};
    return SocketIndex{static_cast<std::uint8_t>(found - listening_.begin())};
}

const PathMtu* Mesh::path_mtu(NodeIndex node) const {
    const auto* known = find_member(node);
    return known == nullptr ? nullptr : &known->path_mtu;
}

std::optional<Endpoint> Mesh::udp_address(NodeIndex node) const {
    const auto* known = find_member(node);
    return known == nullptr ? std::nullopt : known->remote;
}

bool Mesh::has_key(NodeIndex node) const {
    const auto* known = find_member(node);
    return known != nullptr && (known->sealing.has_value() || known->has_session);
}

}  // namespace tinc::mesh
