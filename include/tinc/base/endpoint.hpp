#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tinc {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// A numeric IP address. IPv4-mapped IPv6 addresses become IPv4, so that one host is one value.
class Address {
  public:
    /// 0.0.0.0
    Address() = default;

    [[nodiscard]] static Address v4(std::array<std::byte, 4> bytes);
    [[nodiscard]] static Address v6(const std::array<std::byte, 16>& bytes,
                                    std::uint32_t scope = 0);

    /// Reads numeric text ("10.0.0.1", "fe80::1"); never asks a resolver. A scope ("%eth0") or
    /// brackets are not accepted.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    /// 4 or 16 bytes in network order.
    [[nodiscard]] std::span<const std::byte> bytes() const;
    /// Interface index of a link-local IPv6 address, else 0.
    [[nodiscard]] std::uint32_t scope() const { return scope_; }
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_link_local() const;

    /// The usual numeric text, without scope.
    [[nodiscard]] std::string text() const;

    friend auto operator<=>(const Address&, const Address&) = default;

  private:
    Family family_ = Family::ipv4;
    std::uint32_t scope_ = 0;
    std::array<std::byte, 16> bytes_{};
};

/// An address and a port, TCP or UDP.
struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    /// As tinc prints hosts everywhere: "10.99.1.2 port 655".
    [[nodiscard]] std::string text() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace tinc

template <>
struct std::hash<tinc::Address> {
    std::size_t operator()(const tinc::Address& address) const noexcept;
};

template <>
struct std::hash<tinc::Endpoint> {
    std::size_t operator()(const tinc::Endpoint& endpoint) const noexcept;
};
