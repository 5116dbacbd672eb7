#pragma once

#include <chrono>
#include <cstddef>

namespace tinc::io {

/// When to leave packets that come one by one for a moment, so that several are carried at once: an
/// older tincd sends each with a call of its own, and a wake-up for each costs more than its
/// decryption. Only under load, and only while it helps: who waits for our answer before he sends
/// more gets it at once, but for one try now and then.
class Moderation {
  public:
    using Clock = std::chrono::steady_clock;

    /// Long for a packet, short for a connection.
    static constexpr std::chrono::microseconds pause{200};

    /// `count` packets were read at once. Whether to read the next ones after the pause, and not
    /// when they come.
    [[nodiscard]] bool pauses_after(std::size_t count, Clock::time_point now);

  private:
    int wake_ups_ = 0;  ///< in close succession, with a packet or two each; below 0: a try was vain
    bool is_pausing_ = false;
    Clock::time_point last_;
};

}  // namespace tinc::io
