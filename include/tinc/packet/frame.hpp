#pragma once

// A VPN frame is an Ethernet frame; from a TUN device the two MAC addresses are zero. All
// functions here take bytes a peer may have chosen and never read beyond them.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace tinc::packet {

inline constexpr std::size_t ethernet_bytes = 14;
inline constexpr std::uint16_t ethertype_probe = 0x0000;  ///< marks an MTU probe
inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_arp = 0x0806;
inline constexpr std::uint16_t ethertype_vlan = 0x8100;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

/// Bytes 12 and 13. The frame has at least ethernet_bytes.
[[nodiscard]] std::uint16_t ethertype(Bytes frame);

/// Source and destination of an IPv4 or IPv6 frame (by EtherType, without VLAN unwrapping);
/// nothing if it is another frame or too short for its fixed IP header.
struct IpHeader {
    Family family = Family::ipv4;
    Address source;
    Address destination;
    std::uint8_t traffic_class = 0;  ///< TOS or traffic class
    std::uint8_t hop_limit = 0;      ///< TTL or hop limit
    bool dont_fragment = false;      ///< DF; always true for IPv6
};
[[nodiscard]] std::optional<IpHeader> parse_ip(Bytes frame);

/// The Internet checksum (RFC 1071) of `data`, continuing from `sum` (not yet complemented).
[[nodiscard]] std::uint32_t checksum_add(std::uint32_t sum, Bytes data);
[[nodiscard]] std::uint16_t checksum_finish(std::uint32_t sum);

}  // namespace tinc::packet
