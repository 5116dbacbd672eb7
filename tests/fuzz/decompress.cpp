// Byte 0 is the level, bytes 1 and 2 limit the output; the rest is a packet from a peer. It also
// serves as something to compress, which must come back as it was.

#include "tinc/packet/compression.hpp"

#include <algorithm>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    if (size < 3) return 0;
    const int level = data[0] % 12;
    TINC_ASSERT(packet::Compression::check(level).has_value());
    packet::Compression compression;
    const auto bytes = std::as_bytes(std::span(data, std::min<std::size_t>(size, 4096)));
    const auto in = bytes.subspan(3);

    std::vector<std::byte> limited(get_u16(bytes, 1) % 4096);
    const auto expanded = compression.decompress(level, in, limited);
    TINC_ASSERT(expanded.value_or(0) <= limited.size());
    const auto squeezed = compression.compress(level, in, limited);
    TINC_ASSERT(squeezed.value_or(0) <= limited.size());

    std::vector<std::byte> ample(2 * in.size() + 128);
    const auto count = compression.compress(level, in, ample);
    TINC_ASSERT(count.has_value());
    std::vector<std::byte> back(in.size());
    TINC_ASSERT(compression.decompress(level, std::span(ample).first(*count), back) == in.size());
    TINC_ASSERT(std::ranges::equal(back, in));
    return 0;
}
