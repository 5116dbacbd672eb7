#include "sim/ledger.hpp"

#include "tinc/packet/frame.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tinc::sim {

namespace {

constexpr std::size_t flags_at = packet::ethernet_bytes + 6;
constexpr std::size_t protocol_at = packet::ethernet_bytes + 9;
constexpr std::size_t source_at = packet::ethernet_bytes + 12;
constexpr std::byte udp{17};

bool is_ip(Bytes frame) { return packet::ethertype(frame) == packet::ethertype_ipv4; }

/// Of what routers leave alone: the whole frame, of IP all from its addresses on.
std::uint64_t digest_of(Bytes frame) {
    constexpr std::uint64_t prime = 0x100000001b3U;
    std::uint64_t digest = 0xcbf29ce484222325U;
    for (const auto byte : frame.subspan(is_ip(frame) ? source_at : 0))
        digest = (digest ^ std::to_integer<std::uint64_t>(byte)) * prime;
    return digest;
}

}  // namespace

void Ledger::put_in(MutableBytes frame) {
    put_u32(frame, serial_at, static_cast<std::uint32_t>(entries_.size() + 1));
    entries_.push_back({digest_of(frame), {}});
}

std::string Ledger::take_out(HostIndex host, Bytes frame, Doubles doubles) {
    if (frame.size() < least_bytes) return "it is too short";
    if (is_ip(frame)) {
        constexpr unsigned more_fragments = 0x2000;
        constexpr unsigned offset_bits = 0x1fff;
        const auto flags = get_u16(frame, flags_at);
        // What a node says itself, and pieces of packets, bear no serial number, or not theirs
        // alone.
        const bool is_whole = (flags & (more_fragments | offset_bits)) == 0;
        if (frame[protocol_at] != udp || !is_whole) return "";
    }
    const auto serial = get_u32(frame, serial_at);
    if (serial == 0 || serial > entries_.size()) return "nobody has sent it";
    auto& entry = entries_[serial - 1];
    if (entry.digest != digest_of(frame)) return fmt::format("no. {} was not sent so", serial);
    const bool is_double = std::ranges::find(entry.seen_at, host) != entry.seen_at.end();
    if (is_double && doubles == Doubles::forbidden)
        return fmt::format("no. {} has come out twice", serial);
    entry.seen_at.push_back(host);
    return "";
}

}  // namespace tinc::sim
