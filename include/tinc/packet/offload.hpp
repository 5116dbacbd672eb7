#pragma once

#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tinc::packet {

/// What goes before every packet of a device that offloads: which checksum is to be completed, and
/// into which segments a super-packet (of up to 65535 bytes) is to be cut. The names are virtio's.
///
///     <flags:8> <gso_type:8> <hdr_len:16> <gso_size:16> <csum_start:16> <csum_offset:16>
///
/// In the byte order of the host. Source: VIRTIO 1.2, 5.1.6 "Device Operation", virtio_net_hdr;
/// linux/virtio_net.h for the form of 10 bytes and for udp_l4.
struct OffloadHeader {
    std::uint8_t flags = 0;         ///< bits: needs_csum
    std::uint8_t gso_type = 0;      ///< a GsoType, and the bit gso_ecn
    std::uint16_t hdr_len = 0;      ///< of all headers; a hint, Linux may give more
    std::uint16_t gso_size = 0;     ///< payload of a segment
    std::uint16_t csum_start = 0;   ///< where the transport header begins, from the IP header
    std::uint16_t csum_offset = 0;  ///< where its checksum lies, from csum_start

    friend bool operator==(const OffloadHeader&, const OffloadHeader&) = default;
};

inline constexpr std::size_t offload_header_bytes = 10;

/// The checksum field holds the folded sum of the pseudo-header, not complemented.
inline constexpr std::uint8_t needs_csum = 1;
/// The first segment bears CWR; see RFC 3168 6.1.2.
inline constexpr std::uint8_t gso_ecn = 0x80;

enum class GsoType : std::uint8_t { none = 0, tcpv4 = 1, tcpv6 = 4, udp_l4 = 5 };

[[nodiscard]] OffloadHeader parse_offload_header(
    std::span<const std::byte, offload_header_bytes> bytes);
void write(std::span<std::byte, offload_header_bytes> out, const OffloadHeader& header);

}  // namespace tinc::packet
