// Byte 0 chooses the reason, bytes 1 and 2 are the MTU; the rest is the frame to answer.

#include "support/frames.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/icmp.hpp"

#include <algorithm>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    if (size < 3) return 0;
    const auto reason = static_cast<packet::Unreachable>(data[0] % 5);
    const auto mtu = static_cast<std::uint16_t>(data[1] * 256 + data[2]);
    const auto source = data[0] < 128 ? Address::parse("192.0.2.1") : Address::parse("fd00::1");
    const auto frame = std::as_bytes(std::span(data, std::min<std::size_t>(size, 1800))).subspan(3);

    packet::Packet answer;
    answer.assign(frame);
    if (!packet::make_icmp_error(answer, reason, {.mtu = mtu, .source = source})) {
        TINC_ASSERT(std::ranges::equal(answer.bytes(), frame));
        return 0;
    }
    TINC_ASSERT(test::is_right(answer.bytes()));
    TINC_ASSERT(answer.size() <= 18 + 576);
    const auto place = packet::find_ip(answer.bytes());
    TINC_ASSERT(place.has_value());
    const std::size_t headers = place->offset + (place->family == Family::ipv4 ? 28 : 48);
    const auto quote = std::as_const(answer).bytes().subspan(headers);
    TINC_ASSERT(std::ranges::equal(quote, frame.subspan(place->offset, quote.size())));

    // An error is never answered with another one.
    TINC_ASSERT(!packet::make_icmp_error(answer, reason, {}));
    return 0;
}
