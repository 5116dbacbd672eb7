#include "tinc/base/endpoint.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace tinc {

namespace {

constexpr std::size_t v4_bytes = 4;
constexpr std::array<std::byte, 12> mapped_prefix = {
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
    std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};

}  // namespace

Address Address::v4(std::array<std::byte, 4> bytes) {
    Address address;
    std::ranges::copy(bytes, address.bytes_.begin());
    return address;
}

Address Address::v6(const std::array<std::byte, 16>& bytes, std::uint32_t scope) {
    if (std::ranges::equal(std::span(bytes).first<12>(), mapped_prefix))
        return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
    auto address = inner_v6(bytes);
    if (address.is_link_local() || address.is_multicast()) address.scope_ = scope;
    return address;
}

Address Address::inner_v6(const std::array<std::byte, 16>& bytes) {
    Address address;
    address.family_ = Family::ipv6;
    address.bytes_ = bytes;
    return address;
}

std::optional<Address> Address::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
    std::array<std::byte, 16> bytes{};
    if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1)
        return v4({bytes[0], bytes[1], bytes[2], bytes[3]});
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return v6(bytes);
    return std::nullopt;
}

std::span<const std::byte> Address::bytes() const {
    return std::span(bytes_).first(family_ == Family::ipv4 ? v4_bytes : bytes_.size());
}

Address Address::without_scope() const {
    auto address = *this;
    address.scope_ = 0;
    return address;
}

bool Address::is_unspecified() const {
    return std::ranges::all_of(bytes(), [](std::byte b) { return b == std::byte{0}; });
}

bool Address::is_multicast() const {
    if (family_ == Family::ipv4) return (bytes_[0] & std::byte{0xf0}) == std::byte{0xe0};
    return bytes_[0] == std::byte{0xff};
}

bool Address::is_loopback() const {
    if (family_ == Family::ipv4) return bytes_[0] == std::byte{127};
    return std::ranges::all_of(std::span(bytes_).first<15>(),
                               [](std::byte b) { return b == std::byte{0}; }) &&
           bytes_[15] == std::byte{1};
}

bool Address::is_link_local() const {
    if (family_ == Family::ipv4) return bytes_[0] == std::byte{169} && bytes_[1] == std::byte{254};
    return bytes_[0] == std::byte{0xfe} && (bytes_[1] & std::byte{0xc0}) == std::byte{0x80};
}

std::string Address::text() const {
    std::array<char, INET6_ADDRSTRLEN> out{};
    inet_ntop(family_ == Family::ipv4 ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
    return out.data();
}

bool is_host_address(const MacAddress& mac) {
    const bool is_group = (mac[0] & std::byte{1}) != std::byte{0};
    return !is_group && mac != MacAddress{};
}

std::string Endpoint::text() const { return fmt::format("{} port {}", address.text(), port); }

std::string Destination::text() const { return fmt::format("{} port {}", host(), endpoint.port); }

}  // namespace tinc
