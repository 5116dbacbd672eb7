#pragma once

// The base64 of tinc 1.1, which is not that of RFC 4648: within a group of four characters the
// first holds the lowest six bits, and there is no padding. Source: SPTPS, 1; `base64.json`.

#include "tinc/base/bytes.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinc {

/// In the alphabet of keys and requests.
[[nodiscard]] std::string base64_text(Bytes bytes);

/// In the alphabet of invitations, which fits into a URL.
[[nodiscard]] std::string base64_url_text(Bytes bytes);

/// Takes both alphabets, even mixed; a single character at the end and surplus bits count for
/// nothing. Nothing if a character is of neither alphabet.
[[nodiscard]] std::optional<std::vector<std::byte>> parse_base64(std::string_view text);

}  // namespace tinc
