#pragma once

#include "tinc/base/time.hpp"

#include <cstdint>

namespace tinc::plane {

/// How many keys may still be tried on datagrams from unknown addresses in this second. Keeps the
/// price of a flood of forged datagrams independent of the number of nodes.
class TrialBudget {
  public:
    explicit TrialBudget(std::uint32_t per_second) : per_second_(per_second) {}

    [[nodiscard]] bool take(Time now) {
        if (now - second_ >= std::chrono::seconds(1)) {
            second_ = now;
            used_ = 0;
        }
        if (used_ == per_second_) return false;
        ++used_;
        return true;
    }

  private:
    std::uint32_t per_second_;
    Time second_{};
    std::uint32_t used_ = 0;
};

}  // namespace tinc::plane
