#pragma once

#include <cstdint>

namespace tinc::packet::record {

/// The types of records with packets between nodes of protocol 1.1: flags, or a probe. Without
/// `ethernet` a record holds an IP packet alone. Source: protocol 1.1, 4.1.
inline constexpr std::uint8_t plain = 0;
inline constexpr std::uint8_t compressed = 1;
inline constexpr std::uint8_t ethernet = 2;
inline constexpr std::uint8_t probe = 4;

}  // namespace tinc::packet::record
