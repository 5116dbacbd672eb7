#include "support/frames.hpp"

#include "tinc/base/endpoint.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace tinc::test {

namespace {

constexpr std::size_t ethernet_bytes = 14;

unsigned byte_at(Bytes bytes, std::size_t at) { return std::to_integer<unsigned>(bytes[at]); }

/// Word by word as RFC 1071 defines it; 0 over data that holds its own right checksum.
std::uint16_t full_checksum(Bytes data) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < data.size(); ++i) {
        sum += i % 2 == 0 ? byte_at(data, i) * 256 : byte_at(data, i);
        if (sum > 0xffff) sum -= 0xffff;
    }
    return static_cast<std::uint16_t>(0xffff - sum);
}

Address address_of(std::string_view text) {
    const auto address = Address::parse(text);
    if (!address) {
        std::fprintf(stderr, "%.*s is not an address\n", static_cast<int>(text.size()),
                     text.data());
        std::exit(1);
    }
    return *address;
}

bool is_v4(const IpFields& ip) { return address_of(ip.source).family() == Family::ipv4; }

void append(Frame& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void append_u16(Frame& out, std::size_t value) {
    out.push_back(static_cast<std::byte>(value >> 8U));
    out.push_back(static_cast<std::byte>(value & 0xffU));
}

Frame pseudo_header(Bytes addresses, std::size_t protocol, std::size_t length) {
    Frame out(addresses.begin(), addresses.end());
    append_u16(out, 0);
    append_u16(out, length);
    append_u16(out, 0);
    append_u16(out, protocol);
    return out;
}

Frame pseudo_header(const IpFields& ip, std::size_t protocol, std::size_t length) {
    Frame addresses;
    append(addresses, address_of(ip.source).bytes());
    append(addresses, address_of(ip.destination).bytes());
    return pseudo_header(addresses, protocol, length);
}

/// A message with a pseudo-header and its checksum at `at`.
void put_checksum(Frame& message, std::size_t at, Frame pseudo) {
    put_u16(message, at, 0);
    append(pseudo, message);
    put_u16(message, at, full_checksum(pseudo));
}

Frame ethernet(std::size_t type) {
    Frame out = mac(2);
    append(out, mac(1));
    append_u16(out, type);
    return out;
}

Bytes addresses_of(Bytes packet) {
    return byte_at(packet, 0) >> 4U == 4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
}

bool is_right_v4(Bytes packet) {
    if (packet.size() < 20 || get_u16(packet, 2) != packet.size()) return false;
    const std::size_t header = (byte_at(packet, 0) & 0xfU) * 4;
    if (byte_at(packet, 0) >> 4U != 4 || header < 20 || header > packet.size()) return false;
    if (full_checksum(packet.first(header)) != 0) return false;
    if ((get_u16(packet, 6) & 0x3fffU) != 0) return true;
    return is_right_message(packet, std::to_integer<std::uint8_t>(packet[9]), header);
}

bool is_right_v6(Bytes packet) {
    if (packet.size() < 40 || byte_at(packet, 0) >> 4U != 6) return false;
    if (get_u16(packet, 4) != packet.size() - 40) return false;
    return is_right_message(packet, std::to_integer<std::uint8_t>(packet[6]), 40);
}

}  // namespace

Frame ip_frame(const IpFields& ip, std::uint8_t protocol, Bytes payload) {
    Frame out = ethernet(is_v4(ip) ? 0x0800 : 0x86dd);
    if (is_v4(ip)) {
        append_u16(out, 0x4500U + ip.traffic_class);
        append_u16(out, 20 + payload.size());
        append_u16(out, ip.identification);
        append_u16(out, ip.flags_and_offset);
        append_u16(out, ip.hop_limit * 256U + protocol);
        append_u16(out, 0);
    } else {
        append_u16(out, 0x6000U + ip.traffic_class * 16U);
        append_u16(out, 0);
        append_u16(out, payload.size());
        append_u16(out, protocol * 256U + ip.hop_limit);
    }
    append(out, address_of(ip.source).bytes());
    append(out, address_of(ip.destination).bytes());
    if (is_v4(ip)) put_u16(out, 24, full_checksum(Bytes(out).subspan(ethernet_bytes)));
    append(out, payload);
    return out;
}

Frame udp_frame(const IpFields& ip, std::size_t data_bytes) {
    Frame data;
    for (std::size_t i = 0; i < data_bytes; ++i) data.push_back(std::byte(i & 0xffU));
    return udp_frame(ip, UdpFields{}, data);
}

Frame udp_frame(const IpFields& ip, const UdpFields& udp, Bytes data) {
    Frame message;
    append_u16(message, udp.source_port);
    append_u16(message, udp.destination_port);
    append_u16(message, 8 + data.size());
    append_u16(message, 0);
    append(message, data);
    put_checksum(message, 6, pseudo_header(ip, 17, message.size()));
    if (get_u16(message, 6) == 0) put_u16(message, 6, 0xffff);
    return ip_frame(ip, 17, message);
}

