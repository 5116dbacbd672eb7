#pragma once

#include "io/asio.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace tinc::io {

/// What another thread wants done on the control thread. It never waits for that: calls beyond
/// `most` that wait are left out, and so are those whose time comes after this object's.
class ControlCalls {
  public:
    /// `control` outlives this object, which is made and destroyed on its thread.
    ControlCalls(asio::io_context& control, std::size_t most) : control_(control), most_(most) {}

    /// Whether post() does so; for the only thread that does.
    [[nodiscard]] bool has_room() const {
        return waiting_->load(std::memory_order_relaxed) < most_;
    }
    /// From any thread. False if it is left out.
    template <class Call>
    bool post(Call call) {
        if (waiting_->fetch_add(1, std::memory_order_relaxed) >= most_) {
            waiting_->fetch_sub(1, std::memory_order_relaxed);
            return false;
        }
        asio::post(control_, [waiting = std::weak_ptr(waiting_), call = std::move(call)]() mutable {
            const auto alive = waiting.lock();
            if (!alive) return;
            alive->fetch_sub(1, std::memory_order_relaxed);
            call();
        });
        return true;
    }

  private:
    asio::io_context& control_;
    std::size_t most_;
    std::shared_ptr<std::atomic<std::size_t>> waiting_ =
        std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace tinc::io
