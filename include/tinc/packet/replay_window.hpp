#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinc::packet {

/// Which sequence numbers have been seen, bit for bit as tinc keeps it.
///
/// The window holds 8 packets per byte; a set bit means "not yet received, may come late". A jump
/// beyond the window is believed only after size_bytes/4 of them with no accepted packet between,
/// so that one forged or misrouted number cannot move it. Numbers are marked only after the
/// packet's MAC was right: the caller checks that first. Source: legacy protocol 5.5;
/// `replay_window.json`.
class ReplayWindow {
  public:
    enum class Verdict : std::uint8_t {
        fresh,             ///< accepted
        fresh_after_loss,  ///< accepted, the whole window was skipped
        replayed,          ///< late beyond the window, or seen
        too_far,           ///< in the future beyond the window
    };

    /// `size_bytes` as in the `ReplayWindow` option; 0 accepts everything.
    explicit ReplayWindow(std::size_t size_bytes);

    /// Judges and marks.
    Verdict accept(std::uint32_t sequence);

    /// The highest number accepted; 0 before the first.
    [[nodiscard]] std::uint32_t last() const { return last_; }
    /// How many have been too_far since the last one that was accepted.
    [[nodiscard]] std::uint32_t far() const { return far_; }
    /// As new: for the first packet under another key. Does not allocate.
    void reset();

  private:
    [[nodiscard]] bool is_late(std::uint32_t sequence) const;
    void mark_late(std::uint32_t sequence);
    void mark_seen(std::uint32_t sequence);
    [[nodiscard]] std::size_t byte_of(std::uint32_t sequence) const;
    [[nodiscard]] static std::uint8_t bit_of(std::uint32_t sequence);

    std::vector<std::uint8_t> late_;
    std::uint32_t last_ = 0;
    std::uint32_t far_ = 0;
};

}  // namespace tinc::packet
