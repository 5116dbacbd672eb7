#include "tinc/crypto/rsa.hpp"

#include "support/golden_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace tinc::crypto {
namespace {

using test::golden_private_key;
using test::golden_private_pem;
using test::golden_public_key;
using test::unhex;
using testing::HasSubstr;

// Texts that OpenSSL itself writes ---------------------------------------------------------------

using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Pkey openssl_key(std::string_view node) {
    const auto der = unhex(test::test_data(std::string(node) + ".rsa_key.pkcs1.hex"));
    const auto* data = reinterpret_cast<const unsigned char*>(der.data());
    return {d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &data, long(der.size())), EVP_PKEY_free};
}

template <class Write>
std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    if (write(bio.get()) != 1) throw std::runtime_error("OpenSSL cannot write this key");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string spki_pem(EVP_PKEY* key) {
    return written([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key); });
}

std::string pkcs8_pem(EVP_PKEY* key, const EVP_CIPHER* cipher = nullptr) {
    return written([&](BIO* bio) {
        return PEM_write_bio_PKCS8PrivateKey(bio, key, cipher, "pass", cipher ? 4 : 0, nullptr,
                                             nullptr);
    });
}

std::string encrypted_pkcs1_pem(EVP_PKEY* key) {
    return written([&](BIO* bio) {
        return PEM_write_bio_PrivateKey_traditional(bio, key, EVP_aes_128_cbc(),
                                                    reinterpret_cast<const unsigned char*>("pass"),
                                                    4, nullptr, nullptr);
    });
}

/// A public key with any numbers at all, as SPKI.
std::string spki_of_numbers(const std::string& modulus_hex, unsigned long exponent) {
    BIGNUM* n = nullptr;
    BN_hex2bn(&n, modulus_hex.c_str());
    OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
    OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context);
    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    const std::string text = spki_pem(key);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(n);
    return text;
}

std::string odd_number(unsigned bits) {
    std::string hex(bits / 4, '0');
    hex.front() = '8';
    hex.back() = '1';
    return hex;
}

