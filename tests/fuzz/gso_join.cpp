// Frames of several flows, some of them odd. Joined and split again they are the same, byte for
// byte; none is lost or added, and within a flow, or behind what may belong to it, none overtakes.

#include "support/fuzz_choices.hpp"
#include "support/super_packet.hpp"
#include "tinc/base/error.hpp"
#include "tinc/packet/coalescer.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/packet.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace {

using namespace tinc;
using test::Frame;
using test::SmallChoices;

constexpr std::size_t ip_at = packet::ethernet_bytes;

unsigned byte_at(Bytes bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

/// Makes one frame after the other of a flow.
struct Flow {
    std::uint8_t number = 0;
    std::uint8_t protocol = packet::protocol_tcp;
    std::size_t option_bytes = 0;
    std::size_t payload_bytes = 1;
    std::uint16_t identification = 0;
    std::uint32_t sequence = 0;
};

bool is_v4(const Flow& flow) { return flow.number % 2 == 0; }
bool is_tcp(const Flow& flow) { return flow.protocol == packet::protocol_tcp; }
std::size_t transport_at(const Flow& flow) { return ip_at + (is_v4(flow) ? 20 : 40); }

std::size_t header_bytes(const Flow& flow) {
    return transport_at(flow) + (is_tcp(flow) ? 20 + flow.option_bytes : 8);
}

Flow make_flow(SmallChoices& choose, std::size_t number) {
    constexpr std::array<std::size_t, 6> sizes{1, 2, 13, 100, 536, 1300};
    Flow flow{.number = static_cast<std::uint8_t>(number)};
    if (choose.once_in(3)) flow.protocol = packet::protocol_udp;
    flow.option_bytes = choose.below(3) * 4;
    flow.payload_bytes = sizes[choose.below(sizes.size())];
    flow.identification = static_cast<std::uint16_t>(choose.once_in(4) ? 0xfffe : number);
    flow.sequence = choose.once_in(4) ? 0xffffff80 : 77;
    return flow;
}

void put_ip_header(const Flow& flow, Frame& frame) {
    const auto ip = std::span(frame).subspan(ip_at);
    put_u16(frame, 12, is_v4(flow) ? packet::ethertype_ipv4 : packet::ethertype_ipv6);
    if (is_v4(flow)) {
        put_u16(ip, 0, 0x4500);
        put_u16(ip, 2, static_cast<std::uint16_t>(ip.size()));
        put_u16(ip, 4, flow.identification);
        put_u16(ip, 6, 0x4000);
        put_u16(ip, 8, static_cast<std::uint16_t>(0x4000 + flow.protocol));
        put_u32(ip, 12, 0x0a000001);
        put_u32(ip, 16, 0x0a000002);
    } else {
        put_u16(ip, 0, 0x6000);
        put_u16(ip, 4, static_cast<std::uint16_t>(ip.size() - 40));
        put_u16(ip, 6, static_cast<std::uint16_t>(flow.protocol * 256 + 64));
        put_u16(ip, 8, 0xfd01);
        put_u16(ip, 24, 0xfd02);
    }
}

void put_transport_header(const Flow& flow, std::uint8_t flags, Frame& frame) {
    const auto transport = std::span(frame).subspan(transport_at(flow));
    put_u16(transport, 0, static_cast<std::uint16_t>(1000 + flow.number / 2));
    put_u16(transport, 2, 2000);
    if (is_tcp(flow)) {
        const auto words = 5 + flow.option_bytes / 4;
        put_u32(transport, 4, flow.sequence);
        put_u32(transport, 8, 0x11223344);
        put_u16(transport, 12, static_cast<std::uint16_t>((words << 12U) + flags));
        put_u16(transport, 14, 0x7000);
    } else {
        put_u16(transport, 4, static_cast<std::uint16_t>(transport.size()));
    }
}

void put_checksums(const Flow& flow, Frame& frame) {
    const auto ip = std::span(frame).subspan(ip_at);
    if (is_v4(flow)) {
        put_u16(ip, 10, 0);
        put_u16(ip, 10, packet::checksum_finish(packet::checksum_add(0, ip.first(20))));
    }
    const auto transport = std::span(frame).subspan(transport_at(flow));
    const std::size_t at = is_tcp(flow) ? 16 : 6;
    put_u16(transport, at, 0);
    const auto covered = ip.subspan(is_v4(flow) ? 12 : 8);
    const auto sum = static_cast<std::uint32_t>(flow.protocol + transport.size());
    const auto checksum = packet::checksum_finish(packet::checksum_add(sum, covered));
    put_u16(transport, at, !is_tcp(flow) && checksum == 0 ? 0xffff : checksum);
}

void flip(SmallChoices& choose, Frame& frame, std::size_t from, std::size_t bytes) {
    frame[from + choose.below(bytes)] ^= static_cast<std::byte>(1U << choose.below(8));
}

void damage(SmallChoices& choose, const Flow& flow, Frame& frame) {
    switch (choose.below(8)) {
        case 0:
            frame.resize(choose.below(frame.size()));
            break;
        case 1:
            frame.emplace_back();
            break;
        case 2:
            flip(choose, frame, 0, frame.size());
            break;
        case 3:
            put_u16(frame, transport_at(flow) + (is_tcp(flow) ? 16 : 6), 0xffff);
            break;
        case 4:
            put_u16(frame, transport_at(flow) + (is_tcp(flow) ? 16 : 6), 0);
            break;
        case 5:
            put_u16(frame, ip_at + 10, 0xffff);
            break;
        case 6:
            flip(choose, frame, 12, 3);
            break;
        default:
            flip(choose, frame, ip_at, header_bytes(flow) - ip_at);
            break;
    }
    std::ranges::fill(std::span(frame).first(std::min<std::size_t>(frame.size(), 12)),
                      std::byte{0});
}

/// The next frame of a flow: mostly as it should be.
Frame next_frame(SmallChoices& choose, Flow& flow) {
    const auto event = choose.below(32);
    auto payload = flow.payload_bytes;
    if (event == 1) payload = choose.below(payload + 2);
    if (event == 2) ++flow.sequence;
    if (event == 3) ++flow.identification;
    const std::uint8_t flags = event == 4   ? static_cast<std::uint8_t>(choose.below(256))
                               : event == 5 ? 0x18
                                            : 0x10;

    Frame frame(header_bytes(flow) + payload, static_cast<std::byte>(flow.identification));
    std::fill_n(frame.begin(), header_bytes(flow), std::byte{0});
    put_ip_header(flow, frame);
    put_transport_header(flow, flags, frame);
    if (event == 6) flip(choose, frame, ip_at, header_bytes(flow) - ip_at);
    put_checksums(flow, frame);
    if (event == 7) damage(choose, flow, frame);
    flow.sequence += static_cast<std::uint32_t>(payload);
    ++flow.identification;
    return frame;
}

bool is_for_device(Bytes frame) {
    if (frame.size() <= ip_at) return false;
    const auto version = byte_at(frame, ip_at) >> 4U;
    const auto type = get_u16(frame, 12);
    return (type == 0x0800 && version == 4) || (type == 0x86dd && version == 6);
}

/// The ports and protocol, if they can be seen at all.
Frame ports_of(Bytes ip, std::size_t header) {
    const bool v4 = header == 20;
    const auto protocol = byte_at(ip, v4 ? 9 : 6);
    const bool is_plain = !v4 || (byte_at(ip, 0) == 0x45 && (get_u16(ip, 6) & 0xbfffU) == 0);
    if ((protocol != 6 && protocol != 17) || !is_plain || ip.size() < header + 4) return {};
    Frame out(ip.begin() + static_cast<std::ptrdiff_t>(header),
              ip.begin() + static_cast<std::ptrdiff_t>(header + 4));
    out.push_back(static_cast<std::byte>(protocol));
    return out;
}

/// Whether `b` may not overtake `a`.
bool are_in_order(Bytes a, Bytes b) {
    const auto first = a.subspan(ip_at);
    const auto second = b.subspan(ip_at);
    if (byte_at(first, 0) >> 4U != byte_at(second, 0) >> 4U) return false;
    const bool v4 = byte_at(first, 0) >> 4U == 4;
    const std::size_t header = v4 ? 20 : 40;
    if (first.size() < header || second.size() < header) return false;
    const std::size_t at = v4 ? 12 : 8;
    if (!std::ranges::equal(first.subspan(at, header - at), second.subspan(at, header - at)))
        return false;
    const auto ports = ports_of(first, header);
    const auto other = ports_of(second, header);
    return ports.empty() || other.empty() || ports == other;
}

std::vector<Frame> joined_and_split(packet::Coalescer::Udp udp, const std::vector<Frame>& sent) {
    std::vector<std::unique_ptr<packet::Packet>> packets;
    std::vector<packet::Packet*> pointers;
    for (const auto& frame : sent) {
        packets.push_back(std::make_unique<packet::Packet>());
        packets.back()->assign(frame);
        pointers.push_back(packets.back().get());
    }
    packet::Coalescer coalescer(udp);
    std::vector<Frame> out;
    for (const auto& write : coalescer.arrange(pointers)) {
        Frame ip;
        for (const auto& piece : write.pieces) ip.insert(ip.end(), piece.begin(), piece.end());
        const auto frames = test::split(write.header, ip);
        TINC_ASSERT(frames.has_value() && frames->size() == write.pieces.size());
        out.insert(out.end(), frames->begin(), frames->end());
    }
    return out;
}

/// Where in `sent` each of `got` is; equal ones in order.
std::vector<std::size_t> places(const std::vector<Frame>& got, const std::vector<Frame>& sent) {
    std::vector<char> is_taken(sent.size());
    std::vector<std::size_t> out;
    for (const auto& frame : got) {
        std::size_t at = 0;
        while (at < sent.size() && (is_taken[at] != 0 || sent[at] != frame)) ++at;
        TINC_ASSERT(at < sent.size());
        is_taken[at] = 1;
        out.push_back(at);
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    SmallChoices choose(data, size);
    std::vector<Flow> flows;
    const auto flow_count = 1 + choose.below(10);
    for (std::size_t i = 0; i < flow_count; ++i) flows.push_back(make_flow(choose, i));
    std::vector<Frame> sent;
    for (auto left = choose.below(24); left > 0; --left)
        sent.push_back(next_frame(choose, flows[choose.below(flow_count)]));

    const auto udp =
        choose.once_in(8) ? packet::Coalescer::Udp::alone : packet::Coalescer::Udp::joined;
    const auto got = joined_and_split(udp, sent);
    std::erase_if(sent, [](const Frame& frame) { return !is_for_device(frame); });
    TINC_ASSERT(got.size() == sent.size());
    const auto order = places(got, sent);
    for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t k = i + 1; k < order.size(); ++k)
            TINC_ASSERT(order[i] < order[k] || !are_in_order(sent[order[k]], sent[order[i]]));
    return 0;
}
