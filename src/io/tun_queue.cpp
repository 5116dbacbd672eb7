#include "io/tun_queue.hpp"

#include "io/guard.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace tinc::io {

namespace {

using std::chrono::milliseconds;

/// Batches read before the loop looks after its other descriptors.
constexpr int batches_per_turn = 4;
constexpr int most_errors = 10;
constexpr milliseconds pause_per_error{50};
constexpr int most_opens = 5;
constexpr milliseconds pause_before_open{250};  ///< doubled each time

}  // namespace

TunQueue::TunQueue(asio::io_context& loop, DataPath& path, LogSink& log, packet::Batch& batch,
                   Device& device, Events events)
    : descriptor_(loop),
      pause_(loop),
      path_(path),
      log_(log),
      batch_(batch),
      device_(device),
      events_(std::move(events)) {}

TunQueue::~TunQueue() {
    if (descriptor_.is_open()) descriptor_.release();
}

void TunQueue::start() {
    if (device_.descriptor() < 0) return;
    watch_descriptor();
    wait();
}

void TunQueue::write(std::span<packet::Packet* const> frames) {
    const auto refused = device_.write_all(frames);
    if (refused == 0) return;
    const int code = errno;
    dropped_ += refused;
    const auto time = std::chrono::steady_clock::now();
    if (time < next_complaint_) return;
    next_complaint_ = time + std::chrono::seconds(1);
    log_.print(Level::traffic, Severity::warning, "Can't write to {} {}: {} ({} packets dropped)",
               device_.info().description, device_name(), reason_text(code), dropped_);
}

const std::string& TunQueue::device_name() const {
    return device_.interface().empty() ? device_.info().device : device_.interface();
}

void TunQueue::watch_descriptor() {
    if (descriptor_.is_open()) descriptor_.release();
    descriptor_.assign(device_.descriptor());
}

void TunQueue::wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (!ec) read();
    });
}

void TunQueue::read() {
    if (path_.room() == 0) return pause_then(pause_without_room, &TunQueue::read);
    auto outcome = Device::Reading::failed;
    int code = 0;
    guarded(log_, "Reading from the device failed", [&] {
        outcome = drain();
        code = errno;
    });
    const bool is_left_over = outcome == Device::Reading::frame;
    if (!is_left_over && outcome != Device::Reading::nothing) return reading_failed(outcome, code);
    errors_ = 0;
    // The device may have read more than it has handed out, which no readiness tells of.
    if (is_left_over)
        pause_then(std::chrono::microseconds(0), &TunQueue::read);
    else
        wait();
}

Device::Reading TunQueue::drain() {
    for (int i = 0; i < batches_per_turn && path_.room() > 0; ++i) {
        path_.forget_packets();
        batch_.clear();
        auto reading = Device::Reading::frame;
        // What comes together is sealed and sent together: it is not torn to fill the batch.
        for (std::size_t came = 1; came == 1 && !batch_.is_full();) {
            const auto before = batch_.size();
            reading = device_.read_some(batch_);
            came = batch_.size() - before;
        }
        const int code = errno;
        if (!batch_.is_empty()) {
            failed_opens_ = 0;
            path_.from_device(batch_);
        }
        errno = code;
        if (reading != Device::Reading::frame) return reading;
    }
    return Device::Reading::frame;
}

void TunQueue::reading_failed(Device::Reading how, int code) {
    ++errors_;
    log_.print(Level::always, Severity::error, "Error while reading from {} {}: {}",
               device_.info().description, device_.info().device, reason_text(code));
    if (how == Device::Reading::gone) return pause_then(pause_before_open, &TunQueue::reopen);
    if (errors_ > most_errors) {
        events_.given_up(fmt::format("Too many errors from {}, exiting!", device_.info().device));
        return;
    }
    pause_then(pause_per_error * errors_, &TunQueue::wait);
}

void TunQueue::pause_then(std::chrono::microseconds time, void (TunQueue::*next)()) {
    pause_.expires_after(time);
    pause_.async_wait([this, next](const error_code& ec) {
        if (!ec) (this->*next)();
    });
}

void TunQueue::reopen() {
    if (++failed_opens_ > most_opens) {
        events_.given_up(fmt::format("{} {} is gone and cannot be opened again; start tincd anew",
                                     device_.info().description, device_name()));
        return;
    }
    descriptor_.release();
    if (const auto opened = device_.open(); !opened) {
        if (opened.error().code == Errc::refused) return events_.given_up(opened.error().what);
        log_.print(Level::always, Severity::error, "{}", opened.error().what);
        return pause_then(pause_before_open * (1 << failed_opens_), &TunQueue::reopen);
    }
    log_.print(Level::always, Severity::warning, "{} {} was gone and is open again",
               device_.info().description, device_name());
    errors_ = 0;
    watch_descriptor();
    events_.reopened();
    wait();
}

}  // namespace tinc::io
