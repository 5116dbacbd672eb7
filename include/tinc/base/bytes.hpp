#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tinc {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

[[nodiscard]] inline Bytes as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Network byte order at `at`; the caller has checked that `at + sizeof` fits.
[[nodiscard]] std::uint16_t get_u16(Bytes bytes, std::size_t at);
[[nodiscard]] std::uint32_t get_u32(Bytes bytes, std::size_t at);
void put_u16(MutableBytes bytes, std::size_t at, std::uint16_t value);
void put_u32(MutableBytes bytes, std::size_t at, std::uint32_t value);

/// Upper-case hexadecimal digits, as tinc sends keys.
void append_hex(std::string& out, Bytes bytes);
[[nodiscard]] std::string hex_text(Bytes bytes);

/// Either case. Nothing if the length is odd or a character is not a digit.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_hex(std::string_view text);

}  // namespace tinc
