#pragma once

#include "tinc/packet/replay_window.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

namespace tinc::test {

/// The rules of packet::ReplayWindow again, with a set of missing numbers in place of the bitmap.
class SlowWindow {
  public:
    explicit SlowWindow(std::uint64_t size_bytes) : size_(size_bytes) {}

    using Verdict = packet::ReplayWindow::Verdict;

    Verdict accept(std::uint64_t number) {
        auto verdict = Verdict::fresh;
        if (number > last_ + 1 && number - last_ >= 8 * size_) {
            if (far_++ < size_ / 4) return Verdict::too_far;
            missing_.clear();
            verdict = Verdict::fresh_after_loss;
        } else if (number <= last_) {
            const bool is_old = last_ - number >= 8 * size_;
            if (is_old || missing_.erase(number) == 0) return Verdict::replayed;
        } else {
            for (auto skipped = last_ + 1; skipped < number; ++skipped) missing_.insert(skipped);
        }
        far_ = 0;
        last_ = std::max(last_, number);
        return verdict;
    }

    [[nodiscard]] std::uint64_t last() const { return last_; }

  private:
    std::uint64_t size_;
    std::uint64_t last_ = 0;
    std::uint64_t far_ = 0;
    std::set<std::uint64_t> missing_;
};

}  // namespace tinc::test
