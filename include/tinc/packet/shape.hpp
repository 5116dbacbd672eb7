#pragma once

// What the router does to a frame that passes: clamp TCP's MSS, count down its hop limit, cut it
// into fragments. Source: legacy protocol 6.3, 6.5 and 6.9.

#include "tinc/base/bytes.hpp"
#include "tinc/packet/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>

namespace tinc::packet {

/// Lowers the MSS option of a TCP segment (IPv4 or IPv6 without extension headers, one 802.1Q tag
/// understood) so that its frames fit into `frame_limit`, and mends the checksum. MSS options at
/// any place in the option list are found. Returns whether the frame was changed: never if a header
/// is cut short, the packet is a fragment other than the first, or no data would fit at all.
bool clamp_mss(MutableBytes frame, std::size_t frame_limit);

/// Counts TTL or hop limit down by one (one 802.1Q tag understood). `expired` if it was 0 or 1;
/// the frame is then unchanged.
enum class HopLimit : std::uint8_t { decremented, expired, not_ip };
[[nodiscard]] HopLimit decrement_hop_limit(MutableBytes frame);

/// Cuts an IPv4 frame (20-byte header, length matching, DF clear, one 802.1Q tag understood) into
/// fragments whose frames are at most `frame_limit` and limits::frame_bytes long, and hands each to
/// `sink`, which keeps no reference to it. A frame that fits is handed on as it is. False if it
/// cannot be cut; `sink` was then not called.
bool fragment_ipv4(Bytes frame, std::size_t frame_limit,
                   const std::function<void(Bytes fragment)>& sink);

}  // namespace tinc::packet
