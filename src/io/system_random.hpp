#pragma once

#include "tinc/base/random.hpp"

namespace tinc::io {

/// getrandom(2). Ends the process if the kernel has no randomness to give: nothing here is safe
/// without it.
class SystemRandom final : public RandomSource {
  public:
    void fill(std::span<std::byte> out) override;
};

}  // namespace tinc::io
