#include "io/moderation.hpp"

#include <utility>

namespace tinc::io {

namespace {

/// So many packets in one pause are worth it.
constexpr std::size_t worthwhile = 4;
/// What comes in such numbers needs no help.
constexpr std::size_t plenty = 16;
constexpr int wake_ups_before = 32;
constexpr int wake_ups_after_vain_try = 512;

}  // namespace

bool Moderation::pauses_after(std::size_t count, Clock::time_point now) {
    const auto since_last = now - std::exchange(last_, now);
    if (std::exchange(is_pausing_, false)) {
        is_pausing_ = count >= worthwhile;
        if (!is_pausing_) wake_ups_ = -wake_ups_after_vain_try;
        return is_pausing_;
    }
    if (since_last > pause || count >= plenty) {
        wake_ups_ = wake_ups_ < 0 ? wake_ups_ : 0;
        return false;
    }
    if (++wake_ups_ < wake_ups_before) return false;
    wake_ups_ = 0;
    is_pausing_ = true;
    return true;
}

}  // namespace tinc::io
