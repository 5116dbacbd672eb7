#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/packet/offload.hpp"
#include "tinc/packet/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tinc::packet {

/// Joins frames that follow each other in a TCP or UDP flow into super-packets for an offloading
/// device: the reverse of Segmenter, which would give the very same frames again.
///
/// A flow is two addresses, two ports and a protocol. Frames of several flows may be interleaved;
/// within a flow the order stays. What is joined has right checksums and no header field that a
/// segmenter could not restore; all else goes alone and unchanged.
class Coalescer {
  public:
    /// What the device knows of UDP: super-packets of udp_l4 are younger than those of TCP.
    enum class Udp : std::uint8_t { alone, joined };

    /// One packet for the device. The first piece begins with the IP header; the others are the
    /// payload of the frames that follow.
    struct Write {
        OffloadHeader header;
        std::span<const Bytes> pieces;  ///< 1 to most_pieces
    };
    static constexpr std::size_t most_pieces = 512;       ///< fits into one writev() of Linux
    static constexpr std::size_t most_udp_segments = 64;  ///< UDP_MAX_SEGMENTS before Linux 6.9
    static constexpr std::size_t most_open_groups = 8;
    static constexpr std::size_t most_bytes = 65'535;  ///< of a super-packet

    explicit Coalescer(Udp udp);
    Coalescer(Coalescer&&) noexcept;
    Coalescer& operator=(Coalescer&&) noexcept;
    ~Coalescer();

    /// Arranges `frames`, at most limits::outbox_packets in order, into writes; these point into
    /// the frames and hold until the next call. The headers of the first frame of a super-packet
    /// are changed. Frames that are neither IPv4 nor IPv6 are left out: a tun device takes none.
    /// Does not allocate once it has seen as many frames.
    [[nodiscard]] std::span<const Write> arrange(std::span<Packet* const> frames);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tinc::packet
