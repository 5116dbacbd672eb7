#include "tinc/base/text.hpp"

#include "tinc/base/limits.hpp"

#include <algorithm>

namespace tinc {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text, std::string_view blanks) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_node_name(std::string_view text) {
    return !text.empty() && text.size() <= limits::node_name_bytes &&
           std::ranges::all_of(text, is_name_character);
}

bool is_host_name(std::string_view text) {
    return !text.empty() && text.size() <= limits::host_name_bytes && text.front() != '-' &&
           std::ranges::all_of(text,
                               [](char c) { return is_name_character(c) || c == '.' || c == '-'; });
}

}  // namespace tinc
