#pragma once

#include "tinc/base/random.hpp"

#include <random>

namespace tinc::test {

/// A random source that gives the same bytes for the same seed.
class SeededRandom final : public RandomSource {
  public:
    explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
    void fill(std::span<std::byte> out) override {
        for (auto& byte : out) byte = static_cast<std::byte>(engine_() & 0xffU);
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace tinc::test
