#include "tinc/packet/segmenter.hpp"

#include "layout.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace tinc::packet {

namespace {

constexpr std::size_t most_ip_bytes = limits::frame_bytes - ethernet_bytes;

std::optional<std::uint16_t> ethertype_of(Bytes ip) {
    switch (ip_version(ip)) {
        case 4:
            return ethertype_ipv4;
        case 6:
            return ethertype_ipv6;
        default:
            return std::nullopt;
    }
}

/// The protocol whose segments a super-packet holds; nothing if the packet is of another family.
std::optional<std::uint8_t> protocol_of(std::uint8_t gso_type, std::uint16_t ethertype) {
    switch (static_cast<GsoType>(gso_type & ~gso_ecn)) {
        case GsoType::tcpv4:
            return ethertype == ethertype_ipv4 ? std::optional(protocol_tcp) : std::nullopt;
        case GsoType::tcpv6:
            return ethertype == ethertype_ipv6 ? std::optional(protocol_tcp) : std::nullopt;
        case GsoType::udp_l4:
            return protocol_udp;
        case GsoType::none:
            break;
    }
    return std::nullopt;
}

/// 0 would say to UDP that there is none; 0xffff is equal to it, and right for all protocols.
std::uint16_t checksum_but_zero(std::uint32_t sum) {
    const auto checksum = checksum_finish(sum);
    return checksum == 0 ? 0xffff : checksum;
}

std::uint16_t as_u16(std::size_t value) { return static_cast<std::uint16_t>(value); }

}  // namespace

bool Segmenter::start(const OffloadHeader& header, Bytes ip) {
    *this = {};
    const auto type = ethertype_of(ip);
    if (!type) return false;
    ip_ = ip;
    ethertype_ = *type;
    return header.gso_type == static_cast<std::uint8_t>(GsoType::none) ? start_whole(header)
                                                                       : start_super_packet(header);
}

bool Segmenter::start_whole(const OffloadHeader& header) {
    if (ip_.size() > most_ip_bytes) return false;
    if ((header.flags & needs_csum) != 0) {
        transport_at_ = header.csum_start;
        checksum_at_ = header.csum_offset;
        const auto least = ethertype_ == ethertype_ipv4 ? ipv4_bytes : ipv6_bytes;
        if (transport_at_ < least || transport_at_ + checksum_at_ + 2 > ip_.size()) return false;
    }
    frames_ = 1;
    return true;
}

bool Segmenter::start_super_packet(const OffloadHeader& header) {
    const auto protocol = protocol_of(header.gso_type, ethertype_);
    if (!protocol || (header.flags & needs_csum) == 0 || header.gso_size == 0) return false;
    protocol_ = *protocol;
    transport_at_ = header.csum_start;
    checksum_at_ = protocol_ == protocol_tcp ? tcp::checksum_at : udp::checksum_at;
    if (header.csum_offset != checksum_at_ || !has_sound_ip_header() ||
        !find_payload(header.gso_size))
        return false;
    sum_headers();
    return true;
}

// With extension headers of IPv6 it is the kernel that knows where the transport header begins.
bool Segmenter::has_sound_ip_header() const {
    if (transport_at_ > ip_.size()) return false;
    if (ethertype_ == ethertype_ipv6)
        return transport_at_ >= ipv6_bytes &&
               get_u16(ip_, ipv6::length_at) == ip_.size() - ipv6_bytes &&
               (transport_at_ > ipv6_bytes || ip_[ipv6::next_header_at] == std::byte{protocol_});
    return transport_at_ >= ipv4_bytes && transport_at_ == ipv4_header_bytes(ip_) &&
           get_u16(ip_, ipv4::length_at) == ip_.size() &&
           (get_u16(ip_, ipv4::fragment_at) & ~ipv4::dont_fragment) == 0 &&
           ip_[ipv4::protocol_at] == std::byte{protocol_};
}

bool Segmenter::find_payload(std::size_t gso_size) {
    const auto transport = ip_.subspan(transport_at_);
    const auto least_bytes = protocol_ == protocol_tcp ? tcp_bytes : udp_bytes;
    if (transport.size() < least_bytes) return false;
    const auto transport_bytes =
        protocol_ == protocol_tcp ? tcp_header_bytes(transport) : udp_bytes;
    if (transport_bytes < least_bytes || transport_bytes > transport.size()) return false;

    header_bytes_ = transport_at_ + transport_bytes;
    segment_bytes_ = gso_size;
    const auto payload_bytes = ip_.size() - header_bytes_;
    if (header_bytes_ + std::min(segment_bytes_, payload_bytes) > most_ip_bytes) return false;
    frames_ = std::max<std::size_t>(1, (payload_bytes + segment_bytes_ - 1) / segment_bytes_);
    return true;
}

