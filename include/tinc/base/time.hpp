#pragma once

#include <chrono>

namespace tinc {

/// The time line of all pure rooms: monotonic, its zero has no meaning, and nobody below floor 5
/// can read it. Every function that needs the time is told it.
struct Clock {
    using duration = std::chrono::nanoseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<Clock>;
    static constexpr bool is_steady = true;
};

using Duration = Clock::duration;
using Time = Clock::time_point;

/// The deadline of a machine that waits for nothing.
inline constexpr Time never = Time::max();

}  // namespace tinc