Frame tcp_frame(const IpFields& ip, const TcpFields& tcp, Bytes data) {
    const std::size_t words = 5 + (tcp.options.size() + 3) / 4;
    Frame message(words * 4);
    put_u16(message, 0, tcp.source_port);
    put_u16(message, 2, tcp.destination_port);
    put_u32(message, 4, tcp.sequence);
    put_u32(message, 8, tcp.acknowledgement);
    put_u16(message, 12, static_cast<std::uint16_t>((words << 12U) + tcp.flags));
    put_u16(message, 14, tcp.window);
    std::ranges::copy(tcp.options, message.begin() + 20);
    append(message, data);
    put_checksum(message, 16, pseudo_header(ip, 6, message.size()));
    return ip_frame(ip, 6, message);
}

Frame tcp_frame(const IpFields& ip, Bytes options, std::size_t data_bytes) {
    return tcp_frame(ip, {.flags = 0x02, .options = options}, Frame(data_bytes));
}

Frame icmp_frame(const IpFields& ip, std::uint8_t type, std::uint8_t code, Bytes body) {
    Frame message;
    append_u16(message, type * 256U + code);
    append_u16(message, 0);
    append(message, body);
    put_checksum(message, 2, is_v4(ip) ? Frame{} : pseudo_header(ip, 58, message.size()));
    return ip_frame(ip, is_v4(ip) ? 1 : 58, message);
}

Frame arp_request_frame(std::string_view sender, std::string_view target) {
    Frame out(6, std::byte{0xff});
    append(out, mac(1));
    append(out, frame_of("0806 0001 0800 06 04 0001"));
    append(out, mac(1));
    append(out, address_of(sender).bytes());
    append(out, mac(0));
    append(out, address_of(target).bytes());
    return out;
}

Frame solicitation_frame(std::string_view source, std::string_view target, Bytes options) {
    Frame body(4);
    append(body, address_of(target).bytes());
    append(body, options);
    return icmp_frame({.source = source, .destination = "ff02::1:ff00:2", .hop_limit = 255}, 135, 0,
                      body);
}

Frame with_vlan_tag(const Frame& frame) {
    Frame out(frame.begin(), frame.begin() + 12);
    append(out, frame_of("8100 0005"));
    append(out, Bytes(frame).subspan(12));
    return out;
}

Frame frame_of(std::string_view hex) {
    std::string digits(hex);
    std::erase(digits, ' ');
    const auto bytes = parse_hex(digits);
    if (!bytes) {
        std::fprintf(stderr, "%s is not hexadecimal\n", digits.c_str());
        std::exit(1);
    }
    return *bytes;
}

Frame mac(std::uint8_t last) {
    Frame out = frame_of("02 00 00 00 00 00");
    out.back() = std::byte{last};
    return out;
}

Frame between(std::uint8_t source, std::uint8_t destination, Frame frame) {
    std::ranges::copy(mac(destination), frame.begin());
    std::ranges::copy(mac(source), frame.begin() + 6);
    return frame;
}

Frame odd_frame(std::size_t size) {
    Frame frame = frame_of("020000000002 020000000001 88b5");
    frame.resize(std::max(size, frame.size()), std::byte{0x5a});
    return frame;
}

bool is_right(Bytes frame) {
    if (frame.size() < ethernet_bytes) return false;
    std::size_t type_at = 12;
    if (get_u16(frame, type_at) == 0x8100) type_at += 4;
    if (frame.size() < type_at + 2) return false;
    const auto type = get_u16(frame, type_at);
    const auto packet = frame.subspan(type_at + 2);
    if (type == 0x0800) return is_right_v4(packet);
    if (type == 0x86dd) return is_right_v6(packet);
    return true;
}

bool is_right_message(Bytes ip, std::uint8_t protocol, std::size_t transport_at) {
    constexpr unsigned icmp = 1;
    constexpr unsigned udp = 17;
    const auto message = ip.subspan(transport_at);
    const bool has_checksum =
        protocol == icmp || protocol == 6 || protocol == udp || protocol == 58;
    if (!has_checksum) return true;
    if (protocol == udp && (message.size() < 8 || get_u16(message, 4) != message.size()))
        return false;
    if (protocol == icmp) return message.size() >= 8 && full_checksum(message) == 0;
    Frame whole = pseudo_header(addresses_of(ip), protocol, message.size());
    append(whole, message);
    return message.size() >= 8 && full_checksum(whole) == 0;
}

void leave_checksum_open(MutableBytes ip, std::uint8_t protocol, std::size_t transport_at) {
    const auto pseudo = pseudo_header(addresses_of(ip), protocol, ip.size() - transport_at);
    put_u16(ip, transport_at + (protocol == 6 ? 16 : 6),
            static_cast<std::uint16_t>(0xffff - full_checksum(pseudo)));
}

}  // namespace tinc::test
