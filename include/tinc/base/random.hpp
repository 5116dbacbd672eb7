#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tinc {

/// Where all chance comes from. The daemon hands in the operating system's; a simulation a seed.
class RandomSource {
  public:
    RandomSource() = default;
    RandomSource(const RandomSource&) = delete;
    RandomSource& operator=(const RandomSource&) = delete;
    virtual ~RandomSource() = default;

    /// Fills all of `out`. Never fails: an operating system without randomness ends the process.
    virtual void fill(std::span<std::byte> out) = 0;

    [[nodiscard]] std::uint32_t next_u32() {
        std::array<std::byte, 4> bytes{};
        fill(bytes);
        return std::bit_cast<std::uint32_t>(bytes);
    }

    /// Uniform enough for probes and jitter, not for keys: 0 <= result < bound; 0 if bound is 0.
    [[nodiscard]] std::uint32_t below(std::uint32_t bound) {
        return static_cast<std::uint32_t>((std::uint64_t{next_u32()} * bound) >> 32U);
    }
};

}  // namespace tinc