std::string with_crlf(std::string_view text) {
    std::string out;
    for (const char c : text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
    return out;
}

// Reading ----------------------------------------------------------------------------------------

TEST(RsaPemTest, ReadsHostFilesAndKeyFilesOfTinc) {
    for (const std::string_view node : {"alpha", "beta", "gamma"}) {
        EXPECT_EQ(golden_public_key(node).modulus_bytes(), 256U);
        EXPECT_EQ(golden_public_key(node).modulus_bits(), 2048U);
        EXPECT_EQ(golden_private_key(node).public_key(), golden_public_key(node));
    }
    EXPECT_FALSE(golden_public_key("alpha") == golden_public_key("beta"));
}

TEST(RsaPemTest, ReadsAndWritesTheKeyOfTinc11) {
    const auto text =
        test::pem("RSA PRIVATE KEY", unhex(test::test_data("example-rsa_key.pkcs1.hex")));
    const auto key = RsaPrivateKey::from_pem(text, "rsa_key.priv").value();
    EXPECT_EQ(key.to_pem().value(), text);
    EXPECT_EQ(RsaPublicKey::from_pem(test::test_data("example-hosts-signer"), "host").value(),
              key.public_key())
        << "the block beside the Ed25519 key";
}

TEST(RsaPemTest, ReadsEveryFormOfTheSameKey) {
    const auto key = openssl_key("alpha");
    const auto wanted = golden_public_key("alpha");
    const std::string spki = spki_pem(key.get());
    for (const auto& text :
         {spki, with_crlf(spki), "Subnet = 10.0.0.1\n" + spki + "Port = 1\n",
          with_crlf(test::test_data("alpha.host")), "\xff\xfe junk\n-----BEGIN\n-----\n" + spki}) {
        const auto read = RsaPublicKey::from_pem(text, "hosts/alpha");
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_EQ(*read, wanted);
    }
    for (const auto& text : {pkcs8_pem(key.get()), with_crlf(pkcs8_pem(key.get())),
                             with_crlf(golden_private_pem("alpha"))}) {
        const auto read = RsaPrivateKey::from_pem(text, "rsa_key.priv");
        ASSERT_TRUE(read) << read.error().what;
        EXPECT_EQ(read->public_key(), wanted);
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(RsaPemTest, TakesTheFirstBlockThatFitsAndSkipsOthers) {
    std::string old = test::test_data("beta.host");
    for (auto at = old.find("RSA PUBLIC"); at != std::string::npos; at = old.find("RSA PUBLIC"))
        old.replace(at, 3, "OLD");
    ASSERT_THAT(old, HasSubstr("-----BEGIN OLD PUBLIC KEY-----"));
    const std::string text = old + golden_private_pem("gamma") + test::test_data("alpha.host") +
                             test::test_data("gamma.host");
    EXPECT_EQ(RsaPublicKey::from_pem(text, "hosts/x").value(), golden_public_key("alpha"));
    EXPECT_EQ(RsaPrivateKey::from_pem(text, "x").value().public_key(), golden_public_key("gamma"));
}

TEST(RsaPemTest, IgnoresBlanksBehindLinesAsOpenSslDoes) {
    std::string text = spki_pem(openssl_key("alpha").get());
    for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 3))
        text.replace(at, 1, " \t\n");
    EXPECT_EQ(RsaPublicKey::from_pem(text, "x").value(), golden_public_key("alpha"));
}

struct BadText {
    std::string name;
    std::string text;
    Errc code;
    std::string part;
};

std::string name_of_bad_text(const testing::TestParamInfo<BadText>& tested) {
    return tested.param.name;
}

std::string ec_spki() {
    const Pkey key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    return spki_pem(key.get());
}

std::string edwards_spki() {
    const Pkey key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
    return spki_pem(key.get());
}

std::string cut(std::string text, std::string_view mark) { return text.substr(0, text.find(mark)); }

class BadPublicKeys : public testing::TestWithParam<BadText> {};

TEST_P(BadPublicKeys, AreExplainedWithTheirSource) {
    const auto key = RsaPublicKey::from_pem(GetParam().text, "hosts/peer");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, GetParam().code);
    EXPECT_THAT(key.error().what, testing::StartsWith("hosts/peer: "));
    EXPECT_THAT(key.error().what, HasSubstr(GetParam().part));
    EXPECT_EQ(ERR_peek_error(), 0U);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Rsa, BadPublicKeys, testing::Values(
    BadText{"empty", "", Errc::refused, "no RSA public key found"},
    BadText{"no_block", "Subnet = 10.0.0.1\n", Errc::refused, "no RSA public key found"},
    BadText{"private_instead", golden_private_pem("alpha"), Errc::refused, "RSA PRIVATE KEY"},
    BadText{"no_end", cut(test::test_data("alpha.host"), "-----END"), Errc::malformed, "no end"},
    BadText{"other_end", cut(test::test_data("alpha.host"), "-----END") +
            "-----END PUBLIC KEY-----\n", Errc::malformed, "no end"},
    BadText{"no_base64", "-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n",
            Errc::malformed, "not readable"},
    BadText{"nothing_inside", "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
            Errc::malformed, "PUBLIC KEY"},
    BadText{"no_key_inside", test::pem("RSA PUBLIC KEY", as_bytes("no DER")), Errc::malformed,
            "does not hold a key"},
    BadText{"elliptic_curve", ec_spki(), Errc::malformed, "EC, not RSA"},
    BadText{"edwards_curve", edwards_spki(), Errc::malformed, "ED25519, not RSA"},
    BadText{"too_small", spki_of_numbers(odd_number(504), 65537), Errc::malformed, "504 bits"},
    BadText{"too_large", spki_of_numbers(odd_number(8200), 65537), Errc::malformed, "8200 bits"},
    BadText{"exponent_one", spki_of_numbers(odd_number(2048), 1), Errc::malformed, "exponent"},
    BadText{"even_exponent", spki_of_numbers(odd_number(2048), 4), Errc::malformed, "exponent"},
    BadText{"even_modulus", spki_of_numbers(odd_number(2044) + "0", 3), Errc::malformed, "even"}),
    name_of_bad_text);
// clang-format on

/// alpha's key with one byte of its modulus changed.
std::string inconsistent_pem() {
    auto der = unhex(test::test_data("alpha.rsa_key.pkcs1.hex"));
    der[100] ^= std::byte{1};
    return test::pem("RSA PRIVATE KEY", der);
}

class BadPrivateKeys : public testing::TestWithParam<BadText> {};

