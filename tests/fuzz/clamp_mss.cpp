// Bytes 0 and 1 are the limit; the rest is the frame. A checksum that was right stays right, and
// what was clamped needs no second clamping.

#include "support/frames.hpp"
#include "tinc/base/error.hpp"
#include "tinc/packet/shape.hpp"

#include <algorithm>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    if (size < 2) return 0;
    const auto bytes = std::as_bytes(std::span(data, std::min<std::size_t>(size, 1800)));
    const std::size_t limit = get_u16(bytes, 0);
    const auto frame = bytes.subspan(2);

    test::Frame clamped(frame.begin(), frame.end());
    const bool was_right = test::is_right(frame);
    if (!packet::clamp_mss(clamped, limit)) {
        TINC_ASSERT(std::ranges::equal(clamped, frame));
        return 0;
    }
    TINC_ASSERT(!std::ranges::equal(clamped, frame));
    TINC_ASSERT(!was_right || test::is_right(clamped));
    TINC_ASSERT(!packet::clamp_mss(clamped, limit));
    return 0;
}
