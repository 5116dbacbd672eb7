#include "tinc/packet/icmp.hpp"

#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <cstring>

namespace tinc::packet {

namespace {

constexpr std::size_t icmp_bytes = 8;
constexpr std::size_t icmp_packet_bytes = 576;  // every IPv4 host can take that much: RFC 791
constexpr std::uint8_t our_hop_limit = 255;

struct TypeAndCode {
    std::uint8_t type;
    std::uint8_t code;
};

TypeAndCode ipv4_message(Unreachable reason) {
    switch (reason) {
        case Unreachable::no_subnet:
            return {3, 6};
        case Unreachable::owner_down:
            return {3, 0};
        case Unreachable::prohibited:
            return {3, 9};
        case Unreachable::too_big:
            return {3, 4};
        case Unreachable::time_exceeded:
            return {11, 0};
    }
    return {3, 0};
}

TypeAndCode ipv6_message(Unreachable reason) {
    switch (reason) {
        case Unreachable::no_subnet:
            return {1, 3};
        case Unreachable::owner_down:
            return {1, 0};
        case Unreachable::prohibited:
            return {1, 1};
        case Unreachable::too_big:
            return {2, 0};
        case Unreachable::time_exceeded:
            return {3, 0};
    }
    return {1, 0};
}

// What follows the IP header and its extensions. `offset` may be the end of the packet.
struct UpperLayer {
    std::uint8_t protocol;
    std::size_t offset;
};

// Nothing if the header is cut short or this is not the first fragment.
std::optional<UpperLayer> ipv4_upper_layer(Bytes packet) {
    const std::size_t offset = (std::to_integer<std::size_t>(packet[0]) & 0xfU) * 4;
    if (offset > packet.size() || (get_u16(packet, 6) & 0x1fffU) != 0) return std::nullopt;
    return UpperLayer{std::to_integer<std::uint8_t>(packet[9]), offset};
}

// The same through the chain of extension headers. Each is at least 8 bytes long, so it ends.
std::optional<UpperLayer> ipv6_upper_layer(Bytes packet) {
    auto protocol = std::to_integer<std::uint8_t>(packet[6]);
    std::size_t offset = ipv6_bytes;
    for (;;) {
        const bool is_generic = protocol == 0 || protocol == 43 || protocol == 60 ||
                                protocol == 135 || protocol == 139 || protocol == 140;
        const bool is_fragment = protocol == 44;
        const bool is_authentication = protocol == 51;
        if (!is_generic && !is_fragment && !is_authentication) return UpperLayer{protocol, offset};

        if (packet.size() - offset < 8) return std::nullopt;
        const auto length = std::to_integer<std::size_t>(packet[offset + 1]);
        if (is_fragment && (get_u16(packet, offset + 2) & 0xfff8U) != 0) return std::nullopt;
        protocol = std::to_integer<std::uint8_t>(packet[offset]);
        if (is_generic) offset += (length + 1) * 8;
        if (is_fragment) offset += 8;
        if (is_authentication) offset += (length + 2) * 4;
        if (offset > packet.size()) return std::nullopt;
    }
}

bool is_icmp_error(std::uint8_t type) {
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

bool is_icmpv6_error(std::uint8_t type) {
    constexpr std::uint8_t redirect = 137;
    return type < 128 || type == redirect;
}

bool may_answer_upper_layer(Bytes packet, Family family) {
    const bool is_ipv4 = family == Family::ipv4;
    const auto upper = is_ipv4 ? ipv4_upper_layer(packet) : ipv6_upper_layer(packet);
    if (!upper) return false;
    if (upper->protocol != (is_ipv4 ? protocol_icmp : protocol_icmpv6)) return true;
    if (upper->offset >= packet.size()) return false;
    const auto type = std::to_integer<std::uint8_t>(packet[upper->offset]);
    return is_ipv4 ? !is_icmp_error(type) : !is_icmpv6_error(type);
}

bool is_class_e(const Address& address) {
    return address.family() == Family::ipv4 &&
           (address.bytes()[0] & std::byte{0xf0}) == std::byte{0xf0};
}

bool is_broadcast(const Address& address) {
    return address.family() == Family::ipv4 &&
           std::ranges::all_of(address.bytes(), [](std::byte b) { return b == std::byte{0xff}; });
}

bool may_answer(Bytes frame, const IpPlace& place) {
    const bool is_ethernet_group = (frame[0] & std::byte{1}) != std::byte{0};
    if (is_ethernet_group) return false;
    const auto ip = parse_tagged_ip(frame);
    if (!ip || ip->destination.is_multicast() || is_broadcast(ip->destination)) return false;
    if (ip->source.is_unspecified() || ip->source.is_multicast() || ip->source.is_loopback() ||
        is_class_e(ip->source))
        return false;
    return may_answer_upper_layer(frame.subspan(place.offset), place.family);
}

void swap_ethernet_addresses(MutableBytes frame) {
    std::ranges::swap_ranges(frame.first(mac_bytes), frame.subspan(mac_bytes, mac_bytes));
}

// Our source address: the one asked for, or that of the packet's destination.
Bytes answering_address(const IcmpOptions& options, Unreachable reason, Family family,
                        Bytes destination) {
    if (reason == Unreachable::time_exceeded && options.source &&
        options.source->family() == family)
        return options.source->bytes();
    return destination;
}

// `packet` is room for both headers, and behind them the quote.
void write_ipv4(MutableBytes packet, Unreachable reason, const IcmpOptions& options) {
    const auto header = packet.first(ipv4_bytes);
    const auto message = packet.subspan(ipv4_bytes);
    const auto quote = message.subspan(icmp_bytes);
    std::ranges::fill(packet.first(ipv4_bytes + icmp_bytes), std::byte{0});

    header[0] = std::byte{0x45};
    put_u16(header, 2, static_cast<std::uint16_t>(packet.size()));
    header[8] = std::byte{our_hop_limit};
    header[9] = std::byte{protocol_icmp};
    std::ranges::copy(answering_address(options, reason, Family::ipv4, quote.subspan(16, 4)),
                      header.subspan(12).begin());
    std::ranges::copy(quote.subspan(12, 4), header.subspan(16).begin());
    put_u16(header, 10, checksum_finish(checksum_add(0, header)));

    const auto [type, code] = ipv4_message(reason);
    message[0] = std::byte{type};
    message[1] = std::byte{code};
    if (reason == Unreachable::too_big) put_u16(message, 6, options.mtu);
    put_u16(message, 2, checksum_finish(checksum_add(0, message)));
}

void write_ipv6(MutableBytes packet, Unreachable reason, const IcmpOptions& options) {
    const auto header = packet.first(ipv6_bytes);
    const auto message = packet.subspan(ipv6_bytes);
    const auto quote = message.subspan(icmp_bytes);
    std::ranges::fill(packet.first(ipv6_bytes + icmp_bytes), std::byte{0});

    header[0] = std::byte{0x60};
    put_u16(header, 4, static_cast<std::uint16_t>(message.size()));
    header[6] = std::byte{protocol_icmpv6};
    header[7] = std::byte{our_hop_limit};
    std::ranges::copy(answering_address(options, reason, Family::ipv6, quote.subspan(24, 16)),
                      header.subspan(8).begin());
    std::ranges::copy(quote.subspan(8, 16), header.subspan(24).begin());

    const auto [type, code] = ipv6_message(reason);
    message[0] = std::byte{type};
    message[1] = std::byte{code};
    if (reason == Unreachable::too_big) put_u32(message, 4, options.mtu);
    put_u16(message, 2, checksum_ipv6(header.subspan(8), protocol_icmpv6, message));
}

}  // namespace

bool make_icmp_error(Packet& frame, Unreachable reason, const IcmpOptions& options) {
    const auto place = find_ip(frame.bytes());
    if (!place || !may_answer(frame.bytes(), *place)) return false;

    const bool is_ipv4 = place->family == Family::ipv4;
    const auto header_bytes = (is_ipv4 ? ipv4_bytes : ipv6_bytes) + icmp_bytes;
    const auto quote_bytes =
        std::min(frame.size() - place->offset, icmp_packet_bytes - header_bytes);
    const auto size = place->offset + header_bytes + quote_bytes;
    if (size > frame.room()) return false;

    frame.resize(size);
    const auto packet = frame.bytes().subspan(place->offset);
    std::memmove(packet.data() + header_bytes, packet.data(), quote_bytes);
    swap_ethernet_addresses(frame.bytes());
    if (is_ipv4)
        write_ipv4(packet, reason, options);
    else
        write_ipv6(packet, reason, options);
    return true;
}

}  // namespace tinc::packet
