#pragma once

#include "tinc/base/random.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tinc::test {

/// A fuzzer's input as the source of all choices. Zeros follow its end.
class FuzzChoices final : public RandomSource {
  public:
    FuzzChoices(const std::uint8_t* data, std::size_t size)
        : rest_(std::as_bytes(std::span(data, size))) {}

    void fill(std::span<std::byte> out) override {
        const auto count = std::min(out.size(), rest_.size());
        std::ranges::copy(rest_.first(count), out.begin());
        std::ranges::fill(out.subspan(count), std::byte{0});
        rest_ = rest_.subspan(count);
    }

    [[nodiscard]] bool is_used_up() const { return rest_.empty(); }

  private:
    std::span<const std::byte> rest_;
};

}  // namespace tinc::test
