#include "tinc/packet/coalescer.hpp"

#include "layout.hpp"
#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

namespace tinc::packet {

namespace {

/// What may be done with a packet.
enum class Fitness : std::uint8_t {
    stranger,  ///< no ports to be seen: its flow may be any between its addresses
    single,    ///< goes alone
    member,    ///< its checksums are right; may lead a super-packet or join one
};

struct Segment {
    MutableBytes ip;
    Fitness fitness = Fitness::stranger;
    std::uint8_t protocol = 0;       ///< TCP or UDP; of a stranger 0
    std::uint16_t transport_at = 0;  ///< with Segment::ip as all places; of a stranger 0
    std::uint16_t header_bytes = 0;  ///< of all headers; of a member only
};

/// A super-packet that grows.
struct Group {
    Segment first;
    std::size_t frames = 1;
    std::size_t bytes = 0;       ///< of the super-packet
    std::byte last_flags{};      ///< of TCP
    std::size_t pieces_end = 0;  ///< while pieces are placed
};

struct Piece {
    Bytes bytes;
    std::size_t group;
};

bool is_ipv4(Bytes ip) { return ip_version(ip) == 4; }
std::size_t addresses_at(Bytes ip) { return is_ipv4(ip) ? ipv4::addresses_at : ipv6::addresses_at; }
std::size_t fixed_bytes(Bytes ip) { return is_ipv4(ip) ? ipv4_bytes : ipv6_bytes; }
std::size_t payload_bytes(const Segment& segment) {
    return segment.ip.size() - segment.header_bytes;
}

/// The IP packet of a frame; empty if there is none, or EtherType and version disagree.
MutableBytes ip_packet(MutableBytes frame) {
    if (frame.size() <= ethernet_bytes) return {};
    const auto ip = frame.subspan(ethernet_bytes);
    const auto type = ethertype(frame);
    const auto version = ip_version(ip);
    const bool is_ip =
        (type == ethertype_ipv4 && version == 4) || (type == ethertype_ipv6 && version == 6);
    return is_ip ? ip : MutableBytes{};
}

/// The pseudo-header lies right before the transport header, but for protocol and length.
std::uint32_t sum_with_addresses(const Segment& segment, std::size_t transport_bytes,
                                 Bytes covered) {
    return checksum_add(static_cast<std::uint32_t>(segment.protocol + transport_bytes), covered);
}

// 0xffff is as right as 0 for who verifies, but no one who computes comes to it.
bool has_right_ipv4_header(Bytes ip) {
    return get_u16(ip, ipv4::checksum_at) != 0xffff &&
           checksum_finish(checksum_add(0, ip.first(ipv4_bytes))) == 0;
}

bool has_right_checksum(const Segment& segment) {
    const Bytes ip = segment.ip;
    const auto sum =
        sum_with_addresses(segment, ip.size() - segment.transport_at, ip.subspan(addresses_at(ip)));
    return checksum_finish(sum) == 0;
}

bool has_right_length(Bytes ip) {
    if (is_ipv4(ip)) return get_u16(ip, ipv4::length_at) == ip.size();
    return get_u16(ip, ipv6::length_at) == ip.size() - ipv6_bytes;
}

/// Finds the TCP or UDP header, if it lies right behind a fixed IP header.
bool find_transport(Segment& segment) {
    const auto ip = segment.ip;
    if (ip.size() < fixed_bytes(ip) + 4) return false;
    if (is_ipv4(ip)) {
        const bool is_fragment = (get_u16(ip, ipv4::fragment_at) & ~ipv4::dont_fragment) != 0;
        if (ipv4_header_bytes(ip) != ipv4_bytes || is_fragment) return false;
    }
    const auto protocol = ip[is_ipv4(ip) ? ipv4::protocol_at : ipv6::next_header_at];
    if (protocol != std::byte{protocol_tcp} && protocol != std::byte{protocol_udp}) return false;
    segment.protocol = std::to_integer<std::uint8_t>(protocol);
    segment.transport_at = static_cast<std::uint16_t>(fixed_bytes(ip));
    return true;
}

/// The size of a TCP header that a segmenter can write; else 0.
std::size_t plain_tcp_bytes(Bytes tcp) {
    if (tcp.size() < tcp_bytes) return 0;
    const bool has_reserved = (tcp[tcp::offset_at] & std::byte{0x0f}) != std::byte{0};
    const bool is_plain = (tcp[tcp::flags_at] & ~tcp::psh) == tcp::ack;
    const auto size = tcp_header_bytes(tcp);
    const bool is_sound = !has_reserved && is_plain && get_u16(tcp, tcp::checksum_at) != 0xffff;
    return is_sound && size >= tcp_bytes ? size : 0;
}

std::size_t plain_udp_bytes(Bytes udp) {
    const bool is_sound = udp.size() >= udp_bytes && get_u16(udp, udp::length_at) == udp.size() &&
                          get_u16(udp, udp::checksum_at) != 0;
    return is_sound ? udp_bytes : 0;
}

/// Whether it may be one of several: it has payload, and all that is computed is right.
bool find_payload(Segment& segment) {
    const auto ip = segment.ip;
    if (!has_right_length(ip)) return false;
    const auto transport = ip.subspan(segment.transport_at);
    const auto header =
        segment.protocol == protocol_tcp ? plain_tcp_bytes(transport) : plain_udp_bytes(transport);
    if (header == 0 || header >= transport.size()) return false;
    segment.header_bytes = static_cast<std::uint16_t>(segment.transport_at + header);
    return (!is_ipv4(ip) || has_right_ipv4_header(ip)) && has_right_checksum(segment);
}

Segment read(MutableBytes ip, Coalescer::Udp udp) {
    Segment segment{.ip = ip};
    if (!find_transport(segment)) return segment;
    segment.fitness = Fitness::single;
    if (segment.protocol == protocol_udp && udp == Coalescer::Udp::alone) return segment;
    if (find_payload(segment)) segment.fitness = Fitness::member;
    return segment;
}

bool agree(const Segment& a, const Segment& b, std::size_t at, std::size_t count) {
    return std::memcmp(a.ip.subspan(at, count).data(), b.ip.subspan(at, count).data(), count) == 0;
}

/// Whether `other` belongs to the flow that `first` leads; a stranger might, between its addresses.
bool is_of_flow(const Segment& first, const Segment& other) {
    if (ip_version(first.ip) != ip_version(other.ip)) return false;
    const auto at = addresses_at(first.ip);
    const auto end = fixed_bytes(first.ip);
    if (other.fitness == Fitness::stranger)
        return other.ip.size() >= end && agree(first, other, at, end - at);
    return first.protocol == other.protocol && agree(first, other, at, end + 4 - at);
}

bool follows_by_ip(const Group& group, const Segment& next) {
    const auto& first = group.first;
    if (!is_ipv4(first.ip))
        return agree(first, next, 0, ipv6::length_at) && agree(first, next, ipv6::hop_limit_at, 1);
    const auto expected = get_u16(first.ip, ipv4::identification_at) + group.frames;
    return agree(first, next, 0, ipv4::length_at) &&
           agree(first, next, ipv4::fragment_at, ipv4::checksum_at - ipv4::fragment_at) &&
           get_u16(next.ip, ipv4::identification_at) == static_cast<std::uint16_t>(expected);
}

bool follows_by_tcp(const Group& group, const Segment& next) {
    const auto& first = group.first;
    const std::size_t at = first.transport_at;
    const auto taken = static_cast<std::uint32_t>(group.bytes - first.header_bytes);
    const auto options_at = at + tcp::urgent_at;
    return get_u32(next.ip, at + tcp::sequence_at) ==
               get_u32(first.ip, at + tcp::sequence_at) + taken &&
           agree(first, next, at + tcp::acknowledgement_at, 4) &&
           agree(first, next, at + tcp::window_at, 2) &&
           agree(first, next, options_at, first.header_bytes - options_at);
}

/// Whether `next`, a member of the same flow, continues an open group.
bool follows(const Group& group, const Segment& next) {
    const auto& first = group.first;
    const bool is_tcp = first.protocol == protocol_tcp;
    const auto most_frames = is_tcp ? Coalescer::most_pieces : Coalescer::most_udp_segments;
    return next.header_bytes == first.header_bytes && payload_bytes(next) <= payload_bytes(first) &&
           group.frames < most_frames &&
           group.bytes + payload_bytes(next) <= Coalescer::most_bytes &&
           follows_by_ip(group, next) && (!is_tcp || follows_by_tcp(group, next));
}

std::byte tcp_flags(const Segment& segment) {
    return segment.protocol == protocol_tcp ? segment.ip[segment.transport_at + tcp::flags_at]
                                            : std::byte{0};
}

/// Whether nothing may come behind `last` in the group of `first`.
bool is_end(const Segment& first, const Segment& last) {
    return payload_bytes(last) < payload_bytes(first) ||
           (tcp_flags(last) & tcp::psh) != std::byte{0};
}

void put_length(MutableBytes ip, std::size_t bytes) {
    if (!is_ipv4(ip))
        return put_u16(ip, ipv6::length_at, static_cast<std::uint16_t>(bytes - ipv6_bytes));
    put_u16(ip, ipv4::length_at, static_cast<std::uint16_t>(bytes));
    put_u16(ip, ipv4::checksum_at, 0);
    put_u16(ip, ipv4::checksum_at, checksum_finish(checksum_add(0, ip.first(ipv4_bytes))));
}

/// Makes the headers of the first frame those of the super-packet.
OffloadHeader seal(const Group& group) {
    const auto& first = group.first;
    const auto ip = first.ip;
    const bool is_tcp = first.protocol == protocol_tcp;
    const auto transport = ip.subspan(first.transport_at);
    const auto transport_bytes = group.bytes - first.transport_at;
    OffloadHeader header{.flags = needs_csum,
                         .hdr_len = first.header_bytes,
                         .gso_size = static_cast<std::uint16_t>(payload_bytes(first)),
                         .csum_start = first.transport_at};

    put_length(ip, group.bytes);
    auto type = GsoType::udp_l4;
    auto checksum_at = udp::checksum_at;
    if (is_tcp) {
        type = is_ipv4(ip) ? GsoType::tcpv4 : GsoType::tcpv6;
        checksum_at = tcp::checksum_at;
        transport[tcp::flags_at] = group.last_flags;
    } else {
        put_u16(transport, udp::length_at, static_cast<std::uint16_t>(transport_bytes));
    }
    const auto at = addresses_at(ip);
    const auto sum =
        sum_with_addresses(first, transport_bytes, ip.subspan(at, fixed_bytes(ip) - at));
    put_u16(transport, checksum_at, static_cast<std::uint16_t>(sum));
    header.gso_type = static_cast<std::uint8_t>(type);
    header.csum_offset = static_cast<std::uint16_t>(checksum_at);
    return header;
}

}  // namespace

struct Coalescer::State {
    void add(const Segment& segment);
    void begin(const Segment& segment);
    void open(std::size_t group);
    /// The pieces of each group side by side.
    std::span<const Write> place();

