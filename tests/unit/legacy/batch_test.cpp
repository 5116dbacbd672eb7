// Many packets at once come to what one after the other comes to.

#include "support/packets.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/legacy/datagram.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

namespace tinc::legacy {
namespace {

using test::is_same;
using test::Packets;
using test::place_in;
using Verdict = Opener::Verdict;

struct Choice {
    std::string cipher;
    std::string digest;
    std::size_t mac_bytes;
    int compression;
};

class Batches : public testing::TestWithParam<Choice> {
  protected:
    Batches() {
        const auto& choice = GetParam();
        key_ = make_packet_key(
            {crypto::cipher_by_name(choice.cipher).value(),
             crypto::digest_by_name(choice.digest).value(), choice.mac_bytes, choice.compression},
            random_);
    }
    std::vector<std::byte> frame() {
        std::vector<std::byte> bytes(14 + random_.below(limits::frame_bytes - 14));
        random_.fill(bytes);
        return bytes;
    }
    [[nodiscard]] Sealer sealer() const { return Sealer::create(key_).value(); }
    [[nodiscard]] Opener opener() const { return Opener::create(key_, 4).value(); }

    test::SeededRandom random_{3};
    PacketKey key_;
    packet::Compression compression_;
    crypto::PacketEngine engine_;
    std::array<bool, limits::batch_packets> sealed_{};
    std::array<Opener::Opened, limits::batch_packets> opened_{};
};

TEST_P(Batches, AreSealedAsOneAfterTheOther) {
    auto together = sealer();
    auto in_turn = sealer();
    for (std::size_t count = 0; count <= limits::batch_packets; ++count) {
        Packets batch;
        Packets single;
        for (std::size_t i = 0; i < count; ++i) {
            // One in a few is too long.
            const auto bytes = random_.below(5) == 0 ? std::vector<std::byte>(1'900) : frame();
            batch.add(bytes);
            single.add(bytes);
        }
        together.seal(batch.all(), compression_, engine_, sealed_);
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(sealed_[i], in_turn.seal(single[i], compression_)) << i << " of " << count;
            if (sealed_[i]) {
                EXPECT_TRUE(is_same(batch[i], single[i])) << i << " of " << count;
            }
        }
        EXPECT_EQ(together.sequence(), in_turn.sequence());
    }
}

// Some are damaged, cut, repeated, far in the future, or no frames.
TEST_P(Batches, AreOpenedAsOneAfterTheOther) {
    auto sender = sealer();
    auto together = opener();
    auto in_turn = opener();
    for (std::size_t count = 0; count <= limits::batch_packets; ++count) {
        Packets batch;
        Packets single;
        for (std::size_t i = 0; i < count; ++i) {
            packet::Packet packet;
            const auto fate = random_.below(12);
            packet.assign(fate == 0 ? std::vector<std::byte>(5) : frame());
            if (!sender.seal(packet, compression_)) continue;
            if (fate == 1) packet.bytes()[place_in(packet, random_)] ^= std::byte{1};
            if (fate == 2) packet.resize(place_in(packet, random_));
            if (fate == 3) sender = Sealer::create(key_, sender.sequence() + 40).value();
            for (std::uint32_t times = 0; times <= (fate == 4 ? 1U : 0U); ++times) {
                if (batch.size() == limits::batch_packets) break;
                batch.add(packet.bytes());
                single.add(packet.bytes());
            }
        }
        together.open(batch.all(), compression_, engine_, opened_);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::size_t payload_bytes = 0;
            const auto verdict = in_turn.open(single[i], compression_, &payload_bytes);
            ASSERT_EQ(opened_[i].verdict, verdict) << i << " of " << count;
            EXPECT_EQ(opened_[i].wire_payload_bytes, payload_bytes);
            if (verdict == Verdict::too_short || verdict == Verdict::forged) continue;
            EXPECT_EQ(opened_[i].sequence, in_turn.sequence());
            if (verdict != Verdict::opened) continue;
            EXPECT_EQ(opened_[i].lost, in_turn.lost());
            EXPECT_TRUE(is_same(batch[i], single[i])) << i << " of " << count;
        }
    }
    EXPECT_EQ(together.window().last(), in_turn.window().last());
}

INSTANTIATE_TEST_SUITE_P(Legacy, Batches,
                         testing::Values(Choice{"aes-256-cbc", "sha256", 4, 0},
                                         Choice{"aes-128-cbc", "sha1", 20, 10},
                                         Choice{"aes-256-cbc", "none", 4, 0},
                                         Choice{"none", "none", 4, 0},
                                         Choice{"blowfish", "sha1", 4, 1}));

}  // namespace
}  // namespace tinc::legacy
