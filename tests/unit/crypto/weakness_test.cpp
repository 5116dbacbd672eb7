// Algorithms of OpenSSL's legacy provider: old nodes announce them.

#include "tinc/crypto/weakness.hpp"

#include "support/golden_keys.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <string>
#include <vector>

namespace tinc::crypto {
namespace {

using test::unhex;

constexpr std::string_view text = "tinc 1.0 packets with old ciphers";

struct OldCipher {
    std::string name;
    std::string sealed_hex;
};

/// The first bytes of the key and the IV that were given to openssl, as the cipher needs them.
std::vector<std::byte> key_of(const CipherSpec& spec) {
    auto key = unhex("000102030405060708090a0b0c0d0e0f");
    key.resize(spec.key_bytes);
    return key;
}
std::vector<std::byte> iv_of(const CipherSpec& spec) {
    auto iv = unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    iv.resize(spec.iv_bytes);
    return iv;
}

class OldBlockCiphers : public testing::TestWithParam<OldCipher> {};

TEST_P(OldBlockCiphers, SealPacketsAsOpensslDoes) {
    const auto spec = *cipher_by_name(GetParam().name);
    auto material = key_of(spec);
    for (const auto byte : iv_of(spec)) material.push_back(byte);
    auto cipher = PacketCipher::create(spec, material, Direction::encrypt);
    ASSERT_TRUE(cipher) << cipher.error().what;
    std::vector<std::byte> out(64);
    const auto size = cipher->apply(as_bytes(text), out);
    ASSERT_TRUE(size);
    out.resize(*size);
    EXPECT_EQ(hex_text(out), hex_text(unhex(GetParam().sealed_hex)));
}

// printf 'TEXT' | openssl enc -e -NAME -K KEY -iv IV -provider legacy -provider default
// clang-format off
INSTANTIATE_TEST_SUITE_P(Openssl, OldBlockCiphers, testing::Values(
    OldCipher{"bf-cbc",    "851c7a4754caddc80d2c68fec83970b14cbaebdab1d8515e"
                           "650ad8647a89b2e7833ebe675c2d5960"},
    OldCipher{"cast5-cbc", "f3331edf2247b44976572b495c1e497f348fe427ea88a028"
                           "43c0155749a931ff7a865048946fd113"},
    OldCipher{"des-cbc",   "871872a45714560af75c504881df47f15cf6735f8fe1c5fc"
                           "35fb9ce1fcd3456a3204a06af86ea3b2"},
    OldCipher{"rc2-cbc",   "88896f4dd0af866a11553d5e988c861cdb90077b16b03e50"
                           "b84867eaab3f2940be08121be3ca016c"},
    OldCipher{"seed-cbc",  "0f6773d88f73dc41b77c88e72547af076e095f855164f871"
                           "45211156cad4bb876d820ae4d3ff5c5c63439d37d9fb2eec"}),
    [](const auto& old) { return old.param.name.substr(0, old.param.name.find('-')); });
// clang-format on

class OldStreamCiphers : public testing::TestWithParam<OldCipher> {};

TEST_P(OldStreamCiphers, EncryptAsOpensslDoes) {
    const auto spec = *cipher_by_name(GetParam().name);
    auto cipher = StreamCipher::create(spec, key_of(spec), iv_of(spec), Direction::encrypt);
    ASSERT_TRUE(cipher) << cipher.error().what;
    std::string bytes(text);
    ASSERT_TRUE(cipher->apply(std::as_writable_bytes(std::span(bytes))));
    EXPECT_EQ(hex_text(as_bytes(bytes)), hex_text(unhex(GetParam().sealed_hex)));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Openssl, OldStreamCiphers, testing::Values(
    OldCipher{"bf-ofb",    "caa34205df71b61ea4d1acc44a1d332aff8b4a62499f2de7bb16189a3b21068aa7"},
    OldCipher{"bf-cfb",    "caa34205df71b61eabdef4b3fbac565c42be77834b12de773a6a5dc9cae59a16c5"},
    OldCipher{"cast5-cfb", "3c1a692f8c0ad8d2a9f12261cf9abf4a7c53e564645aba38fc334cbe95aa3ef6cd"},
    OldCipher{"des-cfb",   "c8c62af3855731a6574f00d83e24197f70a390abb9df43bea00a7655cd1b0b10f5"},
    OldCipher{"rc4",       "9df52e9a67d337fc26abf6a565b85e3cf306e82b9a972d82ebbec6b0895f867028"}),
    [](const auto& old) {
        auto name = old.param.name;
        if (const auto dash = name.find('-'); dash != name.npos) name[dash] = '_';
        return name;
    });
// clang-format on

struct OldDigest {
    std::string name;
    std::string sum_hex;
    std::string mac_hex;
};

class OldDigests : public testing::TestWithParam<OldDigest> {};

TEST_P(OldDigests, HashAndSignAsOpensslDoes) {
    const auto spec = *digest_by_name(GetParam().name);
    const auto sum = hash(spec, as_bytes(text));
    ASSERT_TRUE(sum) << sum.error().what;
    EXPECT_EQ(hex_text(*sum), hex_text(unhex(GetParam().sum_hex)));
    auto mac = Hmac::create(spec, unhex("000102030405060708090a0b0c0d0e0f"));
    ASSERT_TRUE(mac) << mac.error().what;
    std::vector<std::byte> out(spec.bytes);
    for (int i = 0; i < 2; ++i) {
        mac->sign(as_bytes(text), out);
        EXPECT_EQ(hex_text(out), hex_text(unhex(GetParam().mac_hex)));
    }
}

// openssl dgst -NAME [-mac HMAC -macopt hexkey:KEY] -provider legacy -provider default
INSTANTIATE_TEST_SUITE_P(
    Openssl, OldDigests,
    testing::Values(OldDigest{"md4", "e9c20665e0b96c2fb7b3c328f7579aae",
                              "1fa40ec805422502d01759554d2c9b57"},
                    OldDigest{"whirlpool",
                              "30b5537a500825e4f5592554416745c74111151125c7714ead36db56156211bf"
                              "d281c071b89ff13ecd24463518620b119b5a0e2fa1d2acc5559da0a6b6d5760f",
                              "57fd3bec4c42d5237c23a3b700ffa344c6116440dfe43ef7a46784f33943694f"
                              "2a48a9923098cf464355e0c42df8a198e76219842c479658119a5c54609a314a"},
                    OldDigest{"ripemd160", "fa38bbb52eb5721bbfdfa15e11c7103181a3aabc",
                              "9d98dc252450d5389469cc9dbaf8cabc122e6b95"}),
    [](const auto& old) { return old.param.name; });

TEST(LegacyProviderTest, StaysOutOfTheRestOfTheProcess) {
    ASSERT_TRUE(has_legacy_provider());
    EXPECT_EQ(EVP_CIPHER_fetch(nullptr, "BF-CBC", nullptr), nullptr);
    ERR_clear_error();
}

TEST(WeaknessTest, IsToldOfEveryCipherThatHasOne) {
    const auto reason = [](std::string_view name) { return weakness(*cipher_by_name(name)); };
    for (const auto* name : {"blowfish", "bf-ofb", "cast5-cbc", "des-ede3-cbc", "rc2-cbc"})
        EXPECT_NE(reason(name).find("64 bits"), std::string::npos) << name;
    for (const auto* name : {"des-cbc", "rc4-40", "rc2-40-cbc"})
        EXPECT_NE(reason(name).find("guessed"), std::string::npos) << name;
    EXPECT_NE(reason("rc4").find("random"), std::string::npos);
    EXPECT_NE(reason("aes-256-ecb").find("equal"), std::string::npos);
    for (const auto* name : {"none", "aes-128-cbc", "aes-256-cfb", "seed-cbc", "camellia-256-ofb"})
        EXPECT_EQ(reason(name), "") << name;
}

TEST(WeaknessTest, IsToldOfMd4Alone) {
    EXPECT_NE(weakness(*digest_by_name("md4")), "");
    for (const auto* name : {"none", "sha1", "sha256", "whirlpool", "ripemd160"})
        EXPECT_EQ(weakness(*digest_by_name(name)), "") << name;
}

TEST(ObstacleTest, IsToldOfWhatOpensslCannotRun) {
    for (const auto* name : {"none", "aes-256-cbc", "blowfish", "seed-cbc"})
        EXPECT_EQ(obstacle(*cipher_by_name(name)), "") << name;
    EXPECT_EQ(obstacle(*digest_by_name("whirlpool")), "");
    EXPECT_NE(obstacle(CipherSpec{.nid = NID_sha256, .name = "no cipher"}), "");
    EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace tinc::crypto
