#pragma once

#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace tinc::crypto {

/// Key material: wiped when it goes, moved but never copied by accident, and not printable.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::size_t size_bytes);
    [[nodiscard]] static Secret copy_of(Bytes bytes);

    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    [[nodiscard]] Bytes bytes() const { return bytes_; }
    [[nodiscard]] MutableBytes bytes() { return bytes_; }
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }
    /// On purpose, where two owners are needed.
    [[nodiscard]] Secret clone() const { return copy_of(bytes_); }

  private:
    std::vector<std::byte> bytes_;
};

/// Overwrites memory in a way the compiler keeps.
void wipe(MutableBytes bytes);
void wipe(std::string& text);

/// Compares without telling by its time where the first difference is. Sizes are not secret.
[[nodiscard]] bool equal_in_constant_time(Bytes a, Bytes b);

}  // namespace tinc::crypto
