#include "tinc/base/base64.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace tinc {

namespace {

constexpr std::string_view standard_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr unsigned digit_bits = 6;
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
    std::array<std::uint8_t, 256> values{};
    values.fill(no_digit);
    for (const auto alphabet : {standard_alphabet, url_alphabet})
        for (std::size_t i = 0; i < alphabet.size(); ++i)
            values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return values;
}
constexpr auto digit_values = make_digit_values();

std::string encode(Bytes bytes, std::string_view alphabet) {
    std::string text;
    text.reserve((bytes.size() * 8 + digit_bits - 1) / digit_bits);
    while (!bytes.empty()) {
        const auto group = bytes.first(std::min<std::size_t>(3, bytes.size()));
        bytes = bytes.subspan(group.size());
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < group.size(); ++i)
            bits |= std::to_integer<std::uint32_t>(group[i]) << (8 * i);
        for (std::size_t i = 0; i <= group.size(); ++i)
            text += alphabet[(bits >> (digit_bits * i)) & 0x3fU];
    }
    return text;
}

}  // namespace

std::string base64_text(Bytes bytes) { return encode(bytes, standard_alphabet); }

std::string base64_url_text(Bytes bytes) { return encode(bytes, url_alphabet); }

std::optional<std::vector<std::byte>> parse_base64(std::string_view text) {
    std::vector<std::byte> bytes;
    bytes.reserve(text.size() * digit_bits / 8);
    while (!text.empty()) {
        const auto group = text.substr(0, 4);
        text.remove_prefix(group.size());
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < group.size(); ++i) {
            const auto value = digit_values[static_cast<unsigned char>(group[i])];
            if (value == no_digit) return std::nullopt;
            bits |= std::uint32_t{value} << (digit_bits * i);
        }
        for (std::size_t i = 0; i + 1 < group.size(); ++i)
            bytes.push_back(static_cast<std::byte>((bits >> (8 * i)) & 0xffU));
    }
    return bytes;
}

}  // namespace tinc
