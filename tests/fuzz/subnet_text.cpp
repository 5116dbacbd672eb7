// Subnet text: what is understood has one canonical form, which means the same.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/wire/subnet.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    constexpr std::size_t longest_text = 63;

    const auto subnet = wire::parse_subnet(as_text(std::as_bytes(std::span(data, size))));
    if (!subnet) {
        TINC_ASSERT(subnet.error().code == Errc::malformed);
        return 0;
    }
    const auto text = wire::subnet_text(*subnet);
    TINC_ASSERT(text.size() <= longest_text);
    TINC_ASSERT(text.starts_with(wire::subnet_text_without_weight(*subnet)));
    TINC_ASSERT(wire::parse_subnet(text) == subnet);
    TINC_ASSERT(subnet->prefix <= 8 * subnet->address_bytes());
    if (subnet->type == wire::Subnet::Type::mac) return 0;

    const auto address = subnet->type == wire::Subnet::Type::ipv4
                             ? Address::v4({subnet->address[0], subnet->address[1],
                                            subnet->address[2], subnet->address[3]})
                             : Address::v6(subnet->address);
    const bool is_mapped = subnet->address_bytes() != address.bytes().size();
    TINC_ASSERT(subnet->contains(address) != is_mapped);
    return 0;
}
