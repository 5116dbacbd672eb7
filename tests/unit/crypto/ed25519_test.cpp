#include "tinc/crypto/ed25519.hpp"

#include "support/seeded_random.hpp"
#include "support/vectors.hpp"
#include "tinc/base/base64.hpp"
#include "tinc/crypto/node_id.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace tinc::crypto {
namespace {

/// Gives the bytes of a vector.
class Draws final : public RandomSource {
  public:
    explicit Draws(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
    void fill(std::span<std::byte> out) override {
        ASSERT_LE(out.size(), bytes_.size());
        std::ranges::copy(std::span(bytes_).first(out.size()), out.begin());
    }

  private:
    std::vector<std::byte> bytes_;
};

Ed25519PublicKey public_key_of(Bytes bytes) {
    return Ed25519PublicKey(bytes.first<Ed25519PublicKey::size_bytes>());
}

/// OpenSSL's opinion.
bool openssl_verifies(const Ed25519PublicKey& key, Bytes message, Bytes signature) {
    const auto data = [](Bytes bytes) {
        return reinterpret_cast<const unsigned char*>(bytes.data());
    };
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> theirs(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data(key.bytes()),
                                    key.bytes().size()),
        EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, theirs.get()) == 1 &&
           EVP_DigestVerify(context.get(), data(signature), signature.size(), data(message),
                            message.size()) == 1;
}

TEST(Ed25519Test, IsMadeWrittenAndReadAsTheOriginalDoes) {
    for (const auto& vector : test::vectors_of("ed25519-keys.json")) {
        Draws seed(test::bytes_of(vector["seed"]));
        const auto key = Ed25519PrivateKey::generate(seed);
        EXPECT_TRUE(
            std::ranges::equal(key.expanded().bytes(), test::bytes_of(vector["private64"])));
        EXPECT_TRUE(std::ranges::equal(key.public_key().bytes(), test::bytes_of(vector["public"])));
        EXPECT_EQ(key.public_key().text(), test::text_of(vector["public_b64"]));
        EXPECT_EQ(private_key_block(key), test::text_of(vector["private_pem"]));
        EXPECT_EQ(public_key_block(key.public_key()), test::text_of(vector["public_pem"]));
        EXPECT_TRUE(key.is_consistent());

        const auto read = find_private_key(test::text_of(vector["private_pem"]), "file");
        ASSERT_TRUE(read && *read);
        EXPECT_EQ(private_key_block(**read), test::text_of(vector["private_pem"]));
        EXPECT_EQ(find_public_key(test::text_of(vector["public_pem"]), "file").value(),
                  key.public_key());
        EXPECT_EQ(Ed25519PublicKey::parse(test::text_of(vector["public_b64"])).value(),
                  key.public_key());
    }
}

TEST(Ed25519Test, SignsAsTheOriginalDoes) {
    for (const auto& vector : test::vectors_of("ed25519-keys.json")) {
        Draws seed(test::bytes_of(vector["seed"]));
        const auto key = Ed25519PrivateKey::generate(seed);
        const auto message = test::bytes_of(vector["message"]);
        const auto signature = key.sign(message);
        EXPECT_TRUE(std::ranges::equal(signature, test::bytes_of(vector["signature"])));
        EXPECT_EQ(base64_text(signature), test::text_of(vector["signature_b64"]));
        EXPECT_TRUE(key.public_key().verify(message, signature));
        EXPECT_TRUE(openssl_verifies(key.public_key(), message, signature));
    }
}

/// "Signature = NAME TIME SIGNATURE", of the text with name and time behind it.
TEST(Ed25519Test, SignsWhatTincSigns) {
    const auto file = nlohmann::json::parse(test::test_data("sign-verify.json"));
    const auto key =
        find_private_key(test::text_of(file["private_key_file"]), "file").value().value();
    EXPECT_EQ(key.public_key().text(), test::text_of(file["public_key_b64"]));
    for (const auto& vector : file["vectors"]) {
        const auto whole = test::bytes_of(vector["signed_hex"]);
        const auto text = as_text(whole);
        const auto header = text.substr(0, text.find('\n'));
        const auto blank = header.rfind(' ');
        const auto who_and_when = header.substr(std::string_view("Signature = ").size(),
                                                blank - std::string_view("Signature = ").size());
        const auto input = test::bytes_of(vector["input_hex"]);
        const auto message = fmt::format("{} {}", as_text(input), who_and_when);
        const auto signature = header.substr(blank + 1);
        EXPECT_EQ(base64_text(key.sign(as_bytes(message))), signature) << header;
        EXPECT_TRUE(key.public_key().verify(as_bytes(message), parse_base64(signature).value()))
            << header;
    }
}

TEST(Ed25519Test, ReadsTheFilesOfTheOriginal) {
    const auto key =
        find_private_key(test::test_data("example-ed25519_key.priv"), "file").value().value();
    EXPECT_TRUE(key.is_consistent());
    const auto host = test::test_data("example-hosts-signer");
    EXPECT_EQ(find_public_key(host, "host").value(), std::nullopt) << "it has a line instead";
    const auto at = host.find("Ed25519PublicKey = ") + std::string("Ed25519PublicKey = ").size();
    EXPECT_TRUE(Ed25519PublicKey::parse(std::string_view(host).substr(at, 43)));
}

TEST(Ed25519Test, AnyOtherMessageKeyOrSignatureIsRefused) {
    test::SeededRandom random(1);
    const auto key = Ed25519PrivateKey::generate(random);
    const auto message = as_bytes("message");
    const auto signature = key.sign(message);
    EXPECT_FALSE(key.public_key().verify(as_bytes("massage"), signature));
    EXPECT_FALSE(Ed25519PrivateKey::generate(random).public_key().verify(message, signature));
    EXPECT_FALSE(key.public_key().verify(message, Bytes(signature).first(63)));
    for (std::size_t bit = 0; bit < 512; ++bit) {
        auto forged = signature;
        forged[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(key.public_key().verify(message, forged)) << bit;
    }
}

TEST(Ed25519Test, AKeyOfTwoHalvesIsNoticed) {
    test::SeededRandom random(1);
    const auto one = Ed25519PrivateKey::generate(random);
    const auto other = Ed25519PrivateKey::generate(random);
    std::vector<std::byte> both;
    std::ranges::copy(one.expanded().bytes(), std::back_inserter(both));
    std::ranges::copy(other.public_key().bytes(), std::back_inserter(both));
    EXPECT_FALSE(Ed25519PrivateKey::from_bytes(both).value().is_consistent());
    EXPECT_FALSE(Ed25519PrivateKey::from_bytes(Bytes(both).first(95)));
    std::ranges::copy(one.public_key().bytes(), both.begin() + 64);
    EXPECT_TRUE(Ed25519PrivateKey::from_bytes(both).value().is_consistent());
    both[31] |= std::byte{0x80};
    EXPECT_FALSE(Ed25519PrivateKey::from_bytes(both).value().is_consistent()) << "no scalar";
}

TEST(KeyFileTest, ABlockMayStandAnywhereAndEndInAnyWay) {
    test::SeededRandom random(1);
    const auto key = Ed25519PrivateKey::generate(random);
    auto block = private_key_block(key);
    const auto reads = [&](const std::string& text) {
        const auto found = find_private_key(text, "file");
        return found && *found && (*found)->public_key() == key.public_key();
    };
    EXPECT_TRUE(reads("Name = x\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA\n" + block));
    EXPECT_TRUE(reads(block + "rest\n"));
    EXPECT_TRUE(reads(block.substr(0, block.find("-----END")))) << "the end may be missing";
    std::string with_cr;
    for (const char c : block) with_cr += c == '\n' ? std::string("\r\n") : std::string(1, c);
    EXPECT_TRUE(reads(with_cr));
    EXPECT_FALSE(reads("#" + block));
}

TEST(KeyFileTest, WhatIsNoKeyIsToldFromNoBlock) {
    const auto says = [](const std::string& text) {
        const auto found = find_public_key(text, "hosts/beta");
        if (found) return std::string(*found ? "a key" : "no block");
        return found.error().what;
    };
    const std::string begin = "-----BEGIN ED25519 PUBLIC KEY-----\n";
    EXPECT_EQ(says(""), "no block");
    EXPECT_EQ(says("Port = 655\n"), "no block");
    EXPECT_EQ(says(begin + "!\n"), "hosts/beta: Invalid base64 data in PEM file");
    EXPECT_EQ(says(begin + "\n"), "hosts/beta: Invalid base64 data in PEM file");
    EXPECT_EQ(says(begin + std::string(44, 'A') + "\n"),
              "hosts/beta: Too much base64 data in PEM file");
    EXPECT_EQ(says(begin + std::string(40, 'A') + "\n-----END ED25519"),
              "hosts/beta: Too little base64 data in PEM file");
    EXPECT_EQ(says(begin), "hosts/beta: Too little base64 data in PEM file");
    EXPECT_EQ(says(begin + std::string(43, 'A')), "a key");
}

TEST(KeyFileTest, ALineWithAKeyHas43Characters) {
    EXPECT_TRUE(Ed25519PublicKey::parse(std::string(43, 'A')));
    EXPECT_EQ(Ed25519PublicKey::parse(std::string(42, 'A')).error().what,
              "Invalid size 42 for public key!");
    EXPECT_FALSE(Ed25519PublicKey::parse(std::string(42, 'A') + "="));
}

// --- Diffie-Hellman
// -------------------------------------------------------------------------------

/// The other end's view.
void expect_shared(const nlohmann::json& own_seed, const Ed25519PublicKey& theirs, Bytes shared) {
    Draws seed(test::bytes_of(own_seed));
    const EphemeralKey own(seed);
    EXPECT_TRUE(std::ranges::equal(own.shared_with(theirs).value().bytes(), shared));
}

TEST(EphemeralKeyTest, AgreesWithTheOriginal) {
    int agreed = 0;
    for (const auto& vector : test::vectors_of("ecdh.json")) {
        Draws seed(test::bytes_of(vector["a_seed"]));
        const EphemeralKey ours(seed);
        if (vector.contains("a_public_edwards")) {
            EXPECT_TRUE(std::ranges::equal(ours.public_key().bytes(),
                                           test::bytes_of(vector["a_public_edwards"])));
        }
        auto point = test::bytes_of(vector["b_public_edwards"]);
        const auto shared = test::bytes_of(vector["shared"]);
        const bool is_usable =
            std::ranges::any_of(shared, [](std::byte b) { return b != std::byte{0}; });
        const auto found = ours.shared_with(public_key_of(point));
        ASSERT_EQ(found.has_value(), is_usable);
        if (!is_usable) continue;
        EXPECT_TRUE(std::ranges::equal(found->bytes(), shared));
        point.back() ^= std::byte{0x80};
        EXPECT_TRUE(
            std::ranges::equal(ours.shared_with(public_key_of(point)).value().bytes(), shared))
            << "the sign does not matter";
        if (vector.contains("b_seed")) expect_shared(vector["b_seed"], ours.public_key(), shared);
        ++agreed;
    }
    EXPECT_GE(agreed, 5);
}

/// Every encoding of a point whose order divides 8, those that are not reduced among them.
constexpr std::string_view low_order_points[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};

class LowOrderPoint : public testing::TestWithParam<std::string_view> {};

TEST_P(LowOrderPoint, MakesNoSecret) {
    test::SeededRandom random(1);
    const EphemeralKey ours(random);
    const auto shared = ours.shared_with(public_key_of(parse_hex(GetParam()).value()));
    ASSERT_FALSE(shared);
    EXPECT_EQ(shared.error().code, Errc::forged);
}
INSTANTIATE_TEST_SUITE_P(Twelve, LowOrderPoint, testing::ValuesIn(low_order_points));

TEST(NodeIdTest, IsTheBeginningOfAHashOfTheName) {
    for (const auto& vector : test::vectors_of("node-id.json"))
        EXPECT_EQ(node_id_of(test::text_of(vector["name"])).text(), test::text_of(vector["id"]));
}

}  // namespace
}  // namespace tinc::crypto
