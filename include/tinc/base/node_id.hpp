#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <string>

namespace tinc {

/// A node as datagrams of protocol 17.4 and later name it: the first bytes of a hash of its name.
struct NodeId {
    static constexpr std::size_t size_bytes = 6;

    std::array<std::byte, size_bytes> bytes{};

    /// All zero stands for "you" in place of a destination.
    [[nodiscard]] bool is_null() const { return *this == NodeId{}; }
    /// 12 hexadecimal digits in lower case.
    [[nodiscard]] std::string text() const;
    friend auto operator<=>(const NodeId&, const NodeId&) = default;
};

}  // namespace tinc