TEST_P(BadPrivateKeys, AreExplainedWithTheirSource) {
    const auto key = RsaPrivateKey::from_pem(GetParam().text, "rsa_key.priv");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, GetParam().code);
    EXPECT_THAT(key.error().what, testing::StartsWith("rsa_key.priv: "));
    EXPECT_THAT(key.error().what, HasSubstr(GetParam().part));
    EXPECT_EQ(ERR_peek_error(), 0U);
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Rsa, BadPrivateKeys, testing::Values(
    BadText{"empty", "", Errc::refused, "no RSA private key found"},
    BadText{"public_instead", test::test_data("alpha.host"), Errc::refused, "RSA PUBLIC KEY"},
    BadText{"public_bytes_under_a_private_label",
            test::pem("RSA PRIVATE KEY", unhex("3006020101020103")), Errc::malformed,
            "does not hold a key"},
    BadText{"encrypted_pkcs1", encrypted_pkcs1_pem(openssl_key("alpha").get()), Errc::malformed,
            "passphrase"},
    BadText{"encrypted_pkcs8", pkcs8_pem(openssl_key("alpha").get(), EVP_aes_128_cbc()),
            Errc::malformed, "passphrase"},
    BadText{"numbers_that_do_not_fit", inconsistent_pem(), Errc::malformed, "do not fit"}),
    name_of_bad_text);
// clang-format on

TEST(RsaPemTest, SurvivesKeysCutAnywhere) {
    const std::string text = test::test_data("alpha.host");
    const auto end = text.find("KEY-----", text.find("-----END")) + 8;
    for (std::size_t size = 0; size < end; ++size)
        EXPECT_FALSE(RsaPublicKey::from_pem(text.substr(0, size), "x")) << size;
    EXPECT_TRUE(RsaPublicKey::from_pem(text.substr(0, end), "x"));
}

// The obsolete way -------------------------------------------------------------------------------

