#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tinc {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// A numeric IP address. IPv4-mapped IPv6 addresses become IPv4, so that one host is one value,
/// except where inner_v6() says otherwise.
class Address {
  public:
    /// 0.0.0.0
    Address() = default;

    [[nodiscard]] static Address v4(std::array<std::byte, 4> bytes);
    [[nodiscard]] static Address v6(const std::array<std::byte, 16>& bytes,
                                    std::uint32_t scope = 0);
    /// As a packet inside the VPN bears it: always IPv6, an IPv4-mapped one too. Routers know
    /// nothing of what sockets mean by those.
    [[nodiscard]] static Address inner_v6(const std::array<std::byte, 16>& bytes);

    /// Reads numeric text ("10.0.0.1", "fe80::1"); never asks a resolver. A scope ("%eth0") or
    /// brackets are not accepted.
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    /// 4 or 16 bytes in network order.
    [[nodiscard]] std::span<const std::byte> bytes() const;
    /// The same address of no particular interface, as it is told to others.
    [[nodiscard]] Address without_scope() const;
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

/// A hardware address of Ethernet, in the order of the wire.
using MacAddress = std::array<std::byte, 6>;

/// The sender is a machine; a group address (multicast, broadcast) never is one. Zeros, which
/// frames from a tun device bear, are nobody's address.
[[nodiscard]] bool is_host_address(const MacAddress& mac);

/// An address and a port, TCP or UDP.
struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    /// As tinc prints hosts everywhere: "10.99.1.2 port 655".
    [[nodiscard]] std::string text() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

/// Where a connection is to lead: an endpoint, or a port of a host whose name only a proxy knows.
struct Destination {
    Endpoint endpoint;  ///< of a named host only the port counts
    std::string name;   ///< is_host_name(), or empty

    /// Every endpoint is a destination.
    // NOLINTNEXTLINE(google-explicit-constructor,hicpp-explicit-conversions)
    Destination(const Endpoint& resolved) : endpoint(resolved) {}
    Destination(std::string host, std::uint16_t port)
        : endpoint{.address = {}, .port = port}, name(std::move(host)) {}

    [[nodiscard]] bool is_named() const { return !name.empty(); }
    /// The address or the name.
    [[nodiscard]] std::string host() const { return is_named() ? name : endpoint.address.text(); }
    /// "10.99.1.2 port 655", "beta.example port 655"
    [[nodiscard]] std::string text() const;

    friend bool operator==(const Destination&, const Destination&) = default;
};

}  // namespace tinc
