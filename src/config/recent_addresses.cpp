#include "tinc/config/recent_addresses.hpp"

#include "tinc/base/limits.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace tinc::config {

namespace {

constexpr std::uint32_t version = 1;
constexpr std::uint16_t family_ipv4 = 2;
constexpr std::uint16_t family_ipv6 = 10;

constexpr std::size_t slots_at = 8;
constexpr std::size_t slot_bytes = 32;
constexpr std::size_t port_at = 2;
constexpr std::size_t ipv4_at = 4;
constexpr std::size_t ipv6_at = 8;
constexpr std::size_t scope_at = 24;
static_assert(slots_at + limits::recent_addresses * slot_bytes == recent_addresses_file_bytes);

std::uint32_t get_little(Bytes bytes, std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = size; i > 0; --i)
        value = value << 8U | std::to_integer<std::uint32_t>(bytes[at + i - 1]);
    return value;
}

void put_little(MutableBytes bytes, std::size_t at, std::size_t size, std::uint32_t value) {
    for (std::size_t i = 0; i < size; ++i, value >>= 8U)
        bytes[at + i] = static_cast<std::byte>(value & 0xffU);
}

template <std::size_t size>
std::array<std::byte, size> array_at(Bytes bytes, std::size_t at) {
    std::array<std::byte, size> out{};
    std::ranges::copy(bytes.subspan(at, size), out.begin());
    return out;
}

std::optional<Address> address_in(Bytes slot) {
    const auto family = get_little(slot, 0, sizeof family_ipv4);
    if (family == family_ipv4) return Address::v4(array_at<4>(slot, ipv4_at));
    if (family != family_ipv6) return std::nullopt;
    return Address::v6(array_at<16>(slot, ipv6_at),
                       get_little(slot, scope_at, sizeof(std::uint32_t)));
}

void put_slot(MutableBytes slot, const Endpoint& endpoint) {
    const auto& address = endpoint.address;
    const bool is_ipv4 = address.family() == Family::ipv4;
    put_little(slot, 0, sizeof family_ipv4, is_ipv4 ? family_ipv4 : family_ipv6);
    put_u16(slot, port_at, endpoint.port);
    std::ranges::copy(address.bytes(),
                      slot.begin() + static_cast<std::ptrdiff_t>(is_ipv4 ? ipv4_at : ipv6_at));
    if (!is_ipv4) put_little(slot, scope_at, sizeof(std::uint32_t), address.scope());
}

}  // namespace

Result<std::vector<Endpoint>> parse_recent_addresses(Bytes file) {
    if (file.size() != recent_addresses_file_bytes)
        return failure(Errc::malformed, "It has not the size of an address cache");
    const auto count = get_little(file, sizeof version, sizeof(std::uint32_t));
    if (get_little(file, 0, sizeof version) != version || count > limits::recent_addresses)
        return failure(Errc::malformed, "It is no address cache of version 1");
    std::vector<Endpoint> recent;
    for (std::size_t i = 0; i < count; ++i) {
        const auto slot = file.subspan(slots_at + i * slot_bytes, slot_bytes);
        const auto address = address_in(slot);
        const auto port = get_u16(slot, port_at);
        if (!address || port == 0 || address->is_unspecified() || address->is_multicast()) continue;
        const Endpoint endpoint{*address, port};
        if (std::ranges::find(recent, endpoint) == recent.end()) recent.push_back(endpoint);
    }
    return recent;
}

std::array<std::byte, recent_addresses_file_bytes> recent_addresses_file(
    std::span<const Endpoint> recent) {
    std::array<std::byte, recent_addresses_file_bytes> file{};
    const auto kept = recent.first(std::min(recent.size(), limits::recent_addresses));
    put_little(file, 0, sizeof version, version);
    put_little(file, sizeof version, sizeof(std::uint32_t),
               static_cast<std::uint32_t>(kept.size()));
    auto slots = std::span(file).subspan(slots_at);
    for (const auto& endpoint : kept) {
        put_slot(slots.first(slot_bytes), endpoint);
        slots = slots.subspan(slot_bytes);
    }
    return file;
}

std::vector<Endpoint> with_latest(std::vector<Endpoint> recent, const Endpoint& latest) {
    std::erase(recent, latest);
    recent.insert(recent.begin(), latest);
    recent.resize(std::min(recent.size(), limits::recent_addresses));
    return recent;
}

}  // namespace tinc::config
