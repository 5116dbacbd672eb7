#include "tinc/crypto/cipher.hpp"

#include "support/golden_keys.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <array>
#include <climits>

namespace tinc::crypto {
namespace {

using test::unhex;
using Mode = CipherSpec::Mode;

struct KnownCipher {
    int nid;
    std::string name;
    Mode mode;
    std::size_t key;
    std::size_t iv;
    std::size_t block;
};

class KnownCiphers : public testing::TestWithParam<KnownCipher> {};

TEST_P(KnownCiphers, AreFoundByNumberAndName) {
    const auto& known = GetParam();
    const auto by_nid = cipher_by_nid(known.nid);
    const auto by_name = cipher_by_name(known.name);
    ASSERT_TRUE(by_nid) << by_nid.error().what;
    ASSERT_TRUE(by_name) << by_name.error().what;
    EXPECT_EQ(*by_nid, *by_name);
    EXPECT_EQ(by_nid->nid, known.nid);
    EXPECT_EQ(by_nid->mode, known.mode);
    EXPECT_EQ(by_nid->key_bytes, known.key);
    EXPECT_EQ(by_nid->iv_bytes, known.iv);
    EXPECT_EQ(by_nid->block_bytes, known.block);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Constants, KnownCiphers, testing::Values(
    KnownCipher{419, "aes-128-cbc", Mode::cbc, 16, 16, 16},
    KnownCipher{423, "aes-192-cbc", Mode::cbc, 24, 16, 16},
    KnownCipher{427, "AES-256-CBC", Mode::cbc, 32, 16, 16},
    KnownCipher{421, "aes-128-cfb", Mode::cfb, 16, 16, 1},
    KnownCipher{425, "aes-192-cfb", Mode::cfb, 24, 16, 1},
    KnownCipher{429, "aes-256-cfb", Mode::cfb, 32, 16, 1},
    KnownCipher{420, "aes-128-ofb", Mode::ofb, 16, 16, 1},
    KnownCipher{424, "aes-192-ofb", Mode::ofb, 24, 16, 1},
    KnownCipher{428, "aes-256-ofb", Mode::ofb, 32, 16, 1},
    KnownCipher{418, "aes-128-ecb", Mode::ecb, 16, 0, 16},
    KnownCipher{426, "aes-256-ecb", Mode::ecb, 32, 0, 16},
    KnownCipher{904, "aes-128-ctr", Mode::other, 16, 16, 1},
    KnownCipher{906, "aes-256-ctr", Mode::other, 32, 16, 1},
    KnownCipher{901, "aes-256-gcm", Mode::other, 32, 12, 1},
    KnownCipher{44, "des-ede3-cbc", Mode::cbc, 24, 8, 8},
    KnownCipher{751, "camellia-128-cbc", Mode::cbc, 16, 16, 16},
    KnownCipher{753, "camellia-256-cbc", Mode::cbc, 32, 16, 16},
    KnownCipher{91, "blowfish", Mode::cbc, 16, 8, 8},
    KnownCipher{91, "bf", Mode::cbc, 16, 8, 8},
    KnownCipher{93, "bf-cfb", Mode::cfb, 16, 8, 1},
    KnownCipher{94, "bf-ofb", Mode::ofb, 16, 8, 1},
    KnownCipher{1076, "aria-256-cbc", Mode::cbc, 32, 16, 16},
    KnownCipher{108, "cast5-cbc", Mode::cbc, 16, 8, 8},
    KnownCipher{31, "des-cbc", Mode::cbc, 8, 8, 8},
    KnownCipher{777, "seed-cbc", Mode::cbc, 16, 16, 16},
    KnownCipher{1134, "sm4-cbc", Mode::cbc, 16, 16, 16},
    KnownCipher{1019, "chacha20", Mode::other, 32, 16, 1},
    KnownCipher{950, "aes-256-cbc-hmac-sha256", Mode::other, 32, 16, 16},
    KnownCipher{0, "none", Mode::none, 0, 0, 1}, KnownCipher{0, "NONE", Mode::none, 0, 0, 1}));
// clang-format on

TEST(CipherTest, RefusesWhatNobodyKnows) {
    for (const int nid : {-1, 6, 672, 99999, INT_MAX, INT_MIN}) {
        const auto spec = cipher_by_nid(nid);
        ASSERT_FALSE(spec) << nid;
        EXPECT_EQ(spec.error().code, Errc::refused);
    }
    for (const std::string_view name : {"", "aes-257-cbc", "sha256"})
        EXPECT_FALSE(cipher_by_name(name)) << name;
    EXPECT_FALSE(cipher_by_name(std::string_view("aes-256-cbc\0x", 13)));
    EXPECT_EQ(ERR_peek_error(), 0U) << "errors were left for the next user of OpenSSL";
}

TEST(CipherTest, KeyMaterialIsKeyAndIvOrOneByte) {
    EXPECT_EQ(cipher_by_nid(427)->key_material_bytes(), 48U);
    EXPECT_EQ(cipher_by_nid(426)->key_material_bytes(), 32U);
    EXPECT_EQ(CipherSpec{}.key_material_bytes(), 1U);
}

TEST(StreamBudgetTest, FollowsTheBlockOrIvLength) {
    EXPECT_EQ(stream_budget_bytes(*cipher_by_name("aes-256-cfb")), std::uint64_t{1} << 63U);
    EXPECT_EQ(stream_budget_bytes(*cipher_by_name("bf-ofb")), std::uint64_t{1} << 31U);
    EXPECT_EQ(stream_budget_bytes(*cipher_by_name("rc4")), std::uint64_t{1} << 31U);
    EXPECT_EQ(stream_budget_bytes(*cipher_by_name("aes-256-gcm")), std::uint64_t{1} << 47U);
    EXPECT_EQ(stream_budget_bytes(CipherSpec{.iv_bytes = 17}), UINT64_MAX);
}

// NIST SP 800-38A.
constexpr std::string_view nist_key_256 =
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view nist_iv = "000102030405060708090a0b0c0d0e0f";
constexpr std::string_view nist_plain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";

TEST(StreamCipherTest, EncryptsAsNistSaysInPiecesOfAnySize) {
    // F.3.17, CFB128-AES256
    constexpr std::string_view wanted =
        "DC7E84BFDA79164B7ECD8486985D386039FFED143B28B1C832113C6331E5407B";
    for (std::size_t piece = 1; piece <= 32; ++piece) {
        auto cipher = StreamCipher::create(*cipher_by_name("aes-256-cfb"), unhex(nist_key_256),
                                           unhex(nist_iv), Direction::encrypt);
        ASSERT_TRUE(cipher) << cipher.error().what;
        auto bytes = unhex(nist_plain);
        for (std::size_t at = 0; at < bytes.size(); at += piece) {
            const auto part = std::span(bytes).subspan(at, std::min(piece, bytes.size() - at));
            ASSERT_TRUE(cipher->apply(part));
        }
        EXPECT_EQ(hex_text(bytes), wanted);
    }
}

class ByteStreams : public testing::TestWithParam<std::string> {};

TEST_P(ByteStreams, SurviveARoundTrip) {
    const auto spec = *cipher_by_name(GetParam());
    const std::vector<std::byte> key(spec.key_bytes, std::byte{7});
    const std::vector<std::byte> iv(spec.iv_bytes, std::byte{9});
    auto there = StreamCipher::create(spec, key, iv, Direction::encrypt);
    auto back = StreamCipher::create(spec, key, iv, Direction::decrypt);
    ASSERT_TRUE(there && back) << there.error().what;
    std::string text = "0 alpha 17";
    ASSERT_TRUE(there->apply(std::as_writable_bytes(std::span(text))));
    EXPECT_NE(text, "0 alpha 17");
    ASSERT_TRUE(back->apply(std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(text, "0 alpha 17");
}
INSTANTIATE_TEST_SUITE_P(All, ByteStreams,
                         testing::Values("aes-128-cfb", "aes-256-ofb", "aes-128-ctr", "chacha20",
                                         "camellia-256-cfb", "aria-128-ofb", "des-ede3-cfb",
                                         "bf-cfb", "bf-ofb", "cast5-cfb", "des-ofb", "rc4"));

class NoByteStreams : public testing::TestWithParam<std::string> {};

TEST_P(NoByteStreams, AreRefused) {
    const auto spec = *cipher_by_name(GetParam());
    const std::vector<std::byte> key(spec.key_bytes);
    const std::vector<std::byte> iv(spec.iv_bytes);
    const auto cipher = StreamCipher::create(spec, key, iv, Direction::decrypt);
    ASSERT_FALSE(cipher);
    EXPECT_EQ(cipher.error().code, Errc::refused);
    EXPECT_EQ(ERR_peek_error(), 0U);
}
INSTANTIATE_TEST_SUITE_P(All, NoByteStreams,
                         testing::Values("none", "aes-256-cbc", "aes-256-ecb", "aes-256-gcm",
                                         "aes-128-ccm", "aes-128-ocb", "aes-128-xts",
                                         "chacha20-poly1305", "id-aes128-wrap", "bf-cbc"));

TEST(StreamCipherTest, RefusesKeysOfAnotherLength) {
    const auto spec = *cipher_by_name("aes-256-cfb");
    const std::vector<std::byte> bytes(33);
    for (const std::size_t size : {0U, 16U, 31U, 33U})
        EXPECT_FALSE(StreamCipher::create(spec, std::span(bytes).first(size),
                                          std::span(bytes).first(16), Direction::encrypt));
    for (const std::size_t size : {0U, 15U, 17U})
        EXPECT_FALSE(StreamCipher::create(spec, std::span(bytes).first(32),
                                          std::span(bytes).first(size), Direction::encrypt));
}

TEST(StreamCipherTest, StopsWhenItsBudgetIsUsedUp) {
    auto cipher = StreamCipher::create(*cipher_by_name("aes-256-cfb"), unhex(nist_key_256),
                                       unhex(nist_iv), Direction::encrypt, 10)
                      .value();
    std::array<std::byte, 11> bytes{};
    const auto too_much = cipher.apply(bytes);
    ASSERT_FALSE(too_much);
    EXPECT_EQ(too_much.error().code, Errc::exhausted);
    EXPECT_EQ(bytes, (std::array<std::byte, 11>{})) << "a refused call may not change anything";
    EXPECT_TRUE(cipher.apply(std::span(bytes).first(7)));
    EXPECT_TRUE(cipher.apply(std::span(bytes).first(3)));
    EXPECT_TRUE(cipher.apply({}));
    EXPECT_FALSE(cipher.apply(std::span(bytes).first(1)));
}

TEST(PacketCipherTest, EncryptsAsNistSaysEveryTimeAnew) {
    // F.2.5, CBC-AES256; the last block is the padding, which NIST does not have.
    const auto material = unhex(std::string(nist_key_256) + std::string(nist_iv));
    auto cipher =
        PacketCipher::create(*cipher_by_name("aes-256-cbc"), material, Direction::encrypt);
    ASSERT_TRUE(cipher) << cipher.error().what;
    for (int i = 0; i < 3; ++i) {
        std::array<std::byte, 48> out{};
        ASSERT_EQ(cipher->apply(unhex(nist_plain), out), 48U);
        EXPECT_EQ(hex_text(std::span(out).first(32)),
                  "F58C4C04D6E5F1BA779EABFB5F7BFBD69CFC4E967EDB808D679F777BC6702C7D");
    }
}

class PacketCiphers : public testing::TestWithParam<std::string> {};

TEST_P(PacketCiphers, SurviveRoundTripsInPlaceOfEverySize) {
    const auto spec = *cipher_by_name(GetParam());
    std::vector<std::byte> material(spec.key_material_bytes());
    for (std::size_t i = 0; i < material.size(); ++i) material[i] = static_cast<std::byte>(7 * i);
    auto seal = PacketCipher::create(spec, material, Direction::encrypt);
    auto open = PacketCipher::create(spec, material, Direction::decrypt);
    ASSERT_TRUE(seal && open) << seal.error().what;
    for (std::size_t size = 0; size < 100; ++size) {
        const std::vector<std::byte> plain(size, std::byte{0x42});
        std::vector<std::byte> buffer = plain;
        buffer.resize(seal->output_bound(size));
        const auto sealed = seal->apply(std::span(buffer).first(size), buffer);
        ASSERT_TRUE(sealed) << size;
        EXPECT_EQ(*sealed, seal->output_bound(size));
        const auto opened = open->apply(std::span(buffer).first(*sealed), buffer);
        ASSERT_TRUE(opened) << size;
        EXPECT_EQ(hex_text(std::span(buffer).first(*opened)), hex_text(plain));
    }
}
INSTANTIATE_TEST_SUITE_P(All, PacketCiphers,
                         testing::Values("none", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc",
                                         "aes-256-cfb", "aes-256-ofb", "aes-256-ecb",
                                         "aes-256-cfb8", "des-ede3-cbc", "des-ede3-ofb",
                                         "camellia-256-cbc", "aria-256-cbc", "sm4-cbc", "blowfish",
                                         "cast5-cbc", "des-cbc", "seed-cbc", "rc2-cbc"));

class NoPacketCiphers : public testing::TestWithParam<std::string> {};

TEST_P(NoPacketCiphers, AreRefused) {
    const auto spec = *cipher_by_name(GetParam());
    const std::vector<std::byte> material(spec.key_material_bytes());
    const auto cipher = PacketCipher::create(spec, material, Direction::encrypt);
    ASSERT_FALSE(cipher);
    EXPECT_EQ(cipher.error().code, Errc::refused);
    EXPECT_NE(cipher.error().what.find(spec.name), std::string::npos) << cipher.error().what;
    EXPECT_EQ(ERR_peek_error(), 0U);
}
INSTANTIATE_TEST_SUITE_P(All, NoPacketCiphers,
                         testing::Values("aes-256-ctr", "aes-256-gcm", "chacha20",
                                         "chacha20-poly1305", "aes-128-xts", "id-aes128-wrap",
                                         "aes-256-cbc-hmac-sha256", "rc4"));

TEST(PacketCipherTest, RefusesMaterialOfAnotherLength) {
    const auto spec = *cipher_by_name("aes-256-cbc");
    for (const std::size_t size : {0U, 1U, 32U, 47U, 49U}) {
        const std::vector<std::byte> material(size);
        const auto cipher = PacketCipher::create(spec, material, Direction::encrypt);
        ASSERT_FALSE(cipher) << size;
        EXPECT_EQ(cipher.error().code, Errc::malformed);
    }
    EXPECT_FALSE(PacketCipher::create(CipherSpec{}, {}, Direction::encrypt));
}

TEST(PacketCipherTest, GivesNothingForWhatIsNoCiphertextAndGoesOn) {
    const auto spec = *cipher_by_name("aes-256-cbc");
    const std::vector<std::byte> material(48);
    auto seal = PacketCipher::create(spec, material, Direction::encrypt).value();
    auto open = PacketCipher::create(spec, material, Direction::decrypt).value();
    std::array<std::byte, 64> good{};
    ASSERT_EQ(seal.apply(as_bytes("some text"), good), 16U);

    std::array<std::byte, 64> out{};
    for (std::size_t size = 0; size < 16; ++size)
        EXPECT_FALSE(open.apply(std::span(good).first(size), out)) << size;
    auto bad = good;
    bad[15] ^= std::byte{1};
    EXPECT_FALSE(open.apply(std::span(bad).first(16), out)) << "padding";
    ASSERT_EQ(open.apply(std::span(good).first(16), out), 9U) << "the next packet is whole";
    EXPECT_EQ(as_text(std::span(out).first(9)), "some text");
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(PacketCipherTest, NeverWritesBeyondTheOutput) {
    const auto spec = *cipher_by_name("aes-256-cbc");
    const std::vector<std::byte> material(48);
    auto seal = PacketCipher::create(spec, material, Direction::encrypt).value();
    std::array<std::byte, 32> out{};
    EXPECT_FALSE(seal.apply(as_bytes("sixteen bytes...."), std::span(out).first(31)));
    EXPECT_FALSE(seal.apply(as_bytes("x"), std::span(out).first(15)));
    auto copy = PacketCipher::create({}, std::span(material).first(1), Direction::encrypt).value();
    EXPECT_FALSE(copy.apply(as_bytes("four"), std::span(out).first(3)));
}

}  // namespace
}  // namespace tinc::crypto
