#pragma once

#include "io/arrivals.hpp"
#include "io/asio.hpp"
#include "io/data_path.hpp"
#include "io/descriptor.hpp"
#include "io/moderation.hpp"
#include "io/socket_address.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/log.hpp"
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

/// Whether the kernel cuts what we send and joins what we receive.
enum class UdpOffload : std::uint8_t { off, on };

/// What all UDP sockets of one thread share: the content of either is dealt with before the next
/// socket or device reads.
struct ReceivingRoom {
    Arrivals& arrivals;
    packet::Batch& batch;
};

/// One UDP socket. Waits until it is readable, then reads in batches; sends in batches.
///
/// With offload, datagrams of one size for one address leave in one message, which the kernel (or
/// the network card) cuts, and arrive joined by it. On the wire there is no difference. A kernel
/// that cannot do either is spared it.
class UdpPort {
  public:
    struct Options {
        Family family = Family::ipv4;
        TrafficClass traffic_class = TrafficClass::ignored;
        UdpOffload offload = UdpOffload::on;
    };

    /// The references outlive this object.
    UdpPort(asio::io_context& loop, DataPath& path, LogSink& log, ReceivingRoom room,
            Descriptor socket, SocketIndex index, const Options& options);
    UdpPort(const UdpPort&) = delete;
    UdpPort& operator=(const UdpPort&) = delete;

    void start() { wait(); }

    [[nodiscard]] Family family() const { return options_.family; }

    /// Sends all of them, in order. What the system refuses is dropped and counted; refusals for
    /// size are appended to `too_big`.
    void send(std::span<const plane::Sending> datagrams, std::vector<plane::Sending>& too_big);

    /// Datagrams the system refused for other reasons than their size.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

  private:
    static constexpr std::size_t batch_size = limits::batch_packets;

    /// Datagrams that leave in one message: one, or several of one size for one address, of which
    /// only the last may be shorter.
    struct Run {
        std::span<const plane::Sending> datagrams;
        SocketAddress address;
    };

    void wait();
    void read();
    void pause_then(std::chrono::microseconds time, void (UdpPort::*next)());
    /// False if reading failed for another reason than that there was nothing to read.
    [[nodiscard]] bool drain();
    [[nodiscard]] int receive(std::size_t most);
    void cut(Bytes joined, std::size_t datagram_bytes, const Endpoint& source);
    void pass_on();

    [[nodiscard]] std::size_t length_of_run(std::span<const plane::Sending> datagrams) const;
    void send_some(std::span<const plane::Sending> datagrams, std::vector<plane::Sending>& too_big);
    void send_runs(std::span<const Run> runs, std::vector<plane::Sending>& too_big);
    void run_failed(const Run& run, int code, std::vector<plane::Sending>& too_big);
    void refused(const plane::Sending& sending, int code);
    void complain(Level level, std::string_view what, int code);

    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    DataPath& path_;
    LogSink& log_;
    ReceivingRoom room_;
    SocketIndex index_;
    Options options_;
    bool cuts_ = false;  ///< the kernel takes whole runs
    Moderation moderation_;
    std::size_t received_ = 0;  ///< datagrams, in this turn
    std::vector<Endpoint> sources_;
    std::vector<Run> runs_;
    std::uint64_t dropped_ = 0;
    std::chrono::steady_clock::time_point next_complaint_{};
};

}  // namespace tinc::io
