#include "tinc/packet/compression.hpp"
#include "support/seeded_random.hpp"
#include "support/test_data.hpp"
#include "support/vectors.hpp"
#include "tinc/base/limits.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace tinc::packet {
namespace {

using Buffer = std::vector<std::byte>;

/// One level of a Compression.
struct Compressor {
    int level;
    Compression compression{};

    auto compress(Bytes in, MutableBytes out) { return compression.compress(level, in, out); }
    auto decompress(Bytes in, MutableBytes out) { return compression.decompress(level, in, out); }
};

Compressor compressor(int level) {
    EXPECT_TRUE(Compression::check(level)) << "level " << level;
    return {level};
}

Buffer random_bytes(std::size_t size, std::uint64_t seed = 1) {
    Buffer bytes(size);
    test::SeededRandom(seed).fill(bytes);
    return bytes;
}

Buffer compressed(Compressor& compressor, Bytes in) {
    Buffer out(in.size() * 2 + 128);
    const auto count = compressor.compress(in, out);
    EXPECT_TRUE(count);
    out.resize(count.value_or(0));
    return out;
}

Buffer decompressed(Compressor& compressor, Bytes in, std::size_t limit) {
    Buffer out(limit);
    const auto count = compressor.decompress(in, out);
    EXPECT_TRUE(count);
    out.resize(count.value_or(0));
    return out;
}

class CompressorLevel : public testing::TestWithParam<int> {};

TEST_P(CompressorLevel, GivesBackWhatItWasGiven) {
    auto subject = compressor(GetParam());
    for (const std::size_t size : {0U, 1U, 14U, 64U, 600U, 1518U}) {
        const Buffer zeros(size);
        EXPECT_EQ(decompressed(subject, compressed(subject, zeros), size), zeros) << size;
        const auto noise = random_bytes(size);
        EXPECT_EQ(decompressed(subject, compressed(subject, noise), size), noise) << size;
    }
}

TEST_P(CompressorLevel, NeverWritesBeyondItsOutput) {
    auto subject = compressor(GetParam());
    for (const auto& in : {Buffer(600), random_bytes(600)}) {
        const auto whole = compressed(subject, in);
        for (std::size_t room = 0; room < whole.size(); room += 1 + whole.size() / 50) {
            Buffer out(room);  // its own allocation, so that the sanitizer sees one byte too many
            EXPECT_FALSE(subject.compress(in, out)) << room;
        }
        Buffer exact(whole.size());
        EXPECT_EQ(subject.compress(in, exact), whole.size());
        EXPECT_EQ(exact, whole);
    }
}

TEST_P(CompressorLevel, NeverExpandsBeyondItsOutput) {
    auto subject = compressor(GetParam());
    const Buffer in(1000, std::byte{7});
    const auto small = compressed(subject, in);
    for (std::size_t room = 0; room < in.size(); room += 9) {
        Buffer out(room);
        EXPECT_FALSE(subject.decompress(small, out)) << room;
    }
}

TEST_P(CompressorLevel, WorksAgainAfterAFailure) {
    auto subject = compressor(GetParam());
    const auto in = random_bytes(300);
    Buffer tiny(3);
    EXPECT_FALSE(subject.compress(in, tiny));
    const auto whole = compressed(subject, in);
    EXPECT_FALSE(subject.decompress(whole, tiny));
    EXPECT_EQ(decompressed(subject, whole, 300), in);
}

TEST_P(CompressorLevel, SurvivesBeingMoved) {
    auto first = compressor(GetParam());
    const auto in = random_bytes(200);
    const auto whole = compressed(first, in);
    auto second = std::move(first);
    EXPECT_EQ(compressed(second, in), whole);
    EXPECT_EQ(decompressed(second, whole, 200), in);
}

INSTANTIATE_TEST_SUITE_P(Packet, CompressorLevel,
                         testing::Range(0, Compression::highest_level + 1));

class RealCompressorLevel : public testing::TestWithParam<int> {};

TEST_P(RealCompressorLevel, StopsABombAtTheLimit) {
    auto subject = compressor(GetParam());
    const Buffer zeros(1U << 20U);
    const auto bomb = compressed(subject, zeros);
    EXPECT_LT(bomb.size(), zeros.size() / 100);

    Buffer out(limits::datagram_bytes);
    EXPECT_FALSE(subject.decompress(bomb, out));
}

TEST_P(RealCompressorLevel, RefusesEveryTruncation) {
    auto subject = compressor(GetParam());
    const auto whole = compressed(subject, random_bytes(200));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const Buffer part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        Buffer out(400);
        EXPECT_FALSE(subject.decompress(part, out)) << size;
    }
}

TEST_P(RealCompressorLevel, StaysInsideItsOutputOnNoise) {
    auto subject = compressor(GetParam());
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        Buffer out(100);
        const auto count = subject.decompress(random_bytes(1 + seed % 90, seed), out);
        EXPECT_LE(count.value_or(0), out.size());
    }
}

INSTANTIATE_TEST_SUITE_P(Packet, RealCompressorLevel,
                         testing::Range(1, Compression::highest_level + 1));

TEST(CompressionTest, ReadsWhatTheOriginalLibrariesWrote) {
    Compression compression;
    for (const auto& vector : test::vectors_of("compression.json")) {
        const auto plain = test::bytes_of(vector["plaintext"]);
        std::vector<std::byte> out(plain.size());
        const auto size = compression.decompress(vector["level"].get<int>(),
                                                 test::bytes_of(vector["compressed"]), out);
        ASSERT_EQ(size, plain.size()) << vector["level"];
        EXPECT_EQ(out, plain);
    }
}

TEST(CompressionTest, RefusesUnknownLevels) {
    for (const int level : {-1, 13, 1000}) {
        const auto made = Compression::check(level);
        ASSERT_FALSE(made) << level;
        EXPECT_EQ(made.error().code, Errc::refused);
    }
}

TEST(CompressionTest, ServesAllLevelsInTurn) {
    Compression one;
    const auto in = random_bytes(300);
    for (int round = 0; round < 2; ++round) {
        for (int level = 0; level <= Compression::highest_level; ++level) {
            Buffer small(700);
            const auto count = one.compress(level, in, small);
            ASSERT_TRUE(count) << level;
            Buffer back(300);
            EXPECT_EQ(one.decompress(level, Bytes(small).first(*count), back), in.size()) << level;
            EXPECT_EQ(back, in) << level;
        }
    }
}

TEST(CompressionTest, ReadsAndWritesWhatTheOriginalSent) {
    const auto data = nlohmann::json::parse(test::test_data("udp_variants.json"));
    int packets = 0;
    for (const auto& one : data["cases"]) {
        const auto options = one["options_at_receiver"].get<std::string>();
        if (!options.starts_with("Compression=")) continue;
        auto subject = compressor(std::stoi(options.substr(options.find('=') + 1)));
        for (const auto& packet : one["packets"]) {
            const auto frame = parse_hex(packet["frame_hex"].get<std::string>()).value();
            const auto sent = parse_hex(packet["clear_hex"].get<std::string>()).value();
            EXPECT_EQ(decompressed(subject, sent, limits::datagram_bytes), frame) << options;
            EXPECT_EQ(compressed(subject, frame), sent) << options;
            ++packets;
        }
    }
    EXPECT_GE(packets, 12);
}

}  // namespace
}  // namespace tinc::packet
