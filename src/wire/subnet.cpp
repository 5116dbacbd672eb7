#include "tinc/wire/subnet.hpp"

#include "tinc/base/bytes.hpp"
#include "tinc/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

namespace tinc::wire {

namespace {

constexpr std::size_t mac_bytes = 6;
constexpr std::size_t ipv4_bytes = 4;
constexpr std::size_t ipv6_bytes = 16;
constexpr std::size_t hex_group_digits = 4;

std::size_t address_bytes_of(Subnet::Type type) {
    switch (type) {
        case Subnet::Type::mac:
            return mac_bytes;
        case Subnet::Type::ipv4:
            return ipv4_bytes;
        case Subnet::Type::ipv6:
            return ipv6_bytes;
    }
    return 0;
}

std::uint8_t longest_prefix(Subnet::Type type) {
    return static_cast<std::uint8_t>(8 * address_bytes_of(type));
}

/// The bits of the n-th byte that a prefix covers.
std::byte prefix_mask(std::size_t prefix, std::size_t n) {
    const auto bits = std::clamp<std::size_t>(prefix, 8 * n, 8 * n + 8) - 8 * n;
    return static_cast<std::byte>(0xff00U >> bits);
}

/// Cuts `text` before `separator` and returns what follows it.
std::optional<std::string_view> cut_off(std::string_view& text, char separator) {
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    const auto tail = text.substr(at + 1);
    text = text.substr(0, at);
    return tail;
}

Subnet whole(Subnet::Type type, const std::array<std::byte, ipv6_bytes>& address) {
    return {.type = type,
            .prefix = longest_prefix(type),
            .weight = Subnet::default_weight,
            .address = address};
}

/// Exactly `out.size()` numbers with `separator` between them, each read by `read_group`.
template <class ReadGroup>
bool read_groups(std::string_view text, char separator, MutableBytes out, ReadGroup read_group) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto tail = cut_off(text, separator);
        const bool is_last = i + 1 == out.size();
        if (tail.has_value() == is_last) return false;
        const std::optional<std::uint8_t> value = read_group(text);
        if (!value) return false;
        out[i] = std::byte{*value};
        text = tail.value_or(std::string_view());
    }
    return true;
}

/// 1 to 4 hexadecimal digits.
std::optional<std::uint16_t> hex_group(std::string_view text) {
    if (text.size() > hex_group_digits) return std::nullopt;
    return parse_number<std::uint16_t>(text, 16);
}

/// Like any group of hexadecimal digits, but only the low 8 bits count.
std::optional<std::uint8_t> mac_group(std::string_view text) {
    const auto value = hex_group(text);
    if (!value) return std::nullopt;
    return static_cast<std::uint8_t>(*value & 0xffU);
}

std::optional<std::uint8_t> ipv4_group(std::string_view text) {
    return parse_number<std::uint8_t>(text);
}

/// Reads groups of 16 bits, the last two of them perhaps as four decimal numbers, to the front of
/// `out`. Returns the bytes they fill. No text is no group.
std::optional<std::size_t> read_ipv6_groups(std::string_view text, MutableBytes out) {
    std::size_t filled = 0;
    std::optional<std::string_view> tail = text;
    if (text.empty()) return filled;
    while (tail) {
        text = *tail;
        tail = cut_off(text, ':');
        if (filled + 2 > out.size()) return std::nullopt;
        if (const auto value = hex_group(text)) {
            put_u16(out, filled, *value);
            filled += 2;
        } else if (!tail && filled + ipv4_bytes <= out.size() &&
                   read_groups(text, '.', out.subspan(filled, ipv4_bytes), ipv4_group)) {
            filled += ipv4_bytes;
        } else {
            return std::nullopt;
        }
    }
    return filled;
}

/// Eight groups, or fewer around one "::" that stands for at least one.
bool read_ipv6(std::string_view text, MutableBytes out) {
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) return read_ipv6_groups(text, out) == ipv6_bytes;

    const auto head = text.substr(0, gap);
    if (head.find('.') != std::string_view::npos) return false;
    std::array<std::byte, ipv6_bytes> tail{};
    const auto head_bytes = read_ipv6_groups(head, out);
    const auto tail_bytes = read_ipv6_groups(text.substr(gap + 2), tail);
    if (!head_bytes || !tail_bytes || *head_bytes + *tail_bytes > ipv6_bytes - 2) return false;
    std::ranges::copy(Bytes(tail).first(*tail_bytes), out.last(*tail_bytes).begin());
    return true;
}

