#pragma once

// The file cache/NAME: where a node was reached before, most recent first.
//
//     u32 version = 1 | u32 count (0..8) | 8 slots of 32 bytes, those beyond `count` zero
//
//     a slot:  u16 family = 2  | u16 port | 4 bytes address  | zeros
//              u16 family = 10 | u16 port | u32 flow | 16 bytes address | u32 scope | zeros
//
// Ports and addresses are in network order, all other numbers in little-endian order, as tinc 1.1
// on 64-bit Linux lays out its memory. Source: protocol of tinc 1.1, address cache.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace tinc::config {

inline constexpr std::size_t recent_addresses_file_bytes = 264;

/// Errc::malformed for another size, version or count. Slots of other families, or with an address
/// or port nobody can connect to, are left out.
[[nodiscard]] Result<std::vector<Endpoint>> parse_recent_addresses(Bytes file);

/// The file with the first limits::recent_addresses of these.
[[nodiscard]] std::array<std::byte, recent_addresses_file_bytes> recent_addresses_file(
    std::span<const Endpoint> recent);

/// `latest`, then the others in their order, at most limits::recent_addresses in all.
[[nodiscard]] std::vector<Endpoint> with_latest(std::vector<Endpoint> recent,
                                                const Endpoint& latest);

}  // namespace tinc::config
