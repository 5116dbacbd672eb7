#pragma once

#include <string>
#include <string_view>

namespace tinc::test {

/// The whole text of a file in tests/data: golden vectors captured from tinc 1.0.36.
/// A missing file ends the test program with a message.
[[nodiscard]] std::string test_data(std::string_view name);

}  // namespace tinc::test
