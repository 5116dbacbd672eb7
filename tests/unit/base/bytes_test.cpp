#include "tinc/base/bytes.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tinc {
namespace {

TEST(BytesTest, NumbersAreInNetworkOrder) {
    std::array<std::byte, 7> bytes{};
    put_u32(bytes, 1, 0x01020304U);
    put_u16(bytes, 5, 0xfffeU);
    EXPECT_EQ(bytes[1], std::byte{1});
    EXPECT_EQ(get_u32(bytes, 1), 0x01020304U);
    EXPECT_EQ(get_u16(bytes, 5), 0xfffeU);
}

TEST(HexTest, WritesUpperCaseAndReadsEither) {
    const auto bytes = parse_hex("00fFA9");
    ASSERT_TRUE(bytes);
    EXPECT_EQ(hex_text(*bytes), "00FFA9");
}

TEST(HexTest, RefusesOddLengthsAndOtherCharacters) {
    EXPECT_FALSE(parse_hex("0"));
    EXPECT_FALSE(parse_hex("0g"));
    EXPECT_FALSE(parse_hex(" 0"));
    EXPECT_TRUE(parse_hex("").value().empty());
}

}  // namespace
}  // namespace tinc
