// What a kernel hands over, in all shapes, and what none would. Frames of a super-packet have right
// checksums and are what its header says; whatever was accepted is there again, byte for byte.

#include "support/frames.hpp"
#include "support/fuzz_choices.hpp"
#include "support/super_packet.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/offload.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace {

using namespace tinc;
using packet::OffloadHeader;
using test::Frame;
using test::SmallChoices;

// Of most super-packets, for speed.
constexpr std::size_t most_frames = 12;
constexpr std::size_t most_payload_bytes = 3'000;

struct Shape {
    OffloadHeader header;
    Frame ip;
    std::uint8_t protocol = 0;
    std::size_t header_bytes = 0;
};

void append(Frame& out, std::size_t count, std::uint8_t salt) {
    const auto at = out.size();
    out.resize(at + count);
    for (std::size_t i = 0; i < count; ++i)
        out[at + i] = static_cast<std::byte>((i * 167 + salt) ^ (i >> 8U));
}

void put_ipv4_header(SmallChoices& choose, Shape& shape) {
    const auto words = 5 + choose.below(11);
    shape.ip.resize(words * 4);
    choose.fill(shape.ip);
    shape.ip[0] = static_cast<std::byte>(0x40U + words);
    put_u16(shape.ip, 6, choose.once_in(2) ? 0x4000 : 0);
    shape.ip[9] = std::byte{shape.protocol};
}

void put_ipv6_header(SmallChoices& choose, Shape& shape) {
    constexpr std::array extensions{std::byte{0}, std::byte{43}, std::byte{60}};
    shape.ip.resize(40);
    choose.fill(shape.ip);
    shape.ip[0] = std::byte{0x60};
    std::size_t next_at = 6;
    for (auto left = choose.below(6); left > 3; --left) {
        const auto words = choose.below(3);
        shape.ip[next_at] = extensions[choose.below(extensions.size())];
        next_at = shape.ip.size();
        append(shape.ip, 8 + words * 8, choose.once_in(2) ? 7 : 0);
        shape.ip[next_at + 1] = static_cast<std::byte>(words);
    }
    shape.ip[next_at] = std::byte{shape.protocol};
}

void put_transport_header(SmallChoices& choose, Shape& shape) {
    const auto at = shape.ip.size();
    const bool is_tcp = shape.protocol == packet::protocol_tcp;
    const auto words = is_tcp ? 5 + choose.below(11) : 2;
    shape.ip.resize(at + words * 4);
    choose.fill(std::span(shape.ip).subspan(at));
    if (is_tcp) shape.ip[at + 12] = static_cast<std::byte>(words << 4U);
    shape.header_bytes = shape.ip.size();
    shape.header.csum_start = static_cast<std::uint16_t>(at);
    shape.header.csum_offset = is_tcp ? 16 : 6;
}

std::size_t payload_bytes(SmallChoices& choose, std::uint16_t gso_size) {
    const std::size_t whole = choose.below(most_frames) * gso_size;
    switch (choose.below(5)) {
        case 0:
            return whole;
        case 1:
            return whole + 1;
        case 2:
            return whole + gso_size - 1U;
        case 3:
            return choose.below(2);
        default:
            return whole + choose.below(gso_size);
    }
}

