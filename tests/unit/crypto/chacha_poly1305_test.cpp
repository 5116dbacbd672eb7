#include "tinc/crypto/chacha_poly1305.hpp"

#include "support/vectors.hpp"
#include "tinc/base/text.hpp"
#include "tinc/crypto/key_expansion.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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

/// Records of random sizes up to 1700 bytes: with room for the tag, and sealed.
struct Batch {
    Batch(const ChaChaPoly1305& cipher, std::mt19937_64& random, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            auto& bytes = plain.emplace_back(random() % 1701 + ChaChaPoly1305::tag_bytes);
            std::ranges::generate(bytes, [&] { return static_cast<std::byte>(random()); });
            sequences.push_back(random() >> (random() % 64));
            cipher.seal(sequences.back(), sealed.emplace_back(bytes));
        }
    }
    static std::vector<ChaChaPoly1305::Record> records(const std::vector<std::uint64_t>& sequences,
                                                       std::vector<std::vector<std::byte>>& of) {
        std::vector<ChaChaPoly1305::Record> all;
        for (std::size_t i = 0; i < of.size(); ++i)
            all.push_back({.sequence = sequences[i], .bytes = of[i]});
        return all;
    }
    std::vector<std::uint64_t> sequences;
    std::vector<std::vector<std::byte>> plain;
    std::vector<std::vector<std::byte>> sealed;
};

TEST(ChaChaPoly1305Test, SealsManyAsOne) {
    const auto cipher = recorded().at(2).cipher.clone();
    PacketEngine engine;
    std::mt19937_64 random(5);
    for (std::size_t count = 0; count < 70; ++count) {
        Batch batch(cipher, random, count);
        cipher.seal(Batch::records(batch.sequences, batch.plain), engine);
        EXPECT_EQ(batch.plain, batch.sealed);
    }
}

TEST(ChaChaPoly1305Test, OpensOfManyWhatIsRightAndChangesNothingElse) {
    const auto cipher = recorded().at(2).cipher.clone();
    PacketEngine engine;
    std::mt19937_64 random(6);
    for (std::size_t count = 0; count < 70; ++count) {
        Batch batch(cipher, random, count);
        for (auto& bytes : batch.sealed) {
            const auto at = random() % bytes.size();
            if (random() % 4 == 0) bytes[at] ^= std::byte{8};
            if (random() % 8 == 0) bytes.resize(at);
        }
        auto one_by_one = batch.sealed;
        auto records = Batch::records(batch.sequences, batch.sealed);
        cipher.open(records, engine);
        for (std::size_t i = 0; i < count; ++i)
            EXPECT_EQ(records[i].is_right, cipher.open(batch.sequences[i], one_by_one[i])) << i;
        EXPECT_EQ(batch.sealed, one_by_one);
    }
}

}  // namespace
}  // namespace tinc::crypto
