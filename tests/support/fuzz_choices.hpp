#pragma once

#include "tinc/base/random.hpp"

#include <algorithm>
#include <array>
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

/// The same for inputs that choose much: one or two bytes a choice.
class SmallChoices {
  public:
    SmallChoices(const std::uint8_t* data, std::size_t size) : source_(data, size) {}

    /// `bound` is 1 to 65536.
    [[nodiscard]] std::size_t below(std::size_t bound) {
        return (bound <= 256 ? number<1>() : number<2>()) % bound;
    }
    [[nodiscard]] std::uint16_t u16() { return static_cast<std::uint16_t>(number<2>()); }
    [[nodiscard]] bool once_in(std::size_t count) { return below(count) == count - 1; }
    void fill(std::span<std::byte> out) { source_.fill(out); }

  private:
    template <std::size_t count>
    std::size_t number() {
        std::array<std::byte, count> bytes{};
        source_.fill(bytes);
        std::size_t value = 0;
        for (const auto byte : bytes) value = value * 256 + std::to_integer<std::size_t>(byte);
        return value;
    }

    FuzzChoices source_;
};

}  // namespace tinc::test
