#include "tinc/base/bytes.hpp"

namespace tinc {

namespace {

constexpr std::string_view digits = "0123456789ABCDEF";

std::optional<unsigned> digit_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10U;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10U;
    return std::nullopt;
}

}  // namespace

std::uint16_t get_u16(Bytes bytes, std::size_t at) {
    return static_cast<std::uint16_t>((std::to_integer<unsigned>(bytes[at]) << 8U) |
                                      std::to_integer<unsigned>(bytes[at + 1]));
}

std::uint32_t get_u32(Bytes bytes, std::size_t at) {
    return (std::uint32_t{get_u16(bytes, at)} << 16U) | get_u16(bytes, at + 2);
}

void put_u16(MutableBytes bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<std::byte>(value >> 8U);
    bytes[at + 1] = static_cast<std::byte>(value & 0xffU);
}

void put_u32(MutableBytes bytes, std::size_t at, std::uint32_t value) {
    put_u16(bytes, at, static_cast<std::uint16_t>(value >> 16U));
    put_u16(bytes, at + 2, static_cast<std::uint16_t>(value & 0xffffU));
}

void append_hex(std::string& out, Bytes bytes) {
    out.reserve(out.size() + 2 * bytes.size());
    for (const auto byte : bytes) {
        const auto value = std::to_integer<unsigned>(byte);
        out += digits[value >> 4U];
        out += digits[value & 0xfU];
    }
}

std::string hex_text(Bytes bytes) {
    std::string out;
    append_hex(out, bytes);
    return out;
}

std::optional<std::vector<std::byte>> parse_hex(std::string_view text) {
    if (text.size() % 2 != 0) return std::nullopt;
    std::vector<std::byte> out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto high = digit_value(text[i]);
        const auto low = digit_value(text[i + 1]);
        if (!high || !low) return std::nullopt;
        out.push_back(static_cast<std::byte>((*high << 4U) | *low));
    }
    return out;
}

}  // namespace tinc
