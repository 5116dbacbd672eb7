#include "tinc/wire/fields.hpp"

#include "tinc/base/bytes.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace tinc::wire {

namespace {

constexpr std::string_view blanks = " \t";

/// The longest host name of DNS; a numeric address is shorter.
constexpr std::size_t host_bytes = 255;

bool is_control_character(char c) {
    const auto value = static_cast<unsigned char>(c);
    return (value < 0x20 && c != '\t') || value == 0x7f;
}

bool is_printable(char c) { return c > ' ' && c <= '~'; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Reads a number off the front of `rest`, which moves only on success.
template <class T>
std::errc take_number(std::string_view& rest, T& value, int base) {
    const auto* end = rest.data() + rest.size();
    const auto [stop, ec] = std::from_chars(rest.data(), end, value, base);
    if (ec == std::errc{}) rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    return ec;
}

/// Unlike from_chars, scanf accepts a plus sign.
std::errc take_decimal(std::string_view& rest, std::int32_t& value) {
    auto digits = rest;
    if (digits.size() > 1 && digits[0] == '+' && is_digit(digits[1])) digits.remove_prefix(1);
    const auto ec = take_number(digits, value, 10);
    if (ec == std::errc{}) rest = digits;
    return ec;
}

}  // namespace

Fields::Fields(std::string_view line)
    : rest_(line), has_control_characters_(std::ranges::any_of(line, is_control_character)) {}

Result<Request> Fields::request() {
    if (has_control_characters_) return malformed("line", "contains control characters");
    skip_blanks();
    std::int32_t number = 0;
    const auto ec = take_decimal(rest_, number);
    if (ec == std::errc::invalid_argument)
        return malformed("line", "does not start with a request number");
    const auto request = ec == std::errc{} ? handled_request(number) : std::nullopt;
    if (!request) return failure(Errc::refused, "unknown request");
    request_ = request;
    return *request;
}

Result<void> Fields::expect(Request expected) {
    const auto found = request();
    request_ = expected;
    if (!found && found.error().code == Errc::malformed) return std::unexpected(found.error());
    if (!found || *found != expected) return malformed("line", "is another request");
    return {};
}

Result<std::int32_t> Fields::decimal(std::string_view field) {
    skip_blanks();
    std::int32_t value = 0;
    const auto ec = take_decimal(rest_, value);
    if (ec == std::errc::result_out_of_range) return malformed(field, "is out of range");
    if (ec != std::errc{}) return malformed(field, "is not a number");
    return value;
}

Result<std::uint32_t> Fields::hex32(std::string_view field) {
    skip_blanks();
    if (rest_.starts_with("0x") || rest_.starts_with("0X")) rest_.remove_prefix(2);
    std::uint32_t value = 0;
    const auto ec = take_number(rest_, value, 16);
    if (ec == std::errc::result_out_of_range) return malformed(field, "is out of range");
    if (ec != std::errc{}) return malformed(field, "is not a hexadecimal number");
    return value;
}

Result<std::string_view> Fields::text(std::string_view field, std::size_t limit) {
    skip_blanks();
    const auto word = rest_.substr(0, rest_.find_first_of(blanks));
    if (word.empty()) return malformed(field, "is missing");
    if (word.size() > limit) return malformed(field, "is too long");
    rest_.remove_prefix(word.size());
    return word;
}

Result<std::string> Fields::node_name(std::string_view field) {
    TINC_TRY(const auto word, text(field, limits::node_name_bytes));
    if (!is_node_name(word)) return malformed(field, "is not a node name");
    return std::string(word);
}

Result<std::vector<std::byte>> Fields::bytes(std::string_view field) {
    TINC_TRY(const auto word, text(field, limits::token_bytes));
    auto value = parse_hex(word);
    if (!value) return malformed(field, "is not hexadecimal");
    return *std::move(value);
}

Result<EdgeAddress> Fields::address() {
    TINC_TRY(auto host, printable("address"));
    TINC_TRY(auto port, printable("port"));
    return EdgeAddress(std::move(host), std::move(port));
}

std::size_t Fields::words_left() const {
    std::size_t words = 0;
    bool was_blank = true;
    for (const char c : rest_) {
        const bool is_blank = blanks.find(c) != std::string_view::npos;
        if (was_blank && !is_blank) ++words;
        was_blank = is_blank;
    }
    return words;
}

Result<std::string> Fields::printable(std::string_view field) {
    TINC_TRY(const auto word, text(field, host_bytes));
    if (!std::ranges::all_of(word, is_printable)) return malformed(field, "is not printable");
    return std::string(word);
}

void Fields::skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
}

std::unexpected<Error> Fields::malformed(std::string_view field, std::string_view complaint) const {
    const auto name = request_ ? request_name(*request_) : std::string_view("request");
    return failure(Errc::malformed, fmt::format("{}: {} {}", name, field, complaint));
}

}  // namespace tinc::wire
