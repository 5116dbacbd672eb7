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
inline constexpr std::size_t vlan_tag_bytes = 4;
inline constexpr std::size_t mac_bytes = 6;
inline constexpr std::size_t ipv4_bytes = 20;  ///< without options
inline constexpr std::size_t ipv6_bytes = 40;  ///< without extension headers
inline constexpr std::size_t tcp_bytes = 20;   ///< without options
inline constexpr std::size_t udp_bytes = 8;
inline constexpr std::uint16_t ethertype_probe = 0x0000;  ///< marks an MTU probe
inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_arp = 0x0806;
inline constexpr std::uint16_t ethertype_vlan = 0x8100;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;

inline constexpr std::uint8_t protocol_icmp = 1;
inline constexpr std::uint8_t protocol_tcp = 6;
inline constexpr std::uint8_t protocol_udp = 17;
inline constexpr std::uint8_t protocol_icmpv6 = 58;

/// Bytes 12 and 13. The frame has at least ethernet_bytes, for this and the next two.
[[nodiscard]] std::uint16_t ethertype(Bytes frame);
[[nodiscard]] MacAddress destination_mac(Bytes frame);
[[nodiscard]] MacAddress source_mac(Bytes frame);

/// Source and destination of an IPv4 or IPv6 frame (by EtherType, without VLAN unwrapping);
/// nothing if it is another frame or too short for its fixed IP header.
struct IpHeader {
    Family family = Family::ipv4;
    Address source;
    Address destination;
    std::uint8_t traffic_class = 0;       ///< TOS or traffic class
    std::uint8_t hop_limit = 0;           ///< TTL or hop limit
    bool dont_fragment = false;           ///< DF; always true for IPv6
    std::size_t offset = ethernet_bytes;  ///< where in the frame the IP packet begins
};
/// The EtherType is believed only if the version agrees and, for IPv4, the header length is at
/// least 20.
[[nodiscard]] std::optional<IpHeader> parse_ip(Bytes frame);
/// The same for a frame that may bear one 802.1Q tag.
[[nodiscard]] std::optional<IpHeader> parse_tagged_ip(Bytes frame);

/// Where the IP packet of a frame begins: 14, or 18 behind one 802.1Q tag. The fixed header (20 or
/// 40 bytes) is inside the frame and sound as parse_ip() wants it; IPv4 options need not be.
struct IpPlace {
    Family family = Family::ipv4;
    std::size_t offset = 0;
};
[[nodiscard]] std::optional<IpPlace> find_ip(Bytes frame);

/// The Internet checksum (RFC 1071) of `data`, continuing from `sum` (not yet complemented). Only
/// the last piece may have an odd length.
[[nodiscard]] std::uint32_t checksum_add(std::uint32_t sum, Bytes data);
[[nodiscard]] std::uint16_t checksum_finish(std::uint32_t sum);

/// The checksum field after one 16-bit word it covers was replaced (RFC 1624, equation 3).
[[nodiscard]] std::uint16_t checksum_replace(std::uint16_t checksum, std::uint16_t old_word,
                                             std::uint16_t new_word);

/// The checksum of an upper-layer message of IPv6 with its pseudo-header (RFC 8200 8.1): 0 over a
/// message whose checksum field is right. `addresses` are the 32 bytes of source and destination.
[[nodiscard]] std::uint16_t checksum_ipv6(Bytes addresses, std::uint8_t next_header, Bytes message);

}  // namespace tinc::packet
