#include "tinc/crypto/chacha_poly1305.hpp"

#include "support/vectors.hpp"
#include "tinc/base/text.hpp"
#include "tinc/crypto/key_expansion.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace tinc::crypto {
namespace {

TEST(KeyExpansionTest, ExpandsAsTheOriginalDoes) {
    for (const auto& vector : test::vectors_of("prf.json")) {
        const auto expected = test::bytes_of(vector["output"]);
        const auto expanded = expand_key(test::bytes_of(vector["secret"]),
                                         test::bytes_of(vector["seed"]), expected.size());
        ASSERT_TRUE(expanded);
        EXPECT_TRUE(std::ranges::equal(expanded->bytes(), expected));
    }
}

struct Sealed {
    std::uint64_t sequence;
    ChaChaPoly1305 cipher;
    std::vector<std::byte> plain;
    std::vector<std::byte> sealed;
};

std::vector<Sealed> recorded() {
    std::vector<Sealed> all;
    for (const auto& vector : test::vectors_of("chacha-poly1305.json"))
        all.push_back({parse_number<std::uint64_t>(vector["seqno"].get<std::string>(), 16).value(),
                       ChaChaPoly1305(test::bytes_of(vector["key64"])),
                       test::bytes_of(vector["plaintext"]),
                       test::bytes_of(vector["ciphertext_and_tag"])});
    return all;
}

TEST(ChaChaPoly1305Test, SealsAndOpensAsTheOriginalDoes) {
    for (const auto& record : recorded()) {
        auto bytes = record.plain;
        bytes.resize(bytes.size() + ChaChaPoly1305::tag_bytes);
        record.cipher.seal(record.sequence, bytes);
        EXPECT_EQ(bytes, record.sealed);
        ASSERT_TRUE(record.cipher.verify(record.sequence, bytes));
        ASSERT_TRUE(record.cipher.open(record.sequence, bytes));
        bytes.resize(record.plain.size());
        EXPECT_EQ(bytes, record.plain);
    }
}

TEST(ChaChaPoly1305Test, AnyFlippedBitIsNoticedAndNothingIsChanged) {
    const auto records = recorded();
    const auto& record = records.at(2);
    for (std::size_t bit = 0; bit < record.sealed.size() * 8; ++bit) {
        auto forged = record.sealed;
        forged[bit / 8] ^= std::byte{1} << (bit % 8);
        const auto before = forged;
        EXPECT_FALSE(record.cipher.open(record.sequence, forged)) << bit;
        EXPECT_EQ(forged, before);
    }
}

TEST(ChaChaPoly1305Test, AnotherNumberOrKeyDoesNotOpen) {
    auto records = recorded();
    auto& record = records.at(2);
    EXPECT_FALSE(record.cipher.open(record.sequence + 1, record.sealed));
    EXPECT_FALSE(records.at(3).cipher.open(record.sequence, record.sealed));
    EXPECT_TRUE(record.cipher.clone().open(record.sequence, record.sealed));
}

TEST(ChaChaPoly1305Test, WhatHasNoRoomForATagIsForged) {
    const auto records = recorded();
    const auto& record = records.at(0);
    EXPECT_FALSE(record.cipher.verify(0, Bytes(record.sealed).first(15)));
    EXPECT_FALSE(record.cipher.verify(0, {}));
}

}  // namespace
}  // namespace tinc::crypto