void Segmenter::sum_headers() {
    if (ethertype_ == ethertype_ipv4) {
        ip_sum_ = checksum_add(0, ip_.first(ipv4::length_at));
        ip_sum_ = checksum_add(ip_sum_, ip_.subspan(ipv4::fragment_at, 4));
        ip_sum_ = checksum_add(ip_sum_,
                               ip_.subspan(ipv4::addresses_at, transport_at_ - ipv4::addresses_at));
    }
    // The partial sum covers the length of the whole; to add the complement is to subtract.
    const auto transport = ip_.subspan(transport_at_, header_bytes_ - transport_at_);
    transport_sum_ = get_u16(transport, checksum_at_);
    transport_sum_ += as_u16(~(ip_.size() - transport_at_));
    transport_sum_ = checksum_add(transport_sum_, transport.first(4));
    if (protocol_ == protocol_udp) return;
    transport_sum_ = checksum_add(transport_sum_, transport.subspan(tcp::acknowledgement_at, 4));
    transport_sum_ = checksum_add(transport_sum_, transport.subspan(tcp::window_at, 2));
    transport_sum_ = checksum_add(transport_sum_, transport.subspan(tcp::urgent_at));
}

void Segmenter::next(Packet& frame) {
    TINC_ASSERT(!is_done());
    const auto begin = header_bytes_ + taken_ * segment_bytes_;
    const bool is_whole = protocol_ == 0;
    const auto payload =
        is_whole ? ip_ : ip_.subspan(begin, std::min(segment_bytes_, ip_.size() - begin));

    frame.resize(ethernet_bytes + header_bytes_ + payload.size());
    const auto bytes = frame.bytes();
    std::memset(bytes.data(), 0, 2 * mac_bytes);
    put_u16(bytes, 2 * mac_bytes, ethertype_);
    const auto ip = bytes.subspan(ethernet_bytes);
    // Not std::ranges::copy, which libstdc++ 12 makes byte by byte from const bytes.
    std::memcpy(ip.data(), ip_.data(), header_bytes_);
    std::memcpy(ip.data() + header_bytes_, payload.data(), payload.size());

    if (!is_whole)
        put_segment(ip);
    else if (transport_at_ != 0)
        put_u16(ip, transport_at_ + checksum_at_,
                checksum_but_zero(checksum_add(0, ip.subspan(transport_at_))));
    ++taken_;
}

void Segmenter::put_segment(MutableBytes ip) const {
    put_ip_header(ip);
    if (protocol_ == protocol_tcp)
        put_tcp_header(ip.subspan(transport_at_));
    else
        put_udp_header(ip.subspan(transport_at_));
}

void Segmenter::put_ip_header(MutableBytes ip) const {
    if (ethertype_ == ethertype_ipv6)
        return put_u16(ip, ipv6::length_at, as_u16(ip.size() - ipv6_bytes));
    const auto length = as_u16(ip.size());
    const auto identification = as_u16(get_u16(ip, ipv4::identification_at) + taken_);
    put_u16(ip, ipv4::length_at, length);
    put_u16(ip, ipv4::identification_at, identification);
    put_u16(ip, ipv4::checksum_at, checksum_finish(ip_sum_ + length + identification));
}

void Segmenter::put_tcp_header(MutableBytes tcp) const {
    const auto taken_bytes = static_cast<std::uint32_t>(taken_ * segment_bytes_);
    put_u32(tcp, tcp::sequence_at, get_u32(tcp, tcp::sequence_at) + taken_bytes);
    auto& flags = tcp[tcp::flags_at];
    if (taken_ + 1 != frames_) flags &= ~(tcp::fin | tcp::psh);
    if (taken_ != 0) flags &= ~tcp::cwr;

    auto sum = checksum_add(transport_sum_, tcp.subspan(header_bytes_ - transport_at_));
    sum = checksum_add(sum + as_u16(tcp.size()), tcp.subspan(tcp::sequence_at, 4));
    put_u16(tcp, tcp::checksum_at, checksum_finish(sum + get_u16(tcp, tcp::offset_at)));
}

void Segmenter::put_udp_header(MutableBytes udp) const {
    const auto length = as_u16(udp.size());
    put_u16(udp, udp::length_at, length);
    // The length counts twice: here, and in the pseudo-header.
    const auto sum = checksum_add(transport_sum_ + length, udp.subspan(udp_bytes));
    put_u16(udp, udp::checksum_at, checksum_but_zero(sum + length));
}

}  // namespace tinc::packet
