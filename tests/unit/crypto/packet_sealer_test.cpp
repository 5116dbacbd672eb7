#include "tinc/crypto/packet_sealer.hpp"

#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace tinc::crypto {
namespace {

constexpr std::size_t space_bytes = 2048;
constexpr std::size_t longest_plain = 1700;
constexpr std::size_t most_packets = 70;

struct Suite {
    const char* cipher;
    const char* digest;
};

/// One key, and the code that does one packet with it as the protocol says.
class Keyed {
  public:
    Keyed(const Suite& suite, std::size_t mac_bytes)
        : cipher_(cipher_by_name(suite.cipher).value()),
          digest_(digest_by_name(suite.digest).value()),
          mac_bytes_(digest_.is_none() ? 0 : std::min(mac_bytes, digest_.bytes)),
          material_(some_material(cipher_)),
          encrypt_(PacketCipher::create(cipher_, material_, Direction::encrypt).value()) {
        if (mac_bytes_ > 0) mac_ = Hmac::create(digest_, material_).value();
    }

    [[nodiscard]] PacketSealer sealer() const {
        return PacketSealer::create(cipher_, digest_, mac_bytes_, material_).value();
    }
    [[nodiscard]] PacketOpener opener() const {
        return PacketOpener::create(cipher_, digest_, mac_bytes_, material_).value();
    }
    [[nodiscard]] std::vector<std::byte> sealed(Bytes plain) {
        return signed_text(encrypted(plain));
    }
    [[nodiscard]] std::vector<std::byte> encrypted(Bytes plain) {
        std::vector<std::byte> out(encrypt_.output_bound(plain.size()));
        out.resize(encrypt_.apply(plain, out).value());
        return out;
    }
    [[nodiscard]] std::vector<std::byte> signed_text(std::vector<std::byte> text) {
        std::vector<std::byte> mac(mac_bytes_);
        if (mac_) mac_->sign(text, mac);
        text.insert(text.end(), mac.begin(), mac.end());
        return text;
    }

  private:
    static std::vector<std::byte> some_material(const CipherSpec& cipher) {
        std::vector<std::byte> material(cipher.key_material_bytes());
        test::SeededRandom(7).fill(material);
        return material;
    }

    CipherSpec cipher_;
    DigestSpec digest_;
    std::size_t mac_bytes_;
    std::vector<std::byte> material_;
    PacketCipher encrypt_;
    std::optional<Hmac> mac_;
};

/// Packets in buffers of their own.
class Packets {
  public:
    explicit Packets(const std::vector<std::vector<std::byte>>& contents)
        : buffers_(contents.size(), std::vector<std::byte>(space_bytes)) {
        for (std::size_t i = 0; i < contents.size(); ++i) {
            std::ranges::copy(contents[i], buffers_[i].begin());
            texts_.push_back({.space = buffers_[i], .size = contents[i].size()});
        }
    }
    [[nodiscard]] std::span<PacketText> texts() { return texts_; }
    [[nodiscard]] std::vector<std::byte> content(std::size_t i) const {
        const auto& text = texts_.at(i);
        return {text.space.begin(), text.space.begin() + static_cast<std::ptrdiff_t>(text.size)};
    }

  private:
    std::vector<std::vector<std::byte>> buffers_;
    std::vector<PacketText> texts_;
};

/// Some packets of random size and content.
std::vector<std::vector<std::byte>> random_plain(std::mt19937_64& random, std::size_t count) {
    std::vector<std::vector<std::byte>> plain(count);
    for (auto& packet : plain) {
        packet.resize(random() % (longest_plain + 1));
        std::ranges::generate(packet, [&] { return static_cast<std::byte>(random()); });
    }
    return plain;
}

std::string suite_name(const testing::TestParamInfo<Suite>& suite) {
    auto name = std::string(suite.param.cipher) + "_" + suite.param.digest;
    std::ranges::replace(name, '-', '_');
    return name;
}

class PacketSuites : public testing::TestWithParam<Suite> {
  protected:
    PacketEngine engine_;
    std::mt19937_64 random_{42};
};

TEST_P(PacketSuites, SealManyAsOneByHand) {
    for (std::size_t count = 1; count <= most_packets; ++count) {
        Keyed key(GetParam(), 1 + random_() % 64);
        const auto plain = random_plain(random_, count);
        Packets together(plain);
        Packets in_turn(plain);
        auto sealer = key.sealer();
        sealer.seal(together.texts(), engine_);
        sealer.seal(in_turn.texts());
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_TRUE(together.texts()[i].is_good && in_turn.texts()[i].is_good);
            const auto expected = key.sealed(plain[i]);
            EXPECT_EQ(together.content(i), expected) << i << " of " << count;
            EXPECT_EQ(in_turn.content(i), expected) << i << " of " << count;
            EXPECT_LE(expected.size(), sealer.sealed_bytes(plain[i].size()));
        }
    }
}

