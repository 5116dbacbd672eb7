#include "tinc/packet/replay_window.hpp"

#include <algorithm>

namespace tinc::packet {

namespace {

constexpr std::uint64_t packets_per_byte = 8;

}  // namespace

ReplayWindow::ReplayWindow(std::size_t size_bytes) : late_(size_bytes, 0) {}

// Comparisons are made in 64 bits: near 2^32 nothing wraps, so a number once seen stays seen.
ReplayWindow::Verdict ReplayWindow::accept(std::uint32_t sequence) {
    const std::uint64_t window = late_.size() * packets_per_byte;
    const std::uint64_t number = sequence;
    const std::uint64_t last = last_;
    auto verdict = Verdict::fresh;

    if (window == 0) {
        last_ = std::max(last_, sequence);
        return verdict;
    }
    if (number >= last + window) {
        if (far_ < late_.size() / 4) {
            ++far_;
            return Verdict::too_far;
        }
        std::ranges::fill(late_, std::uint8_t{0});
        verdict = Verdict::fresh_after_loss;
    } else if (number <= last) {
        if (number + window <= last || !is_late(sequence)) return Verdict::replayed;
    } else {
        for (auto missed = last_ + 1; missed != sequence; ++missed) mark_late(missed);
    }

    far_ = 0;
    mark_seen(sequence);
    last_ = std::max(last_, sequence);
    return verdict;
}

void ReplayWindow::reset() {
    std::ranges::fill(late_, std::uint8_t{0});
    last_ = 0;
    far_ = 0;
}

bool ReplayWindow::is_late(std::uint32_t sequence) const {
    return (late_[byte_of(sequence)] & bit_of(sequence)) != 0;
}

void ReplayWindow::mark_late(std::uint32_t sequence) {
    auto& byte = late_[byte_of(sequence)];
    byte = static_cast<std::uint8_t>(byte | bit_of(sequence));
}

void ReplayWindow::mark_seen(std::uint32_t sequence) {
    auto& byte = late_[byte_of(sequence)];
    byte = static_cast<std::uint8_t>(byte & ~bit_of(sequence));
}

std::size_t ReplayWindow::byte_of(std::uint32_t sequence) const {
    return static_cast<std::size_t>(sequence / packets_per_byte) % late_.size();
}

std::uint8_t ReplayWindow::bit_of(std::uint32_t sequence) {
    return static_cast<std::uint8_t>(1U << (sequence % packets_per_byte));
}

}  // namespace tinc::packet
