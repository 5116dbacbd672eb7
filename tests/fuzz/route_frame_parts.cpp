// What a router asks of any frame: its header, its hop limit, whom it looks for.

#include "support/frames.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/neighbour.hpp"
#include "tinc/packet/shape.hpp"

#include <algorithm>
#include <span>

namespace {

using namespace tinc;

void check_header(Bytes frame) {
    const auto ip = packet::parse_ip(frame);
    const auto place = packet::find_ip(frame);
    TINC_ASSERT(packet::parse_tagged_ip(frame).has_value() == place.has_value());
    TINC_ASSERT(ip.has_value() == (place && place->offset == packet::ethernet_bytes));
    if (!place) return;
    TINC_ASSERT(place->offset + (place->family == Family::ipv4 ? 20 : 40) <= frame.size());
}

void check_hop_limit(Bytes frame) {
    test::Frame counted(frame.begin(), frame.end());
    const bool was_right = test::is_right(frame);
    const auto before = packet::parse_tagged_ip(frame);
    const auto verdict = packet::decrement_hop_limit(counted);
    TINC_ASSERT((verdict == packet::HopLimit::not_ip) == !before);
    if (verdict == packet::HopLimit::decremented) {
        TINC_ASSERT(packet::parse_tagged_ip(counted)->hop_limit == before->hop_limit - 1);
        TINC_ASSERT(!was_right || test::is_right(counted));
    } else {
        TINC_ASSERT(std::ranges::equal(counted, frame));
    }
}

void check_neighbours(Bytes frame) {
    packet::Packet arp;
    arp.assign(frame);
    TINC_ASSERT(packet::make_arp_reply(arp) == packet::arp_request_target(frame).has_value());
    TINC_ASSERT(!packet::arp_request_target(arp.bytes()));

    packet::Packet solicitation;
    solicitation.assign(frame);
    if (!packet::make_neighbour_advertisement(solicitation)) {
        TINC_ASSERT(std::ranges::equal(solicitation.bytes(), frame));
        return;
    }
    TINC_ASSERT(packet::neighbour_solicitation_target(frame).has_value());
    TINC_ASSERT(test::is_right(solicitation.bytes()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto frame = std::as_bytes(std::span(data, std::min<std::size_t>(size, 1800)));
    check_header(frame);
    check_hop_limit(frame);
    check_neighbours(frame);
    return 0;
}