TEST(RsaHexTest, TakesModuliWithinTheLimits) {
    for (const unsigned bits : {512U, 1024U, 8192U}) {
        const auto key = RsaPublicKey::from_hex_modulus(odd_number(bits), "hosts/x:1");
        ASSERT_TRUE(key) << key.error().what;
        EXPECT_EQ(key->modulus_bits(), bits);
    }
    for (const std::string& text :
         {odd_number(508), odd_number(8196), odd_number(80000), std::string(), std::string("xyz"),
          "-" + odd_number(1024), std::string(600, '0'), odd_number(1020) + "0"}) {
        const auto key = RsaPublicKey::from_hex_modulus(text, "hosts/x:1");
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().code, Errc::malformed);
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(RsaHexTest, HasTheExponentOfOldTinc) {
    const auto key = RsaPublicKey::from_hex_modulus(odd_number(1024), "x").value();
    EXPECT_EQ(key, RsaPublicKey::from_pem(spki_of_numbers(odd_number(1024), 65535), "x").value());
}

/// A 1024-bit key whose public exponent is 65535, made by factors chosen for the purpose:
/// 65535 = 3 * 5 * 17 * 257 must not divide (p-1)(q-1).
struct OldKey {
    std::string n;
    std::string d;
};

OldKey make_old_key() {
    BN_CTX* context = BN_CTX_new();
    BIGNUM* e = BN_new();
    BN_set_word(e, 65535);
    BIGNUM *p = BN_new(), *q = BN_new(), *n = BN_new(), *phi = BN_new(), *d = nullptr;
    while (d == nullptr) {
        BN_generate_prime_ex2(p, 512, 0, nullptr, nullptr, nullptr, context);
        BN_generate_prime_ex2(q, 512, 0, nullptr, nullptr, nullptr, context);
        BN_mul(n, p, q, context);
        BN_sub_word(p, 1);
        BN_sub_word(q, 1);
        BN_mul(phi, p, q, context);
        d = BN_mod_inverse(nullptr, e, phi, context);
    }
    ERR_clear_error();
    char *n_hex = BN_bn2hex(n), *d_hex = BN_bn2hex(d);
    OldKey key{n_hex, d_hex};
    OPENSSL_free(n_hex);
    OPENSSL_free(d_hex);
    for (BIGNUM* number : {e, p, q, n, phi, d}) BN_free(number);
    BN_CTX_free(context);
    return key;
}

TEST(RsaHexTest, DecryptsWithoutKnowingThePrimes) {
    const auto numbers = make_old_key();
    const auto key = RsaPrivateKey::from_hex(numbers.d, numbers.n, "tinc.conf:1");
    ASSERT_TRUE(key) << key.error().what;
    std::vector<std::byte> clear(key->modulus_bytes(), std::byte{0x17});
    const auto secret = RsaPublicKey::from_hex_modulus(numbers.n, "x")->encrypt_raw(clear);
    ASSERT_TRUE(secret) << secret.error().what;
    const auto back = key->decrypt_raw(*secret);
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(hex_text(back->bytes()), hex_text(clear));
    EXPECT_EQ(key->to_pem().error().code, Errc::refused) << "PKCS#1 needs the primes";
}

TEST(RsaHexTest, RefusesAnExponentThatDoesNotFit) {
    const auto numbers = make_old_key();
    for (const std::string& d :
         {std::string("3"), std::string(), std::string("no"), numbers.n, std::string("0")}) {
        const auto key = RsaPrivateKey::from_hex(d, numbers.n, "tinc.conf:1");
        ASSERT_FALSE(key) << d;
        EXPECT_EQ(key.error().code, Errc::malformed);
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

// Using ------------------------------------------------------------------------------------------

TEST(RsaRawTest, DecryptsAndEncryptsTheMetakeysOfARealConnection) {
    const auto golden = nlohmann::json::parse(test::test_data("meta_handshake.json"));
    for (const auto& direction : golden["directions"]) {
        const std::string receiver = direction["receiver"];
        const std::string line = direction["plaintext_prefix_lines"][1];
        const auto secret = unhex(line.substr(line.rfind(' ') + 1));
        const auto clear = unhex(direction["metakey_plain_hex"].get<std::string>());
        const auto decrypted = golden_private_key(receiver).decrypt_raw(secret);
        ASSERT_TRUE(decrypted) << decrypted.error().what;
        EXPECT_EQ(hex_text(decrypted->bytes()), hex_text(clear));
        const auto encrypted = golden_public_key(receiver).encrypt_raw(clear);
        ASSERT_TRUE(encrypted) << encrypted.error().what;
        EXPECT_EQ(hex_text(*encrypted), hex_text(secret));
    }
}

TEST(RsaRawTest, KeepsLeadingZeros) {
    const auto key = golden_private_key("alpha");
    std::vector<std::byte> one(256);
    one.back() = std::byte{1};  // 1 to any power is 1
    EXPECT_EQ(hex_text(key.public_key().encrypt_raw(one).value()), hex_text(one));
    EXPECT_EQ(hex_text(key.decrypt_raw(one)->bytes()), hex_text(one));
    const std::vector<std::byte> zero(256);
    EXPECT_EQ(hex_text(key.decrypt_raw(zero)->bytes()), hex_text(zero));
}

TEST(RsaRawTest, RefusesOtherLengthsAndWhatIsNotBelowTheModulus) {
    const auto key = golden_private_key("alpha");
    const std::vector<std::byte> high(257, std::byte{0xff});
    for (const std::size_t size : {0U, 1U, 255U, 256U, 257U}) {
        const auto data = std::span(high).first(size);
        ASSERT_FALSE(key.decrypt_raw(data)) << size;
        EXPECT_EQ(key.decrypt_raw(data).error().code, Errc::malformed);
        EXPECT_FALSE(key.public_key().encrypt_raw(data)) << size;
    }
    EXPECT_EQ(ERR_peek_error(), 0U);
}

TEST(RsaWriteTest, GivesThePkcs1TextThatTincWrites) {
    const std::string host = test::test_data("alpha.host");
    // In the file, an empty line precedes the block.
    const std::string block = host.substr(1, host.find("Subnet") - 1);
    EXPECT_EQ(golden_public_key("alpha").to_pem(), block);
    EXPECT_EQ(golden_private_key("alpha").to_pem().value(), golden_private_pem("alpha"));
}

TEST(RsaGenerateTest, MakesKeysWithinTheLimits) {
    std::string progress;
    const auto key = RsaPrivateKey::generate(1024, [&](char c) { progress += c; });
    ASSERT_TRUE(key) << key.error().what;
    EXPECT_EQ(key->public_key().modulus_bits(), 1024U);
    EXPECT_EQ(std::ranges::count(progress, '\n'), 2) << "one line for each prime";
    EXPECT_EQ(progress.find_first_not_of(".+*\n"), std::string::npos) << progress;
    const auto again = RsaPrivateKey::from_pem(key->to_pem().value(), "x");
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->public_key(), key->public_key());
}

TEST(RsaGenerateTest, RefusesOtherSizes) {
    for (const unsigned bits : {0U, 511U, 8193U, UINT_MAX})
        EXPECT_EQ(RsaPrivateKey::generate(bits, {}).error().code, Errc::refused) << bits;
    EXPECT_TRUE(RsaPrivateKey::generate(512, {}));
}

}  // namespace
}  // namespace tinc::crypto
