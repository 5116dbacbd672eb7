#include "io/tun_queue.hpp"

#include "io/clock.hpp"
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

bool is_device_gone(int code) { return code == EBADFD || code == ENODEV || code == ENXIO; }

}  // namespace

TunQueue::TunQueue(asio::io_context& loop, node::Node& node, Turn& turn, LogSink& log,
                   packet::Batch& batch, Device& device, Events events)
    : descriptor_(loop),
      pause_(loop),
      node_(node),
      turn_(turn),
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

void TunQueue::write(packet::Packet& frame) { device_.write(frame); }

void TunQueue::watch_descriptor() {
    if (descriptor_.is_open()) descriptor_.release();
    descriptor_.assign(device_.descriptor());
}

void TunQueue::wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (ec) return;
        auto outcome = Outcome::failed;
        int code = 0;
        guarded(log_, "Reading from the device failed", [&] {
            outcome = drain();
            code = errno;
        });
        if (outcome == Outcome::sound)
            wait();
        else
            reading_failed(code);
    });
}

TunQueue::Outcome TunQueue::drain() {
    for (int i = 0; i < batches_per_turn; ++i) {
        batch_.clear();
        auto reading = Device::Reading::frame;
        while (!batch_.is_full()) {
            reading = device_.read(batch_.add());
            if (reading == Device::Reading::frame) continue;
            batch_.drop_last();
            break;
        }
        const int code = errno;
        if (!batch_.is_empty()) {
            errors_ = failed_opens_ = 0;
            node_.from_device(batch_, now());
            turn_.finish();
        }
        errno = code;
        if (reading == Device::Reading::failed) return Outcome::failed;
        if (reading == Device::Reading::nothing) return Outcome::sound;
    }
    return Outcome::sound;
}

void TunQueue::reading_failed(int code) {
    ++errors_;
    log_.print(Level::always, Severity::error, "Error while reading from {} {}: {}",
               device_.info().description, device_.info().device, reason_text(code));
    if (is_device_gone(code)) return pause_then(pause_before_open, &TunQueue::reopen);
    if (errors_ > most_errors) {
        events_.given_up(fmt::format("Too many errors from {}, exiting!", device_.info().device));
        return;
    }
    pause_then(pause_per_error * errors_, &TunQueue::wait);
}

void TunQueue::pause_then(milliseconds time, void (TunQueue::*next)()) {
    pause_.expires_after(time);
    pause_.async_wait([this, next](const error_code& ec) {
        if (!ec) (this->*next)();
    });
}

void TunQueue::reopen() {
    if (++failed_opens_ > most_opens) {
        events_.given_up(
            fmt::format("The interface {} was removed and cannot be opened again; "
                        "start tincd anew",
                        device_.interface()));
        return;
    }
    descriptor_.release();
    if (const auto opened = device_.open(); !opened) {
        log_.print(Level::always, Severity::error, "{}", opened.error().what);
        return pause_then(pause_before_open * (1 << failed_opens_), &TunQueue::reopen);
    }
    log_.print(Level::always, Severity::warning, "Interface {} was removed and opened again",
               device_.interface());
    errors_ = 0;
    watch_descriptor();
    events_.reopened();
    wait();
}

}  // namespace tinc::io
