#include "tinc/packet/replay_window.hpp"

#include <algorithm>

namespace tinc::packet {

namespace {

constexpr std::uint64_t packets_per_byte = 8;

}  // namespace

ReplayWindow::ReplayWindow(std::size_t size_bytes, Rule rule, std::uint32_t next)
    : late_(size_bytes, 0), rule_(rule), first_(next), next_(next) {}

ReplayWindow::Verdict ReplayWindow::judge(std::uint32_t sequence) const {
    const std::uint64_t window = late_.size() * packets_per_byte;
    const std::uint64_t number = sequence;
    if (window == 0) return Verdict::fresh;
    const auto too_far = next_ + window - (rule_ == Rule::legacy ? 1 : 0);
    if (number >= too_far)
        return far_ < late_.size() / 4 ? Verdict::too_far : Verdict::fresh_after_loss;
    if (number >= next_) return Verdict::fresh;
    return number + window < next_ || !is_late(number) ? Verdict::replayed : Verdict::fresh;
}

ReplayWindow::Verdict ReplayWindow::accept(std::uint32_t sequence) {
    const std::uint64_t number = sequence;
    const auto verdict = judge(sequence);
    if (verdict == Verdict::too_far) ++far_;
    if (verdict == Verdict::too_far || verdict == Verdict::replayed) return verdict;

    if (!late_.empty()) {
        if (verdict == Verdict::fresh_after_loss)
            std::ranges::fill(late_, rule_ == Rule::legacy ? std::uint8_t{0} : std::uint8_t{0xff});
        else
            for (auto missed = next_; missed < number; ++missed) mark_late(missed);
        mark_seen(number);
        far_ = 0;
    }
    next_ = std::max(next_, number + 1);
    return verdict;
}

void ReplayWindow::reset() {
    std::ranges::fill(late_, std::uint8_t{0});
    next_ = first_;
    far_ = 0;
}

bool ReplayWindow::is_late(std::uint64_t sequence) const {
    return (late_[byte_of(sequence)] & bit_of(sequence)) != 0;
}

void ReplayWindow::mark_late(std::uint64_t sequence) {
    auto& byte = late_[byte_of(sequence)];
    byte = static_cast<std::uint8_t>(byte | bit_of(sequence));
}

void ReplayWindow::mark_seen(std::uint64_t sequence) {
    auto& byte = late_[byte_of(sequence)];
    byte = static_cast<std::uint8_t>(byte & ~bit_of(sequence));
}

std::size_t ReplayWindow::byte_of(std::uint64_t sequence) const {
    return static_cast<std::size_t>(sequence / packets_per_byte) % late_.size();
}

std::uint8_t ReplayWindow::bit_of(std::uint64_t sequence) {
    return static_cast<std::uint8_t>(1U << (sequence % packets_per_byte));
}

}  // namespace tinc::packet
