#pragma once

#include "tinc/base/endpoint.hpp"
#include "tinc/packet/packet.hpp"

#include <cstdint>
#include <optional>

namespace tinc::packet {

/// Why a frame could not be routed, with the ICMP and ICMPv6 type and code that says so.
/// Source: legacy protocol, table of section 6.2.
enum class Unreachable : std::uint8_t {
    no_subnet,      ///< 3/6, 1/3
    owner_down,     ///< 3/0, 1/0
    prohibited,     ///< 3/9, 1/1
    too_big,        ///< 3/4, 2/0
    time_exceeded,  ///< 11/0, 3/0
};

struct IcmpOptions {
    std::uint16_t mtu = 0;  ///< next-hop MTU of the IP packet, for too_big
    /// Ours, for time_exceeded; else the original destination.
    std::optional<Address> source = std::nullopt;
};

/// Turns an IPv4 or IPv6 frame (one 802.1Q tag understood) into the ICMP error that answers it, in
/// place: Ethernet addresses swapped, quote of at most 548 (IPv4) or 528 (IPv6) bytes, correct
/// checksums, TTL 255. The frame may be longer than the limit it was too big for.
///
/// False, and the frame is as before, if no answer may be given: not an IP frame, its headers cut
/// short, an ICMP error or an ICMPv6 redirect itself, a multicast or broadcast destination (of
/// Ethernet or IP), a source that is not one host (unspecified, multicast, loopback, IPv4 class E),
/// a fragment other than the first.
/// Source: legacy protocol 6.4; RFC 1122 3.2.2 and RFC 4443 2.4 for when to be silent.
[[nodiscard]] bool make_icmp_error(Packet& frame, Unreachable reason, const IcmpOptions& options);

}  // namespace tinc::packet