// One batch longer than any that fills the lanes at once, without and with an empty packet.
TEST_P(PacketSuites, TakeEverySize) {
    Keyed key(GetParam(), 4);
    for (const auto shortest : {std::size_t{1}, std::size_t{0}}) {
        std::vector<std::vector<std::byte>> plain;
        for (auto size = shortest; size <= longest_plain; ++size)
            plain.emplace_back(size, static_cast<std::byte>(size));
        Packets packets(plain);
        auto sealer = key.sealer();
        auto opener = key.opener();
        sealer.seal(packets.texts(), engine_);
        for (std::size_t i = 0; i < plain.size(); ++i)
            ASSERT_EQ(packets.content(i), key.sealed(plain[i])) << i;
        opener.open(packets.texts(), engine_);
        for (std::size_t i = 0; i < plain.size(); ++i) {
            ASSERT_TRUE(packets.texts()[i].is_good);
            EXPECT_EQ(packets.content(i), plain[i]) << i;
        }
    }
}

TEST_P(PacketSuites, OpenManyAsOneByHand) {
    for (std::size_t count = 1; count <= most_packets; ++count) {
        Keyed key(GetParam(), 1 + random_() % 64);
        const auto plain = random_plain(random_, count);
        std::vector<std::vector<std::byte>> sealed;
        for (const auto& packet : plain) sealed.push_back(key.sealed(packet));
        Packets together(sealed);
        Packets in_turn(sealed);
        auto opener = key.opener();
        opener.open(together.texts(), engine_);
        opener.open(in_turn.texts());
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_TRUE(together.texts()[i].is_good && in_turn.texts()[i].is_good);
            EXPECT_EQ(together.content(i), plain[i]) << i << " of " << count;
            EXPECT_EQ(in_turn.content(i), plain[i]) << i << " of " << count;
        }
    }
}

