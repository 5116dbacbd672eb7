#include "tinc/base/base64.hpp"

#include "support/vectors.hpp"

#include <gtest/gtest.h>

namespace tinc {
namespace {

TEST(Base64Test, WritesAndReadsWhatTheOriginalDoes) {
    for (const auto& vector : test::vectors_of("base64.json")) {
        const auto bytes = test::bytes_of(vector["bytes"]);
        EXPECT_EQ(base64_text(bytes), test::text_of(vector["std"]));
        EXPECT_EQ(base64_url_text(bytes), test::text_of(vector["urlsafe"]));
        EXPECT_EQ(parse_base64(test::text_of(vector["std"])), bytes);
        EXPECT_EQ(parse_base64(test::text_of(vector["urlsafe"])), bytes);
    }
}

TEST(Base64Test, TakesBothAlphabetsMixed) { EXPECT_EQ(parse_base64("7/-_"), parse_base64("7/+/")); }

TEST(Base64Test, IgnoresASingleCharacterAtTheEndAndSurplusBits) {
    EXPECT_EQ(parse_base64("pTJrA"), parse_base64("pTJr"));
    EXPECT_EQ(parse_base64("A"), std::vector<std::byte>());
    EXPECT_EQ(parse_base64("AE"), parse_base64("AA"));
}

TEST(Base64Test, RefusesAnyOtherCharacter) {
    for (const auto* text : {"pTJ=", "pT r", "\xff", "pTJr\n", "pTJrPo.", "pTJr#"})
        EXPECT_FALSE(parse_base64(text)) << text;
}

}  // namespace
}  // namespace tinc
