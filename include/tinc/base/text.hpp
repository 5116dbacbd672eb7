#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace tinc {

/// A whole number that fills all of `text` and fits the type; no sign for unsigned, no blanks.
template <std::integral T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text, int base = 10) {
    T value{};
    const auto* end = text.data() + text.size();
    const auto [rest, ec] = std::from_chars(text.data(), end, value, base);
    if (ec != std::errc{} || rest != end || text.empty()) return std::nullopt;
    return value;
}

[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view trim(std::string_view text, std::string_view blanks = " \t");

/// The rule for node names everywhere: 1 to limits::node_name_bytes of [A-Za-z0-9_]. Names become
/// file names, environment values and log text, so this is checked before anything else.
[[nodiscard]] bool is_node_name(std::string_view text);

/// What may be handed to others as the name of a host: 1 to limits::host_name_bytes of
/// [A-Za-z0-9._-], not beginning with "-", so that no protocol and no command takes it for more.
[[nodiscard]] bool is_host_name(std::string_view text);

}  // namespace tinc
