#pragma once

#include "io/asio.hpp"
#include "io/descriptor.hpp"
#include "io/socket_address.hpp"
#include "io/turn.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/log.hpp"
#include "tinc/node/node.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/outbox.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tinc::io {

/// Whether sent packets carry the traffic class of what they contain.
enum class TrafficClass : std::uint8_t { ignored, inherited };

/// One UDP socket. Waits until it is readable, then reads in batches; sends in batches.
class UdpPort {
  public:
    /// `batch` is shared by everything that reads packets: its content is dealt with before the
    /// next one reads. The references outlive this object.
    UdpPort(asio::io_context& loop, node::Node& node, Turn& turn, LogSink& log,
            packet::Batch& batch, Descriptor socket, SocketIndex index, Family family,
            TrafficClass traffic_class);
    UdpPort(const UdpPort&) = delete;
    UdpPort& operator=(const UdpPort&) = delete;

    void start() { wait(); }

    [[nodiscard]] Family family() const { return family_; }

    /// Sends all of them, in order. What the system refuses is dropped and counted; refusals for
    /// size are appended to `too_big`.
    void send(std::span<const plane::Sending> datagrams, std::vector<plane::Sending>& too_big);

    /// Datagrams the system refused for other reasons than their size.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    static constexpr std::size_t batch_size = limits::batch_packets;

    void wait();
    void pause();
    /// False if reading failed for another reason than that there was nothing to read.
    [[nodiscard]] bool drain();
    [[nodiscard]] int read_batch();
    void send_some(std::span<const plane::Sending> datagrams, std::vector<plane::Sending>& too_big);
    void refused(const plane::Sending& sending, int code);
    void complain(Level level, std::string_view what, int code);

    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    node::Node& node_;
    Turn& turn_;
    LogSink& log_;
    packet::Batch& batch_;
    SocketIndex index_;
    Family family_;
    TrafficClass traffic_class_;
    std::vector<SocketAddress> addresses_;  ///< batch_size of them, for reading and for sending
    std::vector<Endpoint> sources_;
    std::uint64_t dropped_ = 0;
    std::chrono::steady_clock::time_point next_complaint_{};
};

}  // namespace tinc::io
