#include "tinc/packet/offload.hpp"
#include "support/frames.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>

namespace tinc::packet {
namespace {

TEST(OffloadHeaderTest, HasItsFieldsInTheByteOrderOfTheHost) {
    const OffloadHeader header{.flags = needs_csum,
                               .gso_type = gso_ecn | 4,
                               .hdr_len = 0x0102,
                               .gso_size = 0x0304,
                               .csum_start = 0x0506,
                               .csum_offset = 0x0708};
    std::array<std::byte, offload_header_bytes> bytes{};
    write(bytes, header);
    const bool is_little = std::endian::native == std::endian::little;
    EXPECT_EQ(hex_text(bytes), is_little ? "01840201040306050807" : "01840102030405060708");
    EXPECT_EQ(parse_offload_header(bytes), header);
}

TEST(OffloadHeaderTest, IsEmptyIfAllZeros) {
    const std::array<std::byte, offload_header_bytes> zeros{};
    EXPECT_EQ(parse_offload_header(zeros), OffloadHeader{});
}

}  // namespace
}  // namespace tinc::packet
