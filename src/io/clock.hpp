#pragma once

#include "tinc/base/time.hpp"

#include <chrono>

namespace tinc::io {

/// The steady clock on the time line of the pure rooms.
[[nodiscard]] inline Time now() {
    return Time(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
}

/// And back, for timers. Not for tinc::never.
[[nodiscard]] inline std::chrono::steady_clock::time_point to_steady(Time time) {
    return std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

}  // namespace tinc::io
