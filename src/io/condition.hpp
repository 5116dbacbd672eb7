#pragma once

#include "io/asio.hpp"

namespace tinc::io {

/// Something a coroutine of the loop waits for. Raised once, it stays raised until lowered.
class Condition {
  public:
    explicit Condition(asio::io_context& loop) : timer_(loop) {
        timer_.expires_at(asio::steady_timer::time_point::max());
    }

    [[nodiscard]] bool is_raised() const { return is_raised_; }
    void raise() {
        is_raised_ = true;
        timer_.cancel();
    }
    void lower() { is_raised_ = false; }

    [[nodiscard]] awaitable<void> wait() {
        while (!is_raised_) {
            error_code ec;
            co_await timer_.async_wait(to_coroutine(ec));
        }
    }

  private:
    asio::steady_timer timer_;  ///< never expires; cancelling it wakes all who wait
    bool is_raised_ = false;
};

}  // namespace tinc::io
