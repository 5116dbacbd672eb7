// Many packets at once come to what one after the other comes to.

#include "support/packets.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/sptps/datagram.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace tinc::sptps {
namespace {

using test::is_same;
using test::Packets;
using test::place_in;
using Verdict = Opener::Verdict;

class BatchTest : public testing::Test {
  protected:
    static std::vector<std::byte> key(unsigned char byte) {
        return std::vector(32, std::byte{byte});
    }
    static Sealer sealer(unsigned char byte, std::uint32_t next = 2) {
        return {key(byte), std::make_shared<SequenceCounter>(next)};
    }
    std::vector<std::byte> data() {
        std::vector<std::byte> bytes(random_.below(1'600));
        random_.fill(bytes);
        return bytes;
    }
    test::SeededRandom random_{3};
    crypto::PacketEngine engine_;
    std::array<bool, limits::batch_packets> sealed_{};
    std::array<Opener::Opened, limits::batch_packets> opened_{};
};

TEST_F(BatchTest, IsSealedAsOneAfterTheOther) {
    auto together = sealer(1);
    auto in_turn = sealer(1);
    std::array<std::uint8_t, limits::batch_packets> types{};
    for (std::size_t count = 0; count <= limits::batch_packets; ++count) {
        Packets batch;
        Packets single;
        for (std::size_t i = 0; i < count; ++i) {
            // One in a few is too long.
            const auto bytes = random_.below(5) == 0 ? std::vector<std::byte>(1'984) : data();
            types[i] = static_cast<std::uint8_t>(random_.below(5));
            batch.add(bytes);
            single.add(bytes);
        }
        together.seal(batch.all(), types, engine_, sealed_);
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(sealed_[i], in_turn.seal(single[i], types[i])) << i << " of " << count;
            if (sealed_[i]) {
                EXPECT_TRUE(is_same(batch[i], single[i])) << i << " of " << count;
            }
        }
        EXPECT_EQ(together.counter().taken(), in_turn.counter().taken());
    }
}

// Some are damaged, cut, repeated, far in the future, of the handshake, or under another of the
// keys that are good around a re-key.
TEST_F(BatchTest, IsOpenedAsOneAfterTheOther) {
    Opener together(key(1), 4);
    Opener in_turn(key(1), 4);
    for (auto* opener : {&together, &in_turn}) {
        opener->expect(key(2));
        opener->use_expected();
        opener->expect(key(3));
    }
    std::uint32_t next = 2;
    for (std::size_t count = 0; count <= limits::batch_packets; ++count) {
        Packets batch;
        Packets single;
        for (std::size_t i = 0; i < count; ++i) {
            packet::Packet packet;
            packet.assign(data());
            const auto fate = random_.below(12);
            if (fate == 0) next += 40;
            auto sender = sealer(fate < 9 ? 2 : static_cast<unsigned char>(fate - 8), next++);
            ASSERT_TRUE(sender.seal(packet, static_cast<std::uint8_t>(fate)));
            if (fate == 1) packet.bytes()[place_in(packet, random_)] ^= std::byte{1};
            if (fate == 2) packet.resize(place_in(packet, random_));
            for (std::uint32_t times = 0; times <= (fate == 3 ? 1U : 0U); ++times) {
                if (batch.size() == limits::batch_packets) break;
                batch.add(packet.bytes());
                single.add(packet.bytes());
            }
        }
        together.open(batch.all(), engine_, opened_);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::uint8_t type = 0;
            const auto verdict = in_turn.open(single[i], type);
            ASSERT_EQ(opened_[i].verdict, verdict) << i << " of " << count;
            if (verdict == Verdict::too_short || verdict == Verdict::forged) continue;
            EXPECT_EQ(opened_[i].sequence, in_turn.sequence());
            if (verdict != Verdict::opened) continue;
            EXPECT_EQ(opened_[i].type, type);
            EXPECT_EQ(opened_[i].lost, in_turn.lost());
            EXPECT_TRUE(is_same(batch[i], single[i])) << i << " of " << count;
        }
    }
    EXPECT_EQ(together.window().last(), in_turn.window().last());
}

}  // namespace
}  // namespace tinc::sptps
