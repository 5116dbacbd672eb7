// A frame from the device or from a peer meets a router, switch or hub with a small table. Byte 0
// chooses the settings, byte 1 who sent it, how, and in which mode; the rest is the frame.

#include "unit/plane/crossroads.hpp"

#include <algorithm>
#include <span>

namespace {

using namespace tinc;
using namespace tinc::plane;

PlaneSettings settings_of(unsigned choice, unsigned mode) {
    PlaneSettings settings;
    settings.mode = static_cast<Mode>(mode % 3);
    settings.forwarding = static_cast<Forwarding>(choice % 3);
    settings.broadcast = static_cast<Broadcast>(choice / 3 % 3);
    settings.decrement_ttl = (choice & 0x10U) != 0;
    settings.priority_inheritance = (choice & 0x20U) != 0;
    settings.direct_only = (choice & 0x40U) != 0;
    settings.tcp_only = (choice & 0x80U) != 0;
    return settings;
}

/// A packet goes to few places, in frames that fit, and IP packets stay IP packets.
void check_outcome(Crossroads& roads, bool was_right) {
    TINC_ASSERT(roads.out.datagrams().size() + roads.out.frames().size() + roads.events.size() <=
                16);
    for (const auto* frame : roads.out.frames()) {
        TINC_ASSERT(frame->size() >= packet::ethernet_bytes);
        TINC_ASSERT(frame->size() <= limits::frame_bytes);
        TINC_ASSERT(!was_right || test::is_right(frame->bytes()));
    }
    for (const auto& sending : roads.out.datagrams()) {
        TINC_ASSERT(sending.packet->size() <= limits::datagram_bytes);
        const auto frame = roads.opened(sending);
        TINC_ASSERT(frame.size() == sending.frame_bytes);
        TINC_ASSERT(!was_right || test::is_right(frame));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    Crossroads roads(settings_of(data[0], data[1] / 12U));
    roads.plane.set_mtu(plane::gamma, 600, 600);
    const auto frame =
        std::as_bytes(std::span(data, std::min<std::size_t>(size, 1'700))).subspan(2);
    const bool was_right = test::is_right(frame);
    const NodeIndex senders[] = {beta, plane::gamma, epsilon};
    const auto sender = senders[data[1] / 4 % 3];
    switch (data[1] % 4) {
        case 0:
            roads.from_device(frame);
            break;
        case 1:
            roads.from_peer(sender, frame, Transport::any);
            break;
        case 2:
            roads.from_peer(sender, frame, Transport::keep_on_tcp);
            break;
        default:
            if (frame.size() > limits::frame_bytes) return 0;
            roads.from(sender, frame);
    }
    check_outcome(roads, was_right);
    return 0;
}
