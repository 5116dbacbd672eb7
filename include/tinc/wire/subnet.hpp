#pragma once

#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tinc::wire {

/// What a node answers for: a MAC address, an IPv4 or an IPv6 prefix, with a weight.
///
///     ADDRESS[/PREFIX][#WEIGHT]      10.0.0.0/8   fd00::/64#20   1:2:3:4:5:6
///
/// The weight (default 10, lower wins, may be negative) is part of the identity. Host bits may be
/// set: they are kept on the wire; only our own configuration refuses them.
/// Source: legacy protocol, subnet text; `subnet_text.json` captured from 1.0.36.
struct Subnet {
    enum class Type : std::uint8_t { mac, ipv4, ipv6 };
    static constexpr std::int32_t default_weight = 10;

    Type type = Type::ipv4;
    std::uint8_t prefix = 32;  ///< bits; 48 for a MAC
    std::int32_t weight = default_weight;
    std::array<std::byte, 16> address{};  ///< first 6, 4 or 16 bytes count, the rest is zero

    [[nodiscard]] std::size_t address_bytes() const;
    /// No address bit is set beyond the prefix.
    [[nodiscard]] bool has_no_host_bits() const;
    [[nodiscard]] bool contains(const Address& address) const;

    friend bool operator==(const Subnet&, const Subnet&) = default;
    /// tinc's list order: type, longest prefix, address, lowest weight.
    friend std::strong_ordering operator<=>(const Subnet& a, const Subnet& b);
};

/// The whole address, with the usual weight.
[[nodiscard]] Subnet mac_subnet(const MacAddress& mac);
/// Nothing for another type of subnet.
[[nodiscard]] std::optional<MacAddress> mac_of(const Subnet& subnet);

/// Accepts every form tinc writes or documents: a MAC address in groups of 1 to 4 hexadecimal
/// digits of which the low 8 bits count, IPv4 in four decimal numbers, IPv6 in full, with "::" or
/// with a dotted tail; prefix and weight may be absent. Fails with Errc::malformed.
///
/// Stricter than 1.0.36 where that misreads: a weight beyond 32 bits, groups beyond 4 digits, signs
/// before anything but the weight.
[[nodiscard]] Result<Subnet> parse_subnet(std::string_view text);

/// The one form we send: always with prefix and weight, IPv6 in eight groups, as 1.0.36 does.
[[nodiscard]] std::string subnet_text(const Subnet& subnet);

/// As scripts get it in SUBNET: like subnet_text() but without the weight.
[[nodiscard]] std::string subnet_text_without_weight(const Subnet& subnet);

}  // namespace tinc::wire
