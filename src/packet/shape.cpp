#include "tinc/packet/shape.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace tinc::packet {

namespace {

constexpr std::size_t fragment_unit = 8;
constexpr unsigned offset_mask = 0x1fff;
constexpr unsigned more_fragments = 0x2000;
constexpr unsigned dont_fragment = 0x4000;

struct Range {
    std::size_t begin;
    std::size_t end;
};

// Where the TCP header with its options lies in the frame. Nothing if any of it is outside the
// frame or the IP packet, and for fragments other than the first: theirs are data.
std::optional<Range> find_tcp_header(Bytes frame) {
    const auto place = find_ip(frame);
    if (!place) return std::nullopt;
    const auto packet = frame.subspan(place->offset);

    std::size_t begin = ipv6_bytes;
    std::size_t end = ipv6_bytes + get_u16(packet, 4);
    auto protocol = std::to_integer<std::uint8_t>(packet[6]);
    if (place->family == Family::ipv4) {
        if ((get_u16(packet, 6) & offset_mask) != 0) return std::nullopt;
        begin = (std::to_integer<std::size_t>(packet[0]) & 0xfU) * 4;
        end = get_u16(packet, 2);
        protocol = std::to_integer<std::uint8_t>(packet[9]);
    }
    end = std::min(end, packet.size());
    if (protocol != protocol_tcp || begin + tcp_bytes > end) return std::nullopt;

    const auto size = (std::to_integer<std::size_t>(packet[begin + 12]) >> 4U) * 4;
    if (size < tcp_bytes || begin + size > end) return std::nullopt;
    return Range{place->offset + begin, place->offset + begin + size};
}

std::uint16_t swap_bytes(std::uint16_t word) {
    return static_cast<std::uint16_t>((word << 8U) | (word >> 8U));
}

// Replaces the 16 bits at `at` of a TCP header. At an odd place their bytes count in the other
// half of the checksum's words.
void replace_word(MutableBytes tcp, std::size_t at, std::uint16_t word) {
    constexpr std::size_t checksum_at = 16;
    const auto old = get_u16(tcp, at);
    const bool is_odd = at % 2 != 0;
    put_u16(tcp, checksum_at,
            checksum_replace(get_u16(tcp, checksum_at), is_odd ? swap_bytes(old) : old,
                             is_odd ? swap_bytes(word) : word));
    put_u16(tcp, at, word);
}

bool clamp_options(MutableBytes tcp, std::uint16_t limit) {
    constexpr std::byte end_of_list{0};
    constexpr std::byte no_operation{1};
    constexpr std::byte maximum_segment_size{2};
    bool changed = false;
    for (std::size_t at = tcp_bytes; at < tcp.size() && tcp[at] != end_of_list;) {
        if (tcp[at] == no_operation) {
            ++at;
            continue;
        }
        if (at + 1 >= tcp.size()) break;
        const auto length = std::to_integer<std::size_t>(tcp[at + 1]);
        if (length < 2 || at + length > tcp.size()) break;
        if (tcp[at] == maximum_segment_size && length == 4 && get_u16(tcp, at + 2) > limit) {
            replace_word(tcp, at + 2, limit);
            changed = true;
        }
        at += length;
    }
    return changed;
}

std::optional<std::size_t> find_cuttable_packet(Bytes frame) {
    const auto place = find_ip(frame);
    if (!place || place->family != Family::ipv4) return std::nullopt;
    const auto packet = frame.subspan(place->offset);
    const bool is_plain = packet[0] == std::byte{0x45};
    if (!is_plain || get_u16(packet, 2) != packet.size()) return std::nullopt;

    const auto flags = get_u16(packet, 6);
    const auto units = (packet.size() - ipv4_bytes + fragment_unit - 1) / fragment_unit;
    const bool leaves_range = (flags & offset_mask) + units > offset_mask + 1;
    if ((flags & dont_fragment) != 0 || leaves_range) return std::nullopt;
    return place->offset;
}

}  // namespace

bool clamp_mss(MutableBytes frame, std::size_t frame_limit) {
    const auto tcp = find_tcp_header(frame);
    if (!tcp || frame_limit <= tcp->begin + tcp_bytes) return false;
    const auto limit = std::min<std::size_t>(frame_limit - tcp->begin - tcp_bytes, 0xffff);
    return clamp_options(frame.subspan(tcp->begin, tcp->end - tcp->begin),
                         static_cast<std::uint16_t>(limit));
}

HopLimit decrement_hop_limit(MutableBytes frame) {
    constexpr std::size_t ttl_at = 8;
    constexpr std::size_t checksum_at = 10;
    constexpr std::size_t hop_limit_at = 7;
    const auto place = find_ip(frame);
    if (!place) return HopLimit::not_ip;

    const auto packet = frame.subspan(place->offset);
    const bool is_ipv4 = place->family == Family::ipv4;
    auto& hop_limit = packet[is_ipv4 ? ttl_at : hop_limit_at];
    const auto old_word = get_u16(packet, ttl_at);
    const auto value = std::to_integer<unsigned>(hop_limit);
    if (value <= 1) return HopLimit::expired;

    hop_limit = static_cast<std::byte>(value - 1);
    if (is_ipv4) {
        const auto old_checksum = get_u16(packet, checksum_at);
        put_u16(packet, checksum_at,
                checksum_replace(old_checksum, old_word, get_u16(packet, ttl_at)));
    }
    return HopLimit::decremented;
}

bool fragment_ipv4(Bytes frame, std::size_t frame_limit,
                   const std::function<void(Bytes fragment)>& sink) {
    const auto offset = find_cuttable_packet(frame);
    if (!offset) return false;
    frame_limit = std::min(frame_limit, limits::frame_bytes);
    const auto head = *offset + ipv4_bytes;
    if (frame_limit < head + fragment_unit) return false;
    if (frame.size() <= frame_limit) {
        sink(frame);
        return true;
    }

    std::array<std::byte, limits::frame_bytes> buffer{};
    std::ranges::copy(frame.first(head), buffer.begin());
    const auto header = std::span(buffer).subspan(*offset, ipv4_bytes);
    const auto payload = frame.subspan(head);
    const auto step = (frame_limit - head) / fragment_unit * fragment_unit;
    const unsigned flags = get_u16(frame, *offset + 6);

    for (std::size_t at = 0; at < payload.size(); at += step) {
        const auto piece = payload.subspan(at, std::min(step, payload.size() - at));
        const bool is_last = at + piece.size() == payload.size();
        const auto moved = static_cast<unsigned>(at / fragment_unit);
        put_u16(header, 2, static_cast<std::uint16_t>(ipv4_bytes + piece.size()));
        put_u16(header, 6,
                static_cast<std::uint16_t>((flags + moved) | (is_last ? 0 : more_fragments)));
        put_u16(header, 10, 0);
        put_u16(header, 10, checksum_finish(checksum_add(0, header)));
        std::ranges::copy(piece, buffer.begin() + static_cast<std::ptrdiff_t>(head));
        sink(std::span(buffer).first(head + piece.size()));
    }
    return true;
}

}  // namespace tinc::packet
