// Keys that cannot be used, each with the exact words the operator gets.

#include "tinc/config/parser.hpp"
#include "unit/config/configured.hpp"

#include <gmock/gmock.h>

#include <string>
#include <string_view>

namespace tinc::config {
namespace {

using testing::ElementsAre;

struct BrokenKey {
    std::string_view host_file;
    std::string_view message;
};

constexpr std::string_view small_modulus =
    "PublicKey = b5555555555555555555555555555555555555555555555555555555555555555555555555555"
    "5555555555555555555555555555555555555555555557";

// clang-format off
constexpr BrokenKey rsa_keys[] = {
    {"Port = 1\n", "No public key for beta specified! (hosts/beta: no RSA public key found)"},
    {"PublicKey = zz\n", "hosts/beta line 1: the modulus is not a hexadecimal number of at most 8192 bits"},
    {small_modulus, "hosts/beta line 1: the RSA key has 492 bits; 512 to 8192 are possible"},
    {"PublicKey = 2\n", "hosts/beta line 1: the RSA key has 2 bits; 512 to 8192 are possible"},
    {"PublicKeyFile = /keys/none\n", "/keys/none: No such file or directory (hosts/beta line 1)"},
    {"PublicKeyFile = /keys/empty\n", "No public key for beta specified! (/keys/empty: no RSA public key found)"},
    {"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n", "hosts/beta: the RSA PUBLIC KEY block has no end"},
    {"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "hosts/beta: the RSA PUBLIC KEY block has no end"},
    {"-----BEGIN RSA PUBLIC KEY-----\nAAA!\n-----END RSA PUBLIC KEY-----\n", "hosts/beta: the RSA PUBLIC KEY block is not readable as PEM"},
    {"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n", "hosts/beta: the RSA PUBLIC KEY block does not hold a key"},
    {"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "No public key for beta specified! (hosts/beta: no RSA public key found, only \"RSA PRIVATE KEY\")"},
    {"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAdhm2rempbMswoPNugmREY1xM+K70RxyeztJ0MyVkJXc=\n-----END PUBLIC KEY-----\n", "hosts/beta: the PUBLIC KEY block holds a key of type ED25519, not RSA"},
    {"-----BEGIN ED25519 PUBLIC KEY-----\nMmlT3ne4hjdQgBMphrU6JhxWlE2FCURw6aCqkFghToF\n-----END ED25519 PUBLIC KEY-----\n", "No public key for beta specified! (hosts/beta: no RSA public key found, only \"ED25519 PUBLIC KEY\")"},
};

constexpr BrokenKey ed25519_keys[] = {
    {"Ed25519PublicKey = x\n", "hosts/beta line 1: Invalid size 1 for public key!"},
    {"Ed25519PublicKey = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!\n", "hosts/beta line 1: Invalid base64 data in public key!"},
    {"Ed25519PublicKeyFile = /keys/none\n", "/keys/none: No such file or directory (hosts/beta line 1)"},
    {"-----BEGIN ED25519 PUBLIC KEY-----\nMmlT\n-----END ED25519 PUBLIC KEY-----\n", "hosts/beta: Too little base64 data in PEM file"},
    {"-----BEGIN ED25519 PUBLIC KEY-----\n!!!!\n-----END ED25519 PUBLIC KEY-----\n", "hosts/beta: Invalid base64 data in PEM file"},
    {"-----BEGIN ED25519 PUBLIC KEY-----\nMmlT3ne4hjdQgBMphrU6JhxWlE2FCURw6aCqkFghToF\nMmlT\n-----END ED25519 PUBLIC KEY-----\n", "hosts/beta: Too much base64 data in PEM file"},
};
// clang-format on

HostSettings host_of(std::string_view text) {
    Report report;
    const auto key_file = [](const std::string& path) -> Result<std::string> {
        if (path == "/keys/empty") return "";
        return failure(Errc::system, path + ": No such file or directory");
    };
    return read_host_settings("beta", SourceFile{"hosts/beta", std::string(text)}, {}, key_file,
                              report);
}

TEST(BrokenKeyTest, OfAnotherNodeSaysWhyItCannotConnect) {
    for (const auto& [text, message] : rsa_keys) {
        const auto host = host_of(text);
        ASSERT_FALSE(host.public_key) << text;
        EXPECT_EQ(host.public_key.error().what, message);
    }
    for (const auto& [text, message] : ed25519_keys) {
        const auto host = host_of(text);
        ASSERT_FALSE(host.ed25519_key) << text;
        EXPECT_EQ(host.ed25519_key.error().what, message);
    }
}

TEST(BrokenKeyTest, OfOursIsAWarning) {
    const auto reading = test::reading_of(
        {.host_file = "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n"});
    ASSERT_TRUE(reading.settings);
    EXPECT_FALSE(reading.settings->own_public_key);
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("hosts/alpha: the RSA PUBLIC KEY block does not hold a key"));
}

TEST(BrokenKeyTest, OfOursInALineIsAWarningWithItsPlace) {
    const auto reading = test::reading_of_lines("PublicKey = xyz\n");
    ASSERT_TRUE(reading.settings);
    EXPECT_FALSE(reading.settings->own_public_key);
    EXPECT_THAT(reading.report.warnings, ElementsAre("tinc.conf line 2: the modulus is not a "
                                                     "hexadecimal number of at most 8192 bits"));
}

}  // namespace
}  // namespace tinc::config