// A packet may be changed, cut, or made of nothing but rubbish: both ways judge alike, and what
// has a MAC is not opened.
TEST_P(PacketSuites, JudgeDamagedPacketsAlike) {
    for (std::size_t count = 1; count <= most_packets; ++count) {
        Keyed key(GetParam(), 8 + random_() % 64);
        auto packets = random_plain(random_, count);
        std::vector<bool> is_damaged(count);
        for (std::size_t i = 0; i < count; ++i) {
            packets[i] = key.sealed(packets[i]);
            is_damaged[i] = random_() % 2 == 0 && !packets[i].empty();
            if (!is_damaged[i]) continue;
            const auto at = random_() % packets[i].size();
            if (random_() % 2 == 0)
                packets[i].resize(at);
            else
                packets[i][at] ^= std::byte{0x10};
        }
        Packets together(packets);
        Packets in_turn(packets);
        auto opener = key.opener();
        opener.open(together.texts(), engine_);
        opener.open(in_turn.texts());
        const bool has_mac = std::string(GetParam().digest) != "none";
        for (std::size_t i = 0; i < count; ++i) {
            ASSERT_EQ(together.texts()[i].is_good, in_turn.texts()[i].is_good) << i;
            if (in_turn.texts()[i].is_good) {
                EXPECT_EQ(together.content(i), in_turn.content(i));
            }
            if (!has_mac) continue;
            EXPECT_EQ(together.texts()[i].is_good, !is_damaged[i]) << i;
            EXPECT_EQ(opener.recognises(packets[i]), !is_damaged[i]) << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(
    All, PacketSuites,
    testing::Values(Suite{"aes-128-cbc", "md5"}, Suite{"aes-128-cbc", "sha1"},
                    Suite{"aes-192-cbc", "sha224"}, Suite{"aes-256-cbc", "sha256"},
                    Suite{"aes-256-cbc", "sha384"}, Suite{"aes-256-cbc", "sha512"},
                    Suite{"aes-256-cbc", "none"}, Suite{"none", "sha256"}, Suite{"none", "none"},
                    Suite{"aes-256-cbc", "sha3-256"}, Suite{"aes-256-cbc", "ripemd160"},
                    Suite{"aes-256-cfb", "sha256"}, Suite{"aes-128-ofb", "sha1"},
                    Suite{"aes-256-ecb", "sha512"}, Suite{"camellia-256-cbc", "sha256"},
                    Suite{"des-ede3-cbc", "md5"}),
    suite_name);

class PacketPadding : public testing::TestWithParam<int> {};

// Only who has the key can make such a packet.
TEST_P(PacketPadding, IsJudgedAlikeWithTheRightMac) {
    Keyed key({"aes-256-cbc", "sha256"}, 4);
    std::vector<std::byte> blocks(64, std::byte{5});
    blocks.back() = static_cast<std::byte>(GetParam());
    auto text = key.encrypted(blocks);
    text.resize(blocks.size());  // without the block of padding
    const std::vector packets(20, key.signed_text(text));
    Packets together(packets);
    Packets in_turn(packets);
    PacketEngine engine;
    auto opener = key.opener();
    opener.open(together.texts(), engine);
    opener.open(in_turn.texts());
    const bool is_padding = GetParam() == 1 || GetParam() == 5;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        EXPECT_EQ(together.texts()[i].is_good, is_padding);
        EXPECT_EQ(in_turn.texts()[i].is_good, is_padding);
    }
}
INSTANTIATE_TEST_SUITE_P(All, PacketPadding, testing::Values(0, 1, 4, 5, 6, 16, 17, 255));

TEST(PacketSealerTest, APacketWithoutRoomIsNotGoodAndTheOthersAre) {
    Keyed key({"aes-256-cbc", "sha256"}, 4);
    const std::vector plain(20, std::vector(100, std::byte{1}));
    Packets packets(plain);
    auto sealer = key.sealer();
    PacketEngine engine;
    ASSERT_EQ(sealer.sealed_bytes(100), 116U);
    packets.texts()[3].space = packets.texts()[3].space.first(115);
    packets.texts()[4].space = packets.texts()[4].space.first(116);
    sealer.seal(packets.texts(), engine);
    for (std::size_t i = 0; i < plain.size(); ++i)
        EXPECT_EQ(packets.texts()[i].is_good, i != 3) << i;
}

TEST(PacketSealerTest, KeysGoFromOneEngineToAnother) {
    Keyed key({"aes-256-cbc", "sha256"}, 4);
    auto sealer = key.sealer();
    const std::vector plain(20, std::vector(100, std::byte{1}));
    for (int i = 0; i < 2; ++i) {
        Packets packets(plain);
        PacketEngine engine;
        sealer.seal(packets.texts(), engine);
        EXPECT_EQ(packets.content(0), key.sealed(plain[0]));
    }
}

TEST(PacketSealerTest, AMacLongerThanTheDigestIsMalformed) {
    const auto cipher = cipher_by_name("none").value();
    const auto sealer =
        PacketSealer::create(cipher, digest_by_name("sha1").value(), 21, std::vector<std::byte>(1));
    ASSERT_FALSE(sealer);
    EXPECT_EQ(sealer.error().code, Errc::malformed);
}

TEST(PacketSealerTest, WithoutAMacNothingIsRecognised) {
    Keyed key({"aes-256-cbc", "none"}, 0);
    EXPECT_FALSE(key.opener().recognises(key.sealed(std::vector<std::byte>(10))));
}

}  // namespace
}  // namespace tinc::crypto
