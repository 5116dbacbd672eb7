#pragma once

#include "io/asio.hpp"
#include "io/data_path.hpp"
#include "io/device.hpp"
#include "tinc/base/log.hpp"
#include "tinc/packet/packet.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace tinc::io {

/// Carries frames between the device and the data plane. An interface that is down costs its
/// packets; one that was removed is opened anew, a few times and less and less often, before the
/// daemon gives up, so that whoever supervises it can start it afresh.
class TunQueue {
  public:
    struct Events {
        std::function<void()> reopened;                    ///< a new interface: tinc-up is due
        std::function<void(const std::string&)> given_up;  ///< with words for the operator
    };

    /// `device` is open. `batch` is shared with the UDP ports. The references outlive this object.
    TunQueue(asio::io_context& loop, DataPath& path, LogSink& log, packet::Batch& batch,
             Device& device, Events events);
    TunQueue(const TunQueue&) = delete;
    TunQueue& operator=(const TunQueue&) = delete;
    ~TunQueue();

    void start();
    void write(std::span<packet::Packet* const> frames);

  private:
    void wait();
    void read();
    /// Reads until there is nothing more, or, which is `frame`, enough was read for this turn.
    [[nodiscard]] Device::Reading drain();
    void reading_failed(Device::Reading how, int code);
    void pause_then(std::chrono::microseconds time, void (TunQueue::*next)());
    void reopen();
    void watch_descriptor();
    [[nodiscard]] const std::string& device_name() const;

    asio::posix::stream_descriptor descriptor_;  ///< borrowed from the device
    asio::steady_timer pause_;
    DataPath& path_;
    LogSink& log_;
    packet::Batch& batch_;
    Device& device_;
    Events events_;
    std::uint64_t dropped_ = 0;  ///< frames the device did not take
    std::chrono::steady_clock::time_point next_complaint_;
    int errors_ = 0;        ///< consecutive failed reads
    int failed_opens_ = 0;  ///< since the last frame
};

}  // namespace tinc::io