/// The address alone, with the longest prefix of its type. Six groups are a MAC address before
/// anything else; IPv6 has eight of them, or "::", or a tail with dots.
std::optional<Subnet> read_address(std::string_view text) {
    std::array<std::byte, ipv6_bytes> mac{};
    std::array<std::byte, ipv6_bytes> ipv4{};
    std::array<std::byte, ipv6_bytes> ipv6{};
    if (read_groups(text, ':', MutableBytes(mac).first(mac_bytes), mac_group))
        return whole(Subnet::Type::mac, mac);
    if (read_groups(text, '.', MutableBytes(ipv4).first(ipv4_bytes), ipv4_group))
        return whole(Subnet::Type::ipv4, ipv4);
    if (read_ipv6(text, ipv6)) return whole(Subnet::Type::ipv6, ipv6);
    return std::nullopt;
}

/// Unlike a prefix, it may have either sign.
std::optional<std::int32_t> read_weight(std::string_view text) {
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    return parse_number<std::int32_t>(text);
}

std::string mac_text(Bytes bytes) {
    const auto value = [bytes](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    return fmt::format("{:x}:{:x}:{:x}:{:x}:{:x}:{:x}", value(0), value(1), value(2), value(3),
                       value(4), value(5));
}

std::string ipv4_text(Bytes bytes) {
    const auto value = [bytes](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
    return fmt::format("{}.{}.{}.{}", value(0), value(1), value(2), value(3));
}

std::string ipv6_text(Bytes bytes) {
    std::string out = fmt::format("{:x}", get_u16(bytes, 0));
    for (std::size_t i = 2; i < ipv6_bytes; i += 2) out += fmt::format(":{:x}", get_u16(bytes, i));
    return out;
}

}  // namespace

std::size_t Subnet::address_bytes() const { return address_bytes_of(type); }

bool Subnet::has_no_host_bits() const {
    for (std::size_t i = 0; i < address_bytes(); ++i)
        if ((address[i] & ~prefix_mask(prefix, i)) != std::byte{0}) return false;
    return true;
}

bool Subnet::contains(const Address& other) const {
    const auto family = other.family() == Family::ipv4 ? Type::ipv4 : Type::ipv6;
    if (type != family) return false;
    const auto bytes = other.bytes();
    for (std::size_t i = 0; i < bytes.size(); ++i)
        if (((address[i] ^ bytes[i]) & prefix_mask(prefix, i)) != std::byte{0}) return false;
    return true;
}

std::strong_ordering operator<=>(const Subnet& a, const Subnet& b) {
    if (const auto order = a.type <=> b.type; order != 0) return order;
    if (const auto order = b.prefix <=> a.prefix; order != 0) return order;
    if (const auto order = a.address <=> b.address; order != 0) return order;
    return a.weight <=> b.weight;
}

Subnet mac_subnet(const MacAddress& mac) {
    std::array<std::byte, ipv6_bytes> address{};
    std::ranges::copy(mac, address.begin());
    return whole(Subnet::Type::mac, address);
}

std::optional<MacAddress> mac_of(const Subnet& subnet) {
    if (subnet.type != Subnet::Type::mac) return std::nullopt;
    MacAddress mac{};
    std::ranges::copy(Bytes(subnet.address).first(mac_bytes), mac.begin());
    return mac;
}

Result<Subnet> parse_subnet(std::string_view text) {
    const auto weight_text = cut_off(text, '#');
    const auto prefix_text = cut_off(text, '/');

    auto subnet = read_address(text);
    if (!subnet) return failure(Errc::malformed, "subnet has no valid address");
    if (prefix_text) {
        const auto prefix = parse_number<std::uint8_t>(*prefix_text);
        if (!prefix || *prefix > subnet->prefix || subnet->type == Subnet::Type::mac)
            return failure(Errc::malformed, "subnet has no valid prefix length");
        subnet->prefix = *prefix;
    }
    if (weight_text) {
        const auto weight = read_weight(*weight_text);
        if (!weight) return failure(Errc::malformed, "subnet has no valid weight");
        subnet->weight = *weight;
    }
    return *subnet;
}

std::string subnet_text(const Subnet& subnet) {
    return fmt::format("{}#{}", subnet_text_without_weight(subnet), subnet.weight);
}

std::string subnet_text_without_weight(const Subnet& subnet) {
    switch (subnet.type) {
        case Subnet::Type::mac:
            return mac_text(subnet.address);
        case Subnet::Type::ipv4:
            return fmt::format("{}/{}", ipv4_text(subnet.address), subnet.prefix);
        case Subnet::Type::ipv6:
            return fmt::format("{}/{}", ipv6_text(subnet.address), subnet.prefix);
    }
    return {};
}

}  // namespace tinc::wire
