#include "tinc/packet/neighbour.hpp"

#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <array>

namespace tinc::packet {

namespace {

// ARP of IPv4 over Ethernet (RFC 826), from the start of its message.
constexpr std::size_t arp_bytes = 28;
constexpr std::size_t operation_at = 6;
constexpr std::size_t sender_mac_at = 8;
constexpr std::size_t sender_ip_at = 14;
constexpr std::size_t target_mac_at = 18;
constexpr std::size_t target_ip_at = 24;
constexpr std::array arp_request = {std::byte{0}, std::byte{1}, std::byte{8}, std::byte{0},
                                    std::byte{6}, std::byte{4}, std::byte{0}, std::byte{1}};
constexpr std::uint16_t arp_reply = 2;

// Neighbour discovery (RFC 4861 4.3 and 4.4), from the start of the ICMPv6 message.
constexpr std::size_t solicitation_bytes = 24;
constexpr std::size_t option_bytes = 8;
constexpr std::size_t nd_target_at = 8;
constexpr std::byte solicitation{135};
constexpr std::size_t ipv6_next_header_at = 6;
constexpr std::byte advertisement{136};
constexpr std::byte source_link_address{1};
constexpr std::byte target_link_address{2};
constexpr std::uint32_t solicited = 0x40000000;

constexpr std::size_t ipv6_addresses_at = 8;
constexpr std::size_t nd_at = ethernet_bytes + ipv6_bytes;

MacAddress made_up_neighbour_of(MacAddress mac) {
    mac.back() ^= std::byte{0xff};
    return mac;
}

void put(MutableBytes out, std::size_t at, Bytes bytes) {
    std::ranges::copy(bytes, out.subspan(at).begin());
}

void address_back(MutableBytes frame, const MacAddress& asker) {
    put(frame, 0, asker);
    put(frame, mac_bytes, made_up_neighbour_of(asker));
}

// The whole ICMPv6 message of a valid solicitation, without what a device padded it with.
std::optional<Bytes> find_solicitation(Bytes frame) {
    const auto place = find_ip(frame);
    if (!place || place->family != Family::ipv6 || place->offset != ethernet_bytes)
        return std::nullopt;
    const auto packet = frame.subspan(ethernet_bytes);
    const std::size_t length = get_u16(packet, 4);
    if (packet[ipv6_next_header_at] != std::byte{protocol_icmpv6} || length < solicitation_bytes ||
        length > packet.size() - ipv6_bytes)
        return std::nullopt;
    const auto message = packet.subspan(ipv6_bytes, length);
    if (message[0] != solicitation || message[1] != std::byte{0}) return std::nullopt;
    const auto addresses = packet.subspan(ipv6_addresses_at, 32);
    if (checksum_ipv6(addresses, protocol_icmpv6, message) != 0) return std::nullopt;
    return message;
}

bool has_source_link_address(Bytes message) {
    for (auto rest = message.subspan(solicitation_bytes); rest.size() >= option_bytes;) {
        const auto size = std::to_integer<std::size_t>(rest[1]) * option_bytes;
        if (size == 0 || size > rest.size()) return false;
        if (rest[0] == source_link_address && size == option_bytes) return true;
        rest = rest.subspan(size);
    }
    return false;
}

}  // namespace

std::optional<Address> arp_request_target(Bytes frame) {
    if (frame.size() < ethernet_bytes + arp_bytes || ethertype(frame) != ethertype_arp)
        return std::nullopt;
    const auto arp = frame.subspan(ethernet_bytes);
    if (!std::ranges::equal(arp.first(arp_request.size()), arp_request)) return std::nullopt;
    return Address::v4(
        {arp[target_ip_at], arp[target_ip_at + 1], arp[target_ip_at + 2], arp[target_ip_at + 3]});
}

bool make_arp_reply(Packet& frame) {
    const auto target = arp_request_target(frame.bytes());
    if (!target) return false;

    const auto asker = source_mac(frame.bytes());
    const auto arp = frame.bytes().subspan(ethernet_bytes);
    address_back(frame.bytes(), asker);
    put_u16(arp, operation_at, arp_reply);
    put(arp, target_mac_at, arp.subspan(sender_mac_at, mac_bytes));
    put(arp, target_ip_at, arp.subspan(sender_ip_at, 4));
    put(arp, sender_mac_at, made_up_neighbour_of(asker));
    put(arp, sender_ip_at, target->bytes());
    return true;
}

bool is_neighbour_solicitation(Bytes frame) {
    const auto place = find_ip(frame);
    return place && place->family == Family::ipv6 && place->offset == ethernet_bytes &&
           frame[ethernet_bytes + ipv6_next_header_at] == std::byte{protocol_icmpv6} &&
           frame.size() > nd_at && frame[nd_at] == solicitation;
}

std::optional<Address> neighbour_solicitation_target(Bytes frame) {
    const auto message = find_solicitation(frame);
    if (!message) return std::nullopt;
    std::array<std::byte, 16> target{};
    std::ranges::copy(message->subspan(nd_target_at, target.size()), target.begin());
    return Address::inner_v6(target);
}

bool make_neighbour_advertisement(Packet& frame) {
    const auto request = find_solicitation(frame.bytes());
    const auto header = parse_ip(frame.bytes());
    if (!request || !header || header->source.is_unspecified()) return false;

    const auto asker = source_mac(frame.bytes());
    const bool has_option = has_source_link_address(*request);
    const auto length = solicitation_bytes + (has_option ? option_bytes : 0);
    frame.resize(nd_at + length);
    address_back(frame.bytes(), asker);

    const auto packet = frame.bytes().subspan(ethernet_bytes);
    const auto message = packet.subspan(ipv6_bytes);
    put_u16(packet, 4, static_cast<std::uint16_t>(length));
    packet[7] = std::byte{255};
    put(packet, 24, packet.subspan(8, 16));
    put(packet, 8, message.subspan(nd_target_at, 16));

    message[0] = advertisement;
    put_u32(message, 4, solicited);
    if (has_option) {
        message[solicitation_bytes] = target_link_address;
        message[solicitation_bytes + 1] = std::byte{1};
        put(message, solicitation_bytes + 2, made_up_neighbour_of(asker));
    }
    put_u16(message, 2, 0);
    put_u16(message, 2,
            checksum_ipv6(packet.subspan(ipv6_addresses_at, 32), protocol_icmpv6, message));
    return true;
}

}  // namespace tinc::packet