    Udp udp;
    std::vector<Group> groups;
    std::vector<Piece> pieces_in_order;
    std::vector<Bytes> pieces;  ///< by group
    std::vector<Write> writes;
    std::array<std::size_t, most_open_groups> open_groups{};  ///< joined longest ago first
    std::size_t open_count = 0;
};

Coalescer::Coalescer(Udp udp) : state_(std::make_unique<State>(udp)) {}
Coalescer::Coalescer(Coalescer&&) noexcept = default;
Coalescer& Coalescer::operator=(Coalescer&&) noexcept = default;
Coalescer::~Coalescer() = default;

std::span<const Coalescer::Write> Coalescer::arrange(std::span<Packet* const> frames) {
    auto& state = *state_;
    state.groups.clear();
    state.pieces_in_order.clear();
    state.open_count = 0;
    for (auto* frame : frames)
        if (const auto ip = ip_packet(frame->bytes()); !ip.empty()) state.add(read(ip, state.udp));
    return state.place();
}

void Coalescer::State::add(const Segment& segment) {
    const auto opened = std::span(open_groups).first(open_count);
    const auto is_concerned = [&](std::size_t group) {
        return is_of_flow(groups[group].first, segment);
    };
    if (segment.fitness == Fitness::stranger) {
        open_count -= std::ranges::remove_if(opened, is_concerned).size();
        return begin(segment);
    }
    const auto found = std::ranges::find_if(opened, is_concerned);
    if (found == opened.end()) return begin(segment);

    const auto index = *found;
    std::shift_left(found, opened.end(), 1);
    --open_count;
    auto& group = groups[index];
    if (segment.fitness != Fitness::member || !follows(group, segment)) return begin(segment);
    ++group.frames;
    group.bytes += payload_bytes(segment);
    group.last_flags = tcp_flags(segment);
    pieces_in_order.push_back({segment.ip.subspan(segment.header_bytes), index});
    if (!is_end(group.first, segment)) open(index);
}

void Coalescer::State::begin(const Segment& segment) {
    const auto index = groups.size();
    groups.push_back({.first = segment, .bytes = segment.ip.size()});
    pieces_in_order.push_back({segment.ip, index});
    if (segment.fitness == Fitness::member && !is_end(segment, segment)) open(index);
}

void Coalescer::State::open(std::size_t group) {
    if (open_count == most_open_groups) {
        std::shift_left(open_groups.begin(), open_groups.end(), 1);
        --open_count;
    }
    open_groups[open_count++] = group;
}

std::span<const Coalescer::Write> Coalescer::State::place() {
    std::size_t end = 0;
    for (auto& group : groups) {
        group.pieces_end = end;
        end += group.frames;
    }
    pieces.resize(end);
    for (const auto& piece : pieces_in_order)
        pieces[groups[piece.group].pieces_end++] = piece.bytes;

    writes.clear();
    for (const auto& group : groups) {
        const auto begin = group.pieces_end - group.frames;
        writes.push_back({.header = group.frames == 1 ? OffloadHeader{} : seal(group),
                          .pieces = std::span<const Bytes>(pieces).subspan(begin, group.frames)});
    }
    return writes;
}

}  // namespace tinc::packet
