// A file of the address cache, as anything may stand there: what is read of it survives a round
// trip, and is as few and as usable as promised.

#include "tinc/config/recent_addresses.hpp"
#include "tinc/base/limits.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = std::as_bytes(std::span(data, size));
    const auto recent = tinc::config::parse_recent_addresses(file);
    if (!recent) return 0;
    TINC_ASSERT(recent->size() <= tinc::limits::recent_addresses);
    const auto written = tinc::config::recent_addresses_file(*recent);
    const auto again = tinc::config::parse_recent_addresses(written);
    TINC_ASSERT(again && *again == *recent);
    for (const auto& endpoint : *recent) {
        TINC_ASSERT(endpoint.port != 0 && !endpoint.address.is_unspecified());
        TINC_ASSERT(tinc::config::with_latest(*recent, endpoint).size() == recent->size());
    }
    return 0;
}
