#pragma once

#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <cstdint>

/// Where the fields lie that segmenting and coalescing look at, from the start of their header.
/// Source: RFC 791, RFC 8200, RFC 9293, RFC 768.
namespace tinc::packet {

namespace ipv4 {
inline constexpr std::size_t length_at = 2;
inline constexpr std::size_t identification_at = 4;
inline constexpr std::size_t fragment_at = 6;  ///< flags and offset
inline constexpr std::size_t protocol_at = 9;
inline constexpr std::size_t checksum_at = 10;
inline constexpr std::size_t addresses_at = 12;
inline constexpr unsigned dont_fragment = 0x4000;
}  // namespace ipv4

namespace ipv6 {
inline constexpr std::size_t length_at = 4;  ///< of what follows the header
inline constexpr std::size_t next_header_at = 6;
inline constexpr std::size_t hop_limit_at = 7;
inline constexpr std::size_t addresses_at = 8;
}  // namespace ipv6

namespace tcp {
inline constexpr std::size_t sequence_at = 4;
inline constexpr std::size_t acknowledgement_at = 8;
inline constexpr std::size_t offset_at = 12;  ///< size in words of 32 bits, four reserved bits
inline constexpr std::size_t flags_at = 13;
inline constexpr std::size_t window_at = 14;
inline constexpr std::size_t checksum_at = 16;
inline constexpr std::size_t urgent_at = 18;
inline constexpr std::byte fin{0x01};
inline constexpr std::byte psh{0x08};
inline constexpr std::byte ack{0x10};
inline constexpr std::byte cwr{0x80};
}  // namespace tcp

namespace udp {
inline constexpr std::size_t length_at = 4;
inline constexpr std::size_t checksum_at = 6;
}  // namespace udp

/// The version of an IP packet by its first byte, whatever else is in it.
[[nodiscard]] inline unsigned ip_version(Bytes packet) {
    return packet.empty() ? 0 : std::to_integer<unsigned>(packet[0]) >> 4U;
}

/// The size that an IPv4 header claims.
[[nodiscard]] inline std::size_t ipv4_header_bytes(Bytes packet) {
    return (std::to_integer<std::size_t>(packet[0]) & 0xfU) * 4;
}

/// The size that a TCP header claims.
[[nodiscard]] inline std::size_t tcp_header_bytes(Bytes tcp) {
    return (std::to_integer<std::size_t>(tcp[tcp::offset_at]) >> 4U) * 4;
}

}  // namespace tinc::packet