Shape make_packet(SmallChoices& choose) {
    constexpr std::array<std::uint16_t, 8> usual{1, 2, 3, 100, 536, 1387, 1448, 1464};
    Shape shape;
    const bool is_v4 = choose.once_in(2);
    shape.protocol = choose.once_in(2) ? packet::protocol_udp : packet::protocol_tcp;
    if (is_v4)
        put_ipv4_header(choose, shape);
    else
        put_ipv6_header(choose, shape);
    put_transport_header(choose, shape);

    auto size = choose.once_in(8) ? choose.u16() : usual[choose.below(usual.size())];
    size = std::max<std::uint16_t>(size, 1);
    const auto room = choose.once_in(64) ? 65'535 - shape.ip.size() : most_payload_bytes;
    append(shape.ip, std::min(payload_bytes(choose, size), room), 3);
    put_u16(shape.ip, is_v4 ? 2 : 4,
            static_cast<std::uint16_t>(shape.ip.size() - (is_v4 ? 0U : 40U)));
    test::leave_checksum_open(shape.ip, shape.protocol, shape.header.csum_start);

    const auto tcp_type = is_v4 ? packet::GsoType::tcpv4 : packet::GsoType::tcpv6;
    const auto type = shape.protocol == packet::protocol_tcp ? tcp_type : packet::GsoType::udp_l4;
    shape.header.flags = packet::needs_csum;
    shape.header.gso_type = static_cast<std::uint8_t>(type);
    shape.header.gso_size = size;
    shape.header.hdr_len = choose.u16();
    return shape;
}

unsigned flags_of(Bytes ip, std::size_t transport_at) {
    return std::to_integer<unsigned>(ip[transport_at + 13]);
}

/// What must be equal in all headers: all but lengths, identification, checksums, sequence, flags.
Frame constant_part(Bytes ip, const Shape& shape) {
    Frame out(ip.begin(), ip.begin() + static_cast<std::ptrdiff_t>(shape.header_bytes));
    const std::size_t at = shape.header.csum_start;
    const bool is_v4 = std::to_integer<unsigned>(ip[0]) >> 4U == 4;
    const auto blank = [&](std::size_t from, std::size_t count) {
        std::ranges::fill(std::span(out).subspan(from, count), std::byte{0});
    };
    blank(is_v4 ? 2 : 4, is_v4 ? 4 : 2);
    if (is_v4) blank(10, 2);
    blank(at + shape.header.csum_offset, 2);
    blank(at + 4, shape.protocol == packet::protocol_tcp ? 4 : 2);
    if (shape.protocol == packet::protocol_tcp) blank(at + 13, 1);
    return out;
}

void check_tcp_fields(Bytes ip, const Shape& shape, std::size_t index, std::size_t count) {
    const std::size_t at = shape.header.csum_start;
    const auto taken = static_cast<std::uint32_t>(index * shape.header.gso_size);
    TINC_ASSERT(get_u32(ip, at + 4) == get_u32(shape.ip, at + 4) + taken);
    auto flags = flags_of(shape.ip, at);
    if (index > 0) flags &= ~0x80U;
    if (index + 1 < count) flags &= ~0x09U;
    TINC_ASSERT(flags_of(ip, at) == flags);
}

void check_segments(const Shape& shape, const std::vector<Frame>& frames) {
    const std::size_t size = shape.header.gso_size;
    const auto payload = shape.ip.size() - shape.header_bytes;
    TINC_ASSERT(frames.size() == std::max<std::size_t>(1, (payload + size - 1) / size));
    const auto expected = constant_part(shape.ip, shape);
    const bool is_v4 = std::to_integer<unsigned>(shape.ip[0]) >> 4U == 4;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const auto ip = Bytes(frames[i]).subspan(packet::ethernet_bytes);
        TINC_ASSERT(test::is_right(frames[i]));
        TINC_ASSERT(test::is_right_message(ip, shape.protocol, shape.header.csum_start));
        TINC_ASSERT(constant_part(ip, shape) == expected);
        TINC_ASSERT(ip.size() == shape.header_bytes + std::min(size, payload - i * size));
        if (is_v4)
            TINC_ASSERT(get_u16(ip, 4) == static_cast<std::uint16_t>(get_u16(shape.ip, 4) + i));
        if (shape.protocol == packet::protocol_tcp) check_tcp_fields(ip, shape, i, frames.size());
    }
}

