#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace tinc::test {

/// Gives the bytes it was told to give, in order; asking for more ends the test program.
class ScriptedRandom final : public RandomSource {
  public:
    explicit ScriptedRandom(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

    void fill(std::span<std::byte> out) override {
        TINC_ASSERT(out.size() <= bytes_.size() - at_);
        std::ranges::copy(std::span(bytes_).subspan(at_, out.size()), out.begin());
        at_ += out.size();
    }

  private:
    std::vector<std::byte> bytes_;
    std::size_t at_ = 0;
};

}  // namespace tinc::test
