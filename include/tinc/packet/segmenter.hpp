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
    [[nodiscard]] bool is_done() const { return taken_ == frames_; }
    /// The next frame into an empty packet: two MAC addresses of zeros, EtherType, IP packet. Of a
    /// super-packet each has its own lengths, checksums, IPv4 identification (one more for each)
    /// and sequence number; FIN and PSH are on the last alone, CWR on the first. Not when
    /// is_done().
    void next(Packet& frame);

  private:
    [[nodiscard]] bool start_whole(const OffloadHeader& header);
    [[nodiscard]] bool start_super_packet(const OffloadHeader& header);
    [[nodiscard]] bool has_sound_ip_header() const;
    [[nodiscard]] bool find_payload(std::size_t gso_size);
    void sum_headers();

    void put_segment(MutableBytes ip) const;
    void put_ip_header(MutableBytes ip) const;
    void put_tcp_header(MutableBytes tcp) const;
    void put_udp_header(MutableBytes udp) const;

    Bytes ip_;
    std::uint16_t ethertype_ = 0;
    std::uint8_t protocol_ = 0;  ///< TCP or UDP: of a super-packet; 0: of a whole packet
    std::size_t frames_ = 0;
    std::size_t taken_ = 0;
    std::size_t transport_at_ = 0;  ///< in the IP packet; 0 if it is whole with its checksum
    std::size_t checksum_at_ = 0;   ///< from there
    std::size_t header_bytes_ = 0;
    std::size_t segment_bytes_ = 0;    ///< of payload; the last may have less
    std::uint32_t ip_sum_ = 0;         ///< over what is the same in all IPv4 headers
    std::uint32_t transport_sum_ = 0;  ///< over what is the same in all TCP or UDP segments
};

}  // namespace tinc::packet