/// Holds for whatever was accepted: the frames have headers of one size, and the payload between
/// them is that of the packet.
void check_payload(Bytes ip, const std::vector<Frame>& frames) {
    const auto count = frames.size();
    std::size_t bytes = 0;
    for (const auto& frame : frames) {
        TINC_ASSERT(frame.size() <= limits::frame_bytes);
        bytes += frame.size() - packet::ethernet_bytes;
    }
    if (count == 1) {
        TINC_ASSERT(bytes == ip.size());
        return;
    }
    TINC_ASSERT((bytes - ip.size()) % (count - 1) == 0);
    const auto header_bytes = (bytes - ip.size()) / (count - 1);
    auto rest = ip.subspan(header_bytes);
    for (const auto& frame : frames) {
        const auto payload = Bytes(frame).subspan(packet::ethernet_bytes + header_bytes);
        TINC_ASSERT(std::ranges::equal(payload, rest.first(payload.size())));
        rest = rest.subspan(payload.size());
    }
    TINC_ASSERT(rest.empty());
}

void check_any(const OffloadHeader& header, Bytes ip) {
    const auto frames = test::split(header, ip);
    if (frames) check_payload(ip, *frames);
}

void check_super_packet(const Shape& shape) {
    const std::size_t size = shape.header.gso_size;
    const auto largest = shape.header_bytes + std::min(size, shape.ip.size() - shape.header_bytes);
    const auto frames = test::split(shape.header, shape.ip);
    TINC_ASSERT(frames.has_value() == (largest + packet::ethernet_bytes <= limits::frame_bytes));
    if (!frames) return;
    check_payload(shape.ip, *frames);
    check_segments(shape, *frames);
}

void check_whole_packet(Shape shape) {
    shape.header.gso_type = 0;
    if (shape.protocol == packet::protocol_udp)
        put_u16(shape.ip, shape.header.csum_start + 4U,
                static_cast<std::uint16_t>(shape.ip.size() - shape.header.csum_start));
    const auto frames = test::split(shape.header, shape.ip);
    TINC_ASSERT(frames.has_value() ==
                (shape.ip.size() + packet::ethernet_bytes <= limits::frame_bytes));
    if (!frames) return;
    const auto ip = Bytes(frames->front()).subspan(packet::ethernet_bytes);
    TINC_ASSERT(test::is_right_message(ip, shape.protocol, shape.header.csum_start));
    const auto checksum_at =
        std::size_t{shape.header.csum_start} + std::size_t{shape.header.csum_offset};
    put_u16(shape.ip, checksum_at, get_u16(ip, checksum_at));
    TINC_ASSERT(std::ranges::equal(ip, shape.ip));
}

void damage(SmallChoices& choose, Shape& shape) {
    switch (choose.below(4)) {
        case 0:
            shape.ip[choose.below(shape.header_bytes)] ^= std::byte{1} << choose.below(8);
            break;
        case 1:
            shape.ip.resize(choose.below(shape.ip.size()));
            break;
        case 2:
            put_u16(shape.ip, shape.header.csum_start + shape.header.csum_offset, choose.u16());
            break;
        default: {
            std::array<std::byte, packet::offload_header_bytes> bytes{};
            write(bytes, shape.header);
            bytes[choose.below(bytes.size())] = static_cast<std::byte>(choose.below(256));
            shape.header = packet::parse_offload_header(bytes);
            shape.header.gso_size = std::max(shape.header.gso_size, std::uint16_t{64});
        }
    }
}

void ask_of_anything(SmallChoices& choose) {
    std::array<std::byte, packet::offload_header_bytes> bytes{};
    choose.fill(bytes);
    Frame ip(choose.below(300));
    choose.fill(ip);
    check_any(packet::parse_offload_header(bytes), ip);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    SmallChoices choose(data, size);
    const auto question = choose.below(8);
    if (question == 0) {
        ask_of_anything(choose);
        return 0;
    }
    auto shape = make_packet(choose);
    if (question == 1) {
        check_whole_packet(shape);
    } else if (question == 2) {
        damage(choose, shape);
        check_any(shape.header, shape.ip);
    } else {
        check_super_packet(shape);
    }
    return 0;
}
