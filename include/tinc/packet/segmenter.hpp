#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/packet/offload.hpp"
#include "tinc/packet/packet.hpp"

#include <cstddef>
#include <cstdint>

namespace tinc::packet {

/// Cuts what an offloading device hands over into VPN frames: what a network card does to a
/// super-packet.
///
/// It keeps no copy: the bytes stay valid and as they are until the last next(). The checksums of
/// segments are made from the partial sum that the kernel left in the packet, so they are right if
/// that is, also where routing headers or options change the addresses that it covers.
class Segmenter {
  public:
    /// Begins with an IP packet, whatever was left of the one before. False, and there is nothing
    /// to take, if the header contradicts the packet, if it is not IP, or if its frames would be
    /// larger than limits::frame_bytes.
    [[nodiscard]] bool start(const OffloadHeader& header, Bytes ip);
    [[nodiscard]] bool is_done() const { return frames_left_ == 0; }
    /// The next frame into an empty packet: two MAC addresses of zeros, EtherType, IP packet. Of a
    /// super-packet each has its own lengths, checksums, IPv4 identification (one more for each)
    /// and sequence number; FIN and PSH are on the last alone, CWR on the first. Not when
    /// is_done().
    void next(Packet& frame);

  private:
    [[nodiscard]] bool start_whole(const OffloadHeader& header);
    [[nodiscard]] bool start_super_packet(const OffloadHeader& header);
    [[nodiscard]] bool has_sound_ip_header(std::uint8_t protocol) const;
    [[nodiscard]] bool find_payload();
    void sum_headers();

    void put_ip_header(MutableBytes ip) const;
    void put_tcp_header(MutableBytes tcp, std::uint32_t payload_sum) const;
    void put_udp_header(MutableBytes udp, std::uint32_t payload_sum) const;
    void complete_checksum(MutableBytes ip) const;

    Bytes ip_;
    GsoType type_ = GsoType::none;
    std::uint16_t ethertype_ = 0;
    std::size_t frames_left_ = 0;
    std::size_t transport_at_ = 0;     ///< in the IP packet; 0 for none whose checksum is wanted
    std::size_t checksum_at_ = 0;      ///< in the IP packet
    std::size_t header_bytes_ = 0;     ///< of all headers
    std::size_t segment_bytes_ = 0;    ///< of payload; the last may have less
    std::size_t taken_bytes_ = 0;      ///< of payload
    std::uint32_t ip_sum_ = 0;         ///< over what is the same in all IPv4 headers
    std::uint32_t transport_sum_ = 0;  ///< over what is the same in all TCP or UDP headers
};

}  // namespace tinc::packet
