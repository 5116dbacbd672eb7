#include "tincd/key_generation.hpp"

#include "support/seeded_random.hpp"
#include "support/temporary_folder.hpp"
#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/rsa.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

namespace tinc::tincd {
namespace {

class KeyGenerationTest : public testing::Test {
  protected:
    /// Generates a pair without asking; what was said is in `said_`.
    Result<void> generate(const AskForFile& ask = {}) {
        testing::internal::CaptureStderr();
        auto done = generate_keys({folder_.path(), {}}, 512, ask, random_);
        said_ = testing::internal::GetCapturedStderr();
        return done;
    }
    unsigned mode(std::string_view name) {
        struct stat status{};
        ::stat(folder_.path(name).c_str(), &status);
        return status.st_mode & 0777U;
    }
    test::TemporaryFolder folder_;
    test::SeededRandom random_{1};
    std::string said_;
};

TEST_F(KeyGenerationTest, WritesAPairThatFits) {
    folder_.write("tinc.conf", "Name = alpha\n");
    folder_.write("hosts/alpha", "Subnet = 10.0.0.0/8\n");
    ASSERT_TRUE(generate());
    const auto text = folder_.read("hosts/alpha");
    EXPECT_TRUE(text.starts_with("Subnet = 10.0.0.0/8\n\n-----BEGIN RSA PUBLIC KEY-----\n"));
    const auto ours = crypto::RsaPrivateKey::from_pem(folder_.read("rsa_key.priv"), "private");
    const auto theirs = crypto::RsaPublicKey::from_pem(text, "public");
    ASSERT_TRUE(ours && theirs);
    EXPECT_TRUE(ours->public_key() == *theirs);
    EXPECT_EQ(ours->modulus_bytes(), 64U);
    EXPECT_TRUE(said_.starts_with("Generating 512 bits keys:\n"));
    EXPECT_TRUE(said_.ends_with("Done.\n")) << said_;
}

TEST_F(KeyGenerationTest, KeepsThePrivateKeyToItself) {
    ASSERT_TRUE(generate());
    EXPECT_EQ(mode("rsa_key.priv"), 0600U);
    EXPECT_TRUE(folder_.read("rsa_key.priv").starts_with("\n-----BEGIN RSA PRIVATE KEY-----\n"));
}

TEST_F(KeyGenerationTest, WritesAFileOfItsOwnWithoutAName) {
    ASSERT_TRUE(generate());
    EXPECT_NE(folder_.read("rsa_key.pub").find("BEGIN RSA PUBLIC KEY"), std::string::npos);
}

TEST_F(KeyGenerationTest, FindsTheNameInAFaultyConfiguration) {
    folder_.write("tinc.conf", "Name = alpha\nMode = nonsense\n");
    folder_.write("hosts/alpha", "");
    ASSERT_TRUE(generate());
    EXPECT_FALSE(folder_.read("hosts/alpha").empty());
}

TEST_F(KeyGenerationTest, DisablesOldKeysAndSaysSo) {
    ASSERT_TRUE(generate());
    ASSERT_TRUE(generate());
    EXPECT_TRUE(
        said_.ends_with("Warning: old key(s) found and disabled.\n"
                        "Warning: old key(s) found and disabled.\n"
                        "Warning: old key(s) found and disabled.\n"
                        "Warning: old key(s) found and disabled.\n"));
    const auto text = folder_.read("rsa_key.priv");
    const auto old = text.find("-----BEGIN OLD PRIVATE KEY-----");
    const auto fresh = text.find("-----BEGIN RSA PRIVATE KEY-----");
    EXPECT_NE(old, std::string::npos);
    EXPECT_LT(old, fresh);
    EXPECT_EQ(text.find("-----BEGIN RSA", fresh + 1), std::string::npos);
}

TEST_F(KeyGenerationTest, KeepsTheModeOfAFileThatIsThere) {
    folder_.write("tinc.conf", "Name = alpha\n");
    folder_.write("hosts/alpha", "", std::filesystem::perms(0664));
    ASSERT_TRUE(generate());
    EXPECT_EQ(mode("hosts/alpha"), 0664U);
}

TEST_F(KeyGenerationTest, WritesWhereTheOperatorWants) {
    folder_.write("keys/any", "");
    const auto there = folder_.path("keys/mine");
    ASSERT_TRUE(generate([&](std::string_view which, const std::string& fallback) {
        EXPECT_TRUE(fallback.starts_with(folder_.path()));
        return Result<std::string>(which == "private RSA key" ? there : "");
    }));
    EXPECT_EQ(mode("keys/mine"), 0600U);
    EXPECT_FALSE(std::filesystem::exists(folder_.path("rsa_key.priv")));
}

TEST_F(KeyGenerationTest, NamesAFolderThatIsMissing) {
    const auto done = generate_keys({folder_.path("none"), {}}, 512, {}, random_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().what, "Error opening file `" + folder_.path("none/rsa_key.priv") +
                                     "': No such file or directory");
}

TEST_F(KeyGenerationTest, LeavesNothingHalfWritten) {
    ASSERT_TRUE(append_key(folder_.path("key"), "PEM\n", KeyKind::rsa));
    EXPECT_EQ(folder_.read("key"), "\nPEM\n");
    EXPECT_FALSE(std::filesystem::exists(folder_.path("key.tmp")));
}

TEST_F(KeyGenerationTest, WritesAnEd25519PairBesideTheRsaPair) {
    folder_.write("tinc.conf", "Name = alpha\n");
    folder_.write("hosts/alpha", "Ed25519PublicKey = old\n");
    ASSERT_TRUE(generate());
    const auto ours = crypto::find_private_key(folder_.read("ed25519_key.priv"), "private").value();
    ASSERT_TRUE(ours.has_value());
    EXPECT_TRUE(ours->is_consistent());
    EXPECT_EQ(mode("ed25519_key.priv"), 0600U);
    const auto text = folder_.read("hosts/alpha");
    EXPECT_TRUE(text.starts_with("#Ed25519PublicKey = old\n")) << text;
    EXPECT_TRUE(text.ends_with("\nEd25519PublicKey = " + ours->public_key().text() + "\n")) << text;
}

TEST(DisableOldKeysTest, ChangesWholeLinesOnly) {
    const auto out = disable_old_keys(
        "# -----BEGIN RSA\n-----BEGIN RSA PUBLIC KEY-----\nRSA\n-----END RSA PUBLIC KEY-----",
        KeyKind::rsa);
    EXPECT_TRUE(out.found);
    EXPECT_EQ(out.text,
              "# -----BEGIN RSA\n-----BEGIN OLD PUBLIC KEY-----\nRSA\n-----END OLD PUBLIC "
              "KEY-----");
    EXPECT_FALSE(disable_old_keys("Address = RSA\n", KeyKind::rsa).found);
}

}  // namespace
}  // namespace tinc::tincd
