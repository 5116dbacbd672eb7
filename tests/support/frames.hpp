#pragma once

#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Ethernet frames made by hand, with right lengths and checksums, and an inspector of both that
// shares no code with the daemon.

namespace tinc::test {

using Frame = std::vector<std::byte>;

/// The fields of an IP header that tests care for. The source decides between IPv4 and IPv6.
struct IpFields {
    std::string_view source = "10.1.0.1";
    std::string_view destination = "10.2.0.2";
    std::uint8_t hop_limit = 64;
    std::uint8_t traffic_class = 0;
    std::uint16_t flags_and_offset = 0;  ///< IPv4: 0x4000 DF, 0x2000 MF, offset in units of 8
    std::uint16_t identification = 0x1234;
};

inline constexpr IpFields from_v4{};
inline constexpr IpFields from_v6{.source = "fd01::1", .destination = "fd02::2"};

struct TcpFields {
    std::uint16_t source_port = 1000;
    std::uint16_t destination_port = 2000;
    std::uint32_t sequence = 0x01020304;
    std::uint32_t acknowledgement = 0;
    std::uint8_t flags = 0x10;
    std::uint16_t window = 0x7210;
    Bytes options{};  ///< padded with "end of list"
};

struct UdpFields {
    std::uint16_t source_port = 1000;
    std::uint16_t destination_port = 2000;
};

/// Any payload behind an Ethernet and an IP header; no checksum but that of the IPv4 header.
[[nodiscard]] Frame ip_frame(const IpFields& ip, std::uint8_t protocol, Bytes payload);
/// Ports 1000 and 2000, `data_bytes` of data.
[[nodiscard]] Frame udp_frame(const IpFields& ip, std::size_t data_bytes);
[[nodiscard]] Frame udp_frame(const IpFields& ip, const UdpFields& udp, Bytes data);
[[nodiscard]] Frame tcp_frame(const IpFields& ip, const TcpFields& tcp, Bytes data);
/// A SYN with these options (padded with "end of list") and `data_bytes` of data.
[[nodiscard]] Frame tcp_frame(const IpFields& ip, Bytes options, std::size_t data_bytes = 0);
/// ICMP or ICMPv6; `body` is what follows the checksum.
[[nodiscard]] Frame icmp_frame(const IpFields& ip, std::uint8_t type, std::uint8_t code,
                               Bytes body);
[[nodiscard]] Frame arp_request_frame(std::string_view sender, std::string_view target);
/// `options` begin behind the target address.
[[nodiscard]] Frame solicitation_frame(std::string_view source, std::string_view target,
                                       Bytes options);

/// The frame with other MAC addresses: from number `source` to number `destination`, see mac().
[[nodiscard]] Frame between(std::uint8_t source, std::uint8_t destination, Frame frame);
/// A frame that is not IP (EtherType 0x88b5, for experiments).
[[nodiscard]] Frame odd_frame(std::size_t size);
/// The frame with an 802.1Q tag of VLAN 5.
[[nodiscard]] Frame with_vlan_tag(const Frame& frame);
/// Bytes from hexadecimal digits; blanks are ignored.
[[nodiscard]] Frame frame_of(std::string_view hex);
/// The MAC address 02:00:00:00:00:`last`. Frames go from number 1 to number 2.
[[nodiscard]] Frame mac(std::uint8_t last);

/// Whether lengths agree with the frame's size and all checksums of IPv4, TCP, UDP, ICMP and
/// ICMPv6 are right, computed in full. One 802.1Q tag understood; IP without extension headers.
/// Fragments are judged by their IP header alone.
[[nodiscard]] bool is_right(Bytes frame);
/// Whether the message of `protocol` at `transport_at` of an IP packet has a right checksum, if the
/// protocol has any, and a right length.
[[nodiscard]] bool is_right_message(Bytes ip, std::uint8_t protocol, std::size_t transport_at);
/// Makes the checksum of a TCP or UDP message what a kernel leaves to be completed: the sum of the
/// pseudo-header.
void leave_checksum_open(MutableBytes ip, std::uint8_t protocol, std::size_t transport_at);

}  // namespace tinc::test
