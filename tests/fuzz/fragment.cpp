// Bytes 0 and 1 are the limit; the rest is the frame. The fragments fit, are sound, and put
// together are the frame.

#include "support/frames.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/shape.hpp"

#include <algorithm>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    if (size < 2) return 0;
    const auto bytes = std::as_bytes(std::span(data, std::min<std::size_t>(size, 1800)));
    const std::size_t limit = get_u16(bytes, 0) % 1600;
    const auto frame = bytes.subspan(2);
    const auto place = packet::find_ip(frame);
    const std::size_t head = place ? place->offset + packet::ipv4_bytes : 0;

    test::Frame together;
    const auto collect = [&](Bytes fragment) {
        TINC_ASSERT(fragment.size() <= limit);
        TINC_ASSERT(fragment.size() == frame.size() || test::is_right(fragment));
        const auto flags = get_u16(fragment, place->offset + 6);
        const auto first = get_u16(frame, place->offset + 6);
        TINC_ASSERT((flags & 0x1fffU) == (first & 0x1fffU) + together.size() / 8);
        const auto payload = fragment.subspan(head);
        together.insert(together.end(), payload.begin(), payload.end());
        const bool has_more = (flags & 0x2000U) != 0;
        const bool is_last = together.size() + head == frame.size();
        TINC_ASSERT(has_more == (!is_last || (first & 0x2000U) != 0));
    };
    if (packet::fragment_ipv4(frame, limit, collect))
        TINC_ASSERT(std::ranges::equal(together, frame.subspan(head)));
    else
        TINC_ASSERT(together.empty());
    return 0;
}
