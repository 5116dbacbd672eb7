// A text as base64 of tinc. What it says is written in one way, which says the same.

#include "tinc/base/base64.hpp"
#include "tinc/base/error.hpp"

#include <algorithm>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto written = parse_base64(base64_text(bytes));
    TINC_ASSERT(written && std::ranges::equal(*written, bytes));
    TINC_ASSERT(parse_base64(base64_url_text(bytes)) == written);
    if (const auto read = parse_base64(as_text(bytes)))
        TINC_ASSERT(parse_base64(base64_text(*read)) == read);
    return 0;
}
