// Mode = switch: the VPN is one Ethernet segment. Who is where is known by MAC address, from what
// hosts behind our device send (the control side makes subnets of it, and tells the others) and
// from what other nodes say of theirs. Source: legacy protocol 6.8.

#include "tinc/plane/plane.hpp"

namespace tinc::plane {

void Plane::route_in_switch_mode(NodeIndex source, packet::Packet& frame, Transport transport,
                                 Time now, Outbox& out) {
    if (source == self) notice_host(frame.bytes(), now);
    // Whatever a member claims, a group's address is not somebody's.
    const auto destination = packet::destination_mac(frame.bytes());
    const auto owner = is_host_address(destination) ? table_->owner_of(destination) : std::nullopt;
    if (!owner || *owner == graph::ForwardingTable::everybody)
        return broadcast(source, frame, transport, now, out);
    if (*owner == source) {
        drop(Drop::looping);
        return log_.print(Level::traffic, Severity::warning, "Packet looping back to {}!",
                          label(source));
    }
    if (!hop(*owner).reachable && *owner != self) return drop(Drop::unreachable);
    const bool is_between_others = source != self && *owner != self;
    if (settings_.forwarding == Forwarding::off && is_between_others) return drop(Drop::prohibited);
    if (settings_.decrement_ttl && is_between_others && !count_down(source, frame, now, out))
        return;
    forward(source, *owner, frame, packet::parse_tagged_ip(frame.bytes()), transport, now, out);
}

void Plane::notice_host(Bytes frame, Time now) {
    const auto mac = packet::source_mac(frame);
    if (is_host_address(mac) && recent_macs_.is_news(mac, now)) post(MacSeen{mac});
}

}  // namespace tinc::plane
