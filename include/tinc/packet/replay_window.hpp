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
/// packet's MAC was right: the caller checks that first.
class ReplayWindow {
  public:
    enum class Verdict : std::uint8_t {
        fresh,             ///< accepted
        fresh_after_loss,  ///< accepted, the whole window was skipped
        replayed,          ///< late beyond the window, or seen
        too_far,           ///< in the future beyond the window
    };
    /// The protocols differ by one number in what is too far, and in what may still come after a
    /// jump: nothing or everything.
    enum class Rule : std::uint8_t {
        legacy,  ///< Source: legacy protocol 5.5; `replay_window.json`
        sptps,   ///< Source: SPTPS, 5.1; `replay-window.json`
    };

    /// `size_bytes` as in the `ReplayWindow` option; 0 accepts everything. `next`: the number that
    /// is expected first.
    explicit ReplayWindow(std::size_t size_bytes, Rule rule = Rule::legacy, std::uint32_t next = 1);

    /// Judges and marks.
    Verdict accept(std::uint32_t sequence);
    /// What accept() would say, without marking anything.
    [[nodiscard]] Verdict judge(std::uint32_t sequence) const;

    /// The highest number accepted; what comes before the first expected one if none was.
    [[nodiscard]] std::uint32_t last() const { return static_cast<std::uint32_t>(next_ - 1); }
    /// How many have been too_far since the last one that was accepted.
    [[nodiscard]] std::uint32_t far() const { return far_; }
    /// As new: for the first packet under another key. Does not allocate.
    void reset();

  private:
    [[nodiscard]] bool is_late(std::uint64_t sequence) const;
    void mark_late(std::uint64_t sequence);
    void mark_seen(std::uint64_t sequence);
    [[nodiscard]] std::size_t byte_of(std::uint64_t sequence) const;
    [[nodiscard]] static std::uint8_t bit_of(std::uint64_t sequence);

    std::vector<std::uint8_t> late_;
    Rule rule_;
    std::uint64_t first_;
    std::uint64_t next_;  ///< expected; in 64 bits near 2^32 nothing wraps
    std::uint32_t far_ = 0;
};

}  // namespace tinc::packet
