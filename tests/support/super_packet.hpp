#pragma once

#include "support/frames.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/offload.hpp"
#include "tinc/packet/segmenter.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

// What an offloading device reads and writes, for tests.

namespace tinc::test {

struct SuperPacket {
    packet::OffloadHeader header{};
    Frame ip{};
};

/// The super-packet that a kernel makes of a large frame with TCP or UDP right behind a fixed IP
/// header.
[[nodiscard]] inline SuperPacket super_packet(const Frame& frame, std::uint16_t gso_size) {
    SuperPacket out{.ip = Frame(frame.begin() + packet::ethernet_bytes, frame.end())};
    const bool is_v4 = packet::ethertype(frame) == packet::ethertype_ipv4;
    const auto protocol = std::to_integer<std::uint8_t>(out.ip[is_v4 ? 9 : 6]);
    const bool is_tcp = protocol == packet::protocol_tcp;
    const std::size_t transport_at = is_v4 ? 20 : 40;
    const std::size_t transport_bytes =
        is_tcp ? std::to_integer<std::size_t>(out.ip[transport_at + 12]) / 16 * 4 : 8;
    leave_checksum_open(out.ip, protocol, transport_at);
    const auto tcp_type = is_v4 ? packet::GsoType::tcpv4 : packet::GsoType::tcpv6;
    out.header = {
        .flags = packet::needs_csum,
        .gso_type = static_cast<std::uint8_t>(is_tcp ? tcp_type : packet::GsoType::udp_l4),
        .hdr_len = static_cast<std::uint16_t>(transport_at + transport_bytes),
        .gso_size = gso_size,
        .csum_start = static_cast<std::uint16_t>(transport_at),
        .csum_offset = static_cast<std::uint16_t>(is_tcp ? 16 : 6)};
    return out;
}

/// The frames that a segmenter makes of it; nothing if it refuses.
[[nodiscard]] inline std::optional<std::vector<Frame>> split(const packet::OffloadHeader& header,
                                                             Bytes ip) {
    packet::Segmenter segmenter;
    if (!segmenter.start(header, ip)) return std::nullopt;
    std::vector<Frame> out;
    while (!segmenter.is_done()) {
        packet::Packet frame;
        segmenter.next(frame);
        out.emplace_back(frame.bytes().begin(), frame.bytes().end());
    }
    return out;
}

/// The frame as it comes from a device without MAC addresses.
[[nodiscard]] inline Frame without_macs(Frame frame) {
    std::fill_n(frame.begin(), 2 * packet::mac_bytes, std::byte{0});
    return frame;
}

}  // namespace tinc::test
