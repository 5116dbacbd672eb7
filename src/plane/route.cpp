#include "tinc/packet/neighbour.hpp"
#include "tinc/packet/shape.hpp"
#include "tinc/plane/plane.hpp"
#include "tinc/wire/messages.hpp"

#include <algorithm>

namespace tinc::plane {

namespace {

using packet::Unreachable;

/// The largest frame with this header for a path of `mtu` bytes: every path must carry 576 or 1280
/// bytes of IP, whatever was measured.
std::size_t frame_limit(const packet::IpHeader& ip, std::size_t mtu) {
    constexpr std::size_t least_ipv4 = 576;
    constexpr std::size_t least_ipv6 = 1280;
    return std::max(mtu, ip.offset + (ip.family == Family::ipv4 ? least_ipv4 : least_ipv6));
}

bool is_group_address(const Address& address) {
    if (address.is_multicast()) return true;
    return address.family() == Family::ipv4 &&
           std::ranges::all_of(address.bytes(), [](std::byte b) { return b == std::byte{0xff}; });
}

}  // namespace

void Plane::route(NodeIndex source, packet::Packet& frame, Transport transport, Time now,
                  Outbox& out) {
    if (frame.size() < packet::ethernet_bytes) {
        drop(Drop::too_short);
        return log_.print(Level::traffic, Severity::error, "Got too short packet from {}",
                          label(source));
    }
    if (frame.size() > limits::frame_bytes) return drop(Drop::too_long);
    // The answer to a probe comes by TCP if it has no other way; it proves nothing, and no host
    // sends such frames.
    if (packet::ethertype(frame.bytes()) == packet::ethertype_probe)
        return drop(Drop::unknown_type);
    if (settings_.forwarding == Forwarding::kernel && source != self) return deliver(frame, out);
    switch (settings_.mode) {
        case Mode::router:
            return route_in_router_mode(source, frame, transport, now, out);
        case Mode::switching:
            return route_in_switch_mode(source, frame, transport, now, out);
        case Mode::hub:
            return broadcast(source, frame, transport, now, out);
    }
}

void Plane::route_in_router_mode(NodeIndex source, packet::Packet& frame, Transport transport,
                                 Time now, Outbox& out) {
    const auto type = packet::ethertype(frame.bytes());
    if (type == packet::ethertype_arp) return answer_arp(source, frame, out);
    if (type != packet::ethertype_ipv4 && type != packet::ethertype_ipv6) {
        drop(Drop::unknown_type);
        return log_.print(Level::traffic, Severity::warning,
                          "Cannot route packet from {}: unknown type {:#06x}", label(source), type);
    }
    const auto ip = packet::parse_ip(frame.bytes());
    if (!ip) return drop(Drop::malformed);
    if (packet::is_neighbour_solicitation(frame.bytes()))
        return answer_solicitation(source, frame, out);
    route_ip(source, frame, *ip, transport, now, out);
}

void Plane::route_ip(NodeIndex source, packet::Packet& frame, const packet::IpHeader& ip,
                     Transport transport, Time now, Outbox& out) {
    if (settings_.broadcast != Broadcast::no && is_group_address(ip.destination))
        return broadcast(source, frame, transport, now, out);

    const auto owner = table_->owner_of(ip.destination);
    if (!owner) {
        drop(Drop::no_subnet);
        if (log_.shows(Level::traffic))
            log_.print(Level::traffic, Severity::warning,
                       "Cannot route packet from {}: unknown {} destination address {}",
                       label(source), ip.family == Family::ipv4 ? "IPv4" : "IPv6",
                       ip.destination.text());
        return refuse(source, frame, Unreachable::no_subnet, 0, now, out);
    }
    if (*owner == graph::ForwardingTable::everybody)
        return broadcast(source, frame, transport, now, out);
    if (*owner == source) {
        drop(Drop::looping);
        return log_.print(Level::traffic, Severity::warning, "Packet looping back to {}!",
                          label(source));
    }
    if (!hop(*owner).reachable && *owner != self) {
        drop(Drop::unreachable);
        return refuse(source, frame, Unreachable::owner_down, 0, now, out);
    }
    if (settings_.forwarding == Forwarding::off && source != self && *owner != self) {
        drop(Drop::prohibited);
        return refuse(source, frame, Unreachable::prohibited, 0, now, out);
    }
    if (settings_.decrement_ttl && source != self && *owner != self &&
        !count_down(source, frame, now, out))
        return;
    forward(source, *owner, frame, ip, transport, now, out);
}

/// To the one who answers for the destination. Frames that are not IP, which come here in switch
/// mode, cannot be too big: nobody could be told.
void Plane::forward(NodeIndex source, NodeIndex owner, packet::Packet& frame,
                    const std::optional<packet::IpHeader>& ip, Transport transport, Time now,
                    Outbox& out) {
    if (owner == self) {
        // What arrives was clamped by its sender for the way here; our own way back may be
        // narrower than what it knows.
        if (settings_.clamp_mss) packet::clamp_mss(frame.bytes(), slot(source).mtu);
        return deliver(frame, out);
    }
    const auto& target = hop(owner);
    const auto via = target.via == self ? target.nexthop : target.via;
    if (via == source) {
        drop(Drop::looping);
        return log_.print(Level::traffic, Severity::error, "Routing loop for packet from {}!",
                          label(source));
    }
    if (settings_.direct_only && owner != via) {
        drop(Drop::prohibited);
        if (settings_.mode != Mode::router) return;  // a switch is not to be seen
        return refuse(source, frame, Unreachable::prohibited, 0, now, out);
    }
    const bool inherits = settings_.priority_inheritance && ip;
    const Way way{.transport = transport,
                  .traffic_class = inherits ? ip->traffic_class : std::uint8_t{0}};
    const auto limit = ip ? frame_limit(*ip, slot(via).mtu) : limits::frame_bytes;
    if (frame.size() > limit) return too_big(source, owner, frame, limit, *ip, way, now, out);

    if ((hop(via).options & wire::option::clamp_mss) != 0) {
        const auto from = source == self ? std::size_t{settings_.own_mtu} : slot(source).mtu;
        packet::clamp_mss(frame.bytes(), std::min(from, slot(via).mtu));
    }
    send(owner, frame, way, out);
}

void Plane::too_big(NodeIndex source, NodeIndex owner, packet::Packet& frame, std::size_t limit,
                    const packet::IpHeader& ip, Way way, Time now, Outbox& out) {
    log_.print(Level::traffic, Severity::info, "Packet for {} length {} larger than MTU {}",
               label(owner), frame.size(), limit);
    if (ip.dont_fragment) {
        drop(Drop::too_big);
        const auto mtu = static_cast<std::uint16_t>(limit - ip.offset);
        return refuse(source, frame, Unreachable::too_big, mtu, now, out);
    }
    const bool cut = packet::fragment_ipv4(frame.bytes(), limit, [&](Bytes fragment) {
        auto* piece = out.spare();
        if (piece == nullptr) return drop(Drop::queue_full);
        piece->assign(fragment);
        send(owner, *piece, way, out);
    });
    if (!cut) drop(Drop::too_big);
}

/// Answers with an ICMP error to where the frame came from; a few in a second, no more.
void Plane::refuse(NodeIndex source, packet::Packet& frame, Unreachable reason, std::uint16_t mtu,
                   Time now, Outbox& out) {
    if (now - icmp_second_ >= std::chrono::seconds(1)) {
        icmp_second_ = now;
        icmp_sent_ = 0;
    }
    if (icmp_sent_ >= std::max(1U, limits::icmp_per_second / share_.planes)) return;
    packet::IcmpOptions options{.mtu = mtu, .source = std::nullopt};
    if (reason == Unreachable::time_exceeded && local_addresses_ != nullptr)
        if (const auto ip = packet::parse_tagged_ip(frame.bytes()))
            options.source = local_addresses_->towards(ip->source);
    if (!packet::make_icmp_error(frame, reason, options)) return;
    ++icmp_sent_;
    send(source, frame, Way{}, out);
}

bool Plane::count_down(NodeIndex source, packet::Packet& frame, Time now, Outbox& out) {
    if (packet::decrement_hop_limit(frame.bytes()) != packet::HopLimit::expired) return true;
    drop(Drop::hop_limit);
    refuse(source, frame, Unreachable::time_exceeded, 0, now, out);
    return false;
}

void Plane::answer_arp(NodeIndex source, packet::Packet& frame, Outbox& out) {
    if (source != self) {
        drop(Drop::neighbour);
        return log_.print(Level::traffic, Severity::warning,
                          "Got ARP request from {} while in "
                          "router mode!",
                          label(source));
    }
    const auto target = packet::arp_request_target(frame.bytes());
    if (!target) return drop(Drop::neighbour);
    const auto owner = table_->owner_of(*target);
    if (!owner || *owner == self || !packet::make_arp_reply(frame)) return drop(Drop::neighbour);
    deliver(frame, out);
}

void Plane::answer_solicitation(NodeIndex source, packet::Packet& frame, Outbox& out) {
    if (source != self) {
        drop(Drop::neighbour);
        return log_.print(Level::traffic, Severity::warning,
                          "Got neighbor solicitation request from {} while in router mode!",
                          label(source));
    }
    const auto target = packet::neighbour_solicitation_target(frame.bytes());
    if (!target) return drop(Drop::neighbour);
    const auto owner = table_->owner_of(*target);
    if (!owner || *owner == self || !packet::make_neighbour_advertisement(frame))
        return drop(Drop::neighbour);
    deliver(frame, out);
}

/// Along the spanning tree, or directly to all that can be reached so; a copy to our own device.
void Plane::broadcast(NodeIndex source, packet::Packet& frame, Transport transport, Time now,
                      Outbox& out) {
    log_.print(Level::traffic, Severity::info, "Broadcasting packet of {} bytes from {}",
               frame.size(), label(source));
    if (settings_.decrement_ttl && source != self && !count_down(source, frame, now, out)) return;
    const auto send_copy = [&](NodeIndex node) {
        auto* copy = out.spare();
        if (copy == nullptr) return drop(Drop::queue_full);
        copy->assign(frame.bytes());
        send(node, *copy, Way{.transport = transport}, out);
    };
    if (settings_.broadcast == Broadcast::tree) {
        const auto came_from = source == self ? self : hop(source).nexthop;
        for (const auto neighbour : table_->tree_neighbours())
            if (neighbour != came_from) send_copy(neighbour);
    } else if (settings_.broadcast == Broadcast::direct && source == self) {
        for (std::uint32_t i = 1; i < table_->hop_count(); ++i) {
            const NodeIndex node{i};
            const auto& target = hop(node);
            const bool direct =
                target.via == node || (target.via == self && target.nexthop == node);
            if (target.reachable && direct && slot(node).remote) send_copy(node);
        }
    }
    if (source != self) return deliver(frame, out);
    if (settings_.broadcast == Broadcast::no) drop(Drop::broadcast);
}

}  // namespace tinc::plane
