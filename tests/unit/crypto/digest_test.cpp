#include "tinc/crypto/digest.hpp"

#include "support/golden_keys.hpp"

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace tinc::crypto {
namespace {

using test::unhex;

struct KnownDigest {
    int nid;
    std::string name;
    std::size_t bytes;
};

class KnownDigests : public testing::TestWithParam<KnownDigest> {};

TEST_P(KnownDigests, AreFoundByNumberAndName) {
    const auto by_nid = digest_by_nid(GetParam().nid);
    const auto by_name = digest_by_name(GetParam().name);
    ASSERT_TRUE(by_nid) << by_nid.error().what;
    ASSERT_TRUE(by_name) << by_name.error().what;
    EXPECT_EQ(*by_nid, *by_name);
    EXPECT_EQ(by_nid->nid, GetParam().nid);
    EXPECT_EQ(by_nid->bytes, GetParam().bytes);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Constants, KnownDigests, testing::Values(
    KnownDigest{672, "sha256", 32}, KnownDigest{64, "sha1", 20}, KnownDigest{673, "SHA384", 48},
    KnownDigest{674, "sha512", 64}, KnownDigest{675, "sha224", 28}, KnownDigest{4, "md5", 16},
    KnownDigest{257, "md4", 16}, KnownDigest{117, "ripemd160", 20},
    KnownDigest{804, "whirlpool", 64}, KnownDigest{1097, "sha3-256", 32},
    KnownDigest{1056, "blake2b512", 64}, KnownDigest{1057, "blake2s256", 32},
    KnownDigest{1143, "sm3", 32}, KnownDigest{0, "None", 0}));
// clang-format on

TEST(DigestTest, RefusesWhatNobodyKnows) {
    for (const int nid : {-1, 6, 427, 668, 99999, INT_MAX, INT_MIN}) {
        const auto spec = digest_by_nid(nid);
        ASSERT_FALSE(spec) << nid;
        EXPECT_EQ(spec.error().code, Errc::refused);
    }
    for (const std::string_view name : {"", "sha257", "aes-256-cbc"})
        EXPECT_FALSE(digest_by_name(name)) << name;
    EXPECT_FALSE(digest_by_name(std::string_view("sha256\0x", 8)));
    EXPECT_EQ(ERR_peek_error(), 0U) << "errors were left for the next user of OpenSSL";
}

TEST(HashTest, OfAbcIsTheOneOfFips180) {
    const auto sum = hash(*digest_by_name("sha256"), as_bytes("abc"));
    ASSERT_TRUE(sum);
    EXPECT_EQ(hex_text(*sum), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
}

TEST(HashTest, RefusesNone) {
    EXPECT_FALSE(hash(DigestSpec{}, as_bytes("abc")));
    EXPECT_EQ(ERR_peek_error(), 0U);
}

struct HmacCase {
    std::string digest;
    std::string key_hex;
    std::string data_hex;
    std::string mac_hex;
};

class PublishedHmac : public testing::TestWithParam<HmacCase> {};

TEST_P(PublishedHmac, IsComputedAgainAndAgain) {
    const auto& c = GetParam();
    auto mac = Hmac::create(*digest_by_name(c.digest), unhex(c.key_hex));
    ASSERT_TRUE(mac) << mac.error().what;
    for (int i = 0; i < 3; ++i) {
        std::vector<std::byte> out(c.mac_hex.size() / 2);
        mac->sign(unhex(c.data_hex), out);
        EXPECT_EQ(hex_text(out), hex_text(unhex(c.mac_hex)));
        EXPECT_TRUE(mac->verify(unhex(c.data_hex), out));
    }
}

// RFC 4231 4.2, 4.3 and 4.6 (truncated to 128 bits), RFC 2202 3 case 2.
// clang-format off
INSTANTIATE_TEST_SUITE_P(Rfc, PublishedHmac, testing::Values(
    HmacCase{"sha256", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
             "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    HmacCase{"sha512", "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
             "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
             "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"},
    HmacCase{"sha256", "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
             "546573742057697468205472756e636174696f6e", "a3b6167473100ee06e0c796c2955552b"},
    HmacCase{"sha1", "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
             "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"}));
// clang-format on

TEST(HmacTest, NoticesEveryFlippedBit) {
    auto mac = Hmac::create(*digest_by_name("sha256"), as_bytes("key")).value();
    std::array<std::byte, 4> tag{};
    mac.sign(as_bytes("data"), tag);
    for (std::size_t bit = 0; bit < 32; ++bit) {
        auto bad = tag;
        bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
        EXPECT_FALSE(mac.verify(as_bytes("data"), bad)) << bit;
    }
    EXPECT_FALSE(mac.verify(as_bytes("datb"), tag));
    EXPECT_TRUE(mac.verify(as_bytes("data"), tag));
}

TEST(HmacTest, NeverBelievesMoreBytesThanTheDigestHas) {
    auto mac = Hmac::create(*digest_by_name("sha1"), as_bytes("key")).value();
    const std::vector<std::byte> long_tag(200);
    EXPECT_FALSE(mac.verify(as_bytes("data"), long_tag));
    EXPECT_TRUE(mac.verify(as_bytes("data"), {})) << "an empty MAC begins every MAC";
}

TEST(HmacTest, TakesAnEmptyKey) {
    // As `printf data | openssl dgst -sha256 -mac HMAC -macopt hexkey:` says.
    auto mac = Hmac::create(*digest_by_name("sha256"), {}).value();
    std::vector<std::byte> tag(32);
    mac.sign({}, tag);
    EXPECT_EQ(hex_text(tag), "B613679A0814D9EC772F95D778C35FC5FF1697C493715653C6C712144292C5AD");
}

TEST(HmacTest, RefusesDigestsItCannotUse) {
    for (const std::string_view name : {"none", "shake128"}) {
        const auto mac = Hmac::create(*digest_by_name(name), as_bytes("key"));
        ASSERT_FALSE(mac) << name;
        EXPECT_EQ(mac.error().code, Errc::refused);
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace tinc::crypto
