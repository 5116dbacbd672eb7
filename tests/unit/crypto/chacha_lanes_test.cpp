#include "crypto/chacha_lanes.hpp"

#include "support/seeded_random.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <random>

namespace tinc::crypto {
namespace {

struct Piece {
    std::uint64_t sequence;
    std::uint32_t counter;
    std::vector<std::byte> bytes;
};

std::vector<std::byte> by_sodium(Bytes key, const Piece& piece) {
    std::array<unsigned char, crypto_stream_chacha20_NONCEBYTES> nonce{};
    for (std::size_t i = 0; i < nonce.size(); ++i)
        nonce[i] = static_cast<unsigned char>(piece.sequence >> (56 - 8 * i));
    auto bytes = piece.bytes;
    if (bytes.empty()) return bytes;  // it takes no null pointer
    auto* const data = reinterpret_cast<unsigned char*>(bytes.data());
    crypto_stream_chacha20_xor_ic(data, data, bytes.size(), nonce.data(), piece.counter,
                                  reinterpret_cast<const unsigned char*>(key.data()));
    return bytes;
}

// Every width that this processor has, with pieces that end in the middle of lanes and blocks.
TEST(ChaChaLanesTest, ApplyTheKeyStreamThatLibsodiumDoes) {
    std::mt19937_64 random(1);
    std::vector<std::byte> key(32);
    test::SeededRandom(2).fill(key);
    for (const auto& width : ChaChaLanes::widths()) {
        for (std::size_t count = 0; count < 70; ++count) {
            std::vector<Piece> pieces(count);
            std::vector<std::vector<std::byte>> expected;
            for (auto& piece : pieces) {
                piece = {random(), static_cast<std::uint32_t>(random() % 3),
                         std::vector<std::byte>(random() % 1700)};
                test::SeededRandom(random()).fill(piece.bytes);
                expected.push_back(by_sodium(key, piece));
            }
            ChaChaLanes stream(key, width);
            for (auto& piece : pieces) stream.apply(piece.sequence, piece.counter, piece.bytes);
            stream.finish();
            for (std::size_t i = 0; i < count; ++i)
                EXPECT_EQ(pieces[i].bytes, expected[i]) << width.lanes << " lanes, " << i;
        }
    }
}

TEST(ChaChaLanesTest, TheWidestIsTheLastOfAll) {
    const auto widths = ChaChaLanes::widths();
    EXPECT_EQ(widths.front().lanes, 4U);
    EXPECT_EQ(ChaChaLanes::widest().lanes, widths.back().lanes);
}

}  // namespace
}  // namespace tinc::crypto
