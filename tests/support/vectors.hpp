#pragma once

// The JSON files of tests/data, whose values are hexadecimal.

#include "support/test_data.hpp"
#include "tinc/base/bytes.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace tinc::test {

[[nodiscard]] inline std::vector<std::byte> bytes_of(const nlohmann::json& hexadecimal) {
    return parse_hex(hexadecimal.get<std::string>()).value();
}

[[nodiscard]] inline std::string text_of(const nlohmann::json& text) {
    return text.get<std::string>();
}

[[nodiscard]] inline nlohmann::json vectors_of(std::string_view name) {
    return nlohmann::json::parse(test_data(name))["vectors"];
}

}  // namespace tinc::test
