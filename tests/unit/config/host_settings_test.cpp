#include "tinc/config/parser.hpp"

#include "support/test_data.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace tinc::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

struct HostReading {
    HostSettings settings;
    Report report;
};

/// hosts/beta with this text; /keys/beta is a file with beta's key.
HostReading reading_of(const std::string& text, const std::vector<std::string>& options = {}) {
    HostReading reading;
    std::vector<CommandLineOption> parsed;
    for (const auto& option : options)
        parsed.push_back(parse_option(option, static_cast<int>(parsed.size()) + 1).value());
    const auto key_file = [](const std::string& path) -> Result<std::string> {
        if (path == "/keys/beta") return tinc::test::test_data("beta.host");
        return failure(Errc::system, "Cannot open " + path);
    };
    reading.settings = read_host_settings("beta", SourceFile{"hosts/beta", text}, parsed, key_file,
                                          reading.report);
    return reading;
}

struct Case {
    std::string_view line;
    bool (*holds)(const HostSettings&);
};

// clang-format off
constexpr Case cases[] = {
    {"", [](const HostSettings& s) { return s.addresses.empty() && s.port == "655" && !s.indirect_data && !s.tcp_only && !s.clamp_mss && !s.pmtu && !s.weight && s.subnets.empty(); }},
    {"Address = b.example", [](const HostSettings& s) { return s.addresses == std::vector<HostPort>{{"b.example", ""}}; }},
    {"Address = b.example   700", [](const HostSettings& s) { return s.addresses == std::vector<HostPort>{{"b.example", "700"}}; }},
    {"Address = a\nAddress = b tinc", [](const HostSettings& s) { return s.addresses == std::vector<HostPort>{{"a", ""}, {"b", "tinc"}}; }},
    {"Port = 700", [](const HostSettings& s) { return s.port == "700"; }},
    {"IndirectData = yes", [](const HostSettings& s) { return s.indirect_data && !s.tcp_only; }},
    {"TCPOnly = yes", [](const HostSettings& s) { return s.indirect_data && s.tcp_only; }},
    {"ClampMSS = no", [](const HostSettings& s) { return s.clamp_mss == false; }},
    {"PMTU = 1400", [](const HostSettings& s) { return s.pmtu == 1400; }},
    {"PMTU = 99999", [](const HostSettings& s) { return s.pmtu == 1518; }},
    {"Weight = -7", [](const HostSettings& s) { return s.weight == -7; }},
    {"Subnet = 10.0.0.0/8", [](const HostSettings& s) { return s.subnets.size() == 1; }},
    {"Ed25519PublicKey = x\nMode = nonsense\nGraphDumpFile = no", [](const HostSettings& s) { return s.port == "655"; }},
};
// clang-format on

TEST(HostSettingsTest, EachValueGetsWhereItBelongs) {
    for (const auto& [line, holds] : cases)
        EXPECT_TRUE(holds(reading_of(std::string(line) + "\n").settings)) << line;
}

TEST(HostSettingsTest, HostFilesOfTinc11GiveNoMessage) {
    EXPECT_THAT(reading_of("Ed25519PublicKey = x\nSubnet = 10.0.0.0/8\n").report.warnings,
                IsEmpty());
}

struct Fault {
    std::string_view text;
    std::string_view warning;
};

// clang-format off
constexpr Fault faults[] = {
    {"Address = a b c", "Address and optional port expected for configuration variable Address in hosts/beta line 1"},
    {"Address = a # at home", "Address and optional port expected for configuration variable Address in hosts/beta line 1"},
    {"Port = 70000", "Port number or service name expected for configuration variable Port in hosts/beta line 1"},
    {"IndirectData = maybe", "\"yes\" or \"no\" expected for configuration variable IndirectData in hosts/beta line 1"},
    {"PMTU = small", "Integer expected for configuration variable PMTU in hosts/beta line 1"},
    {"PMTU = -1", "PMTU must not be below 64, 1518 is used (hosts/beta line 1: PMTU = -1)"},
    {"Weight = heavy", "Integer expected for configuration variable Weight in hosts/beta line 1"},
    {"Subnet = all", "Subnet expected for configuration variable Subnet in hosts/beta line 1"},
    {"Subnet = 10.0.0.1/8", "Network address and prefix length do not match for configuration variable Subnet in hosts/beta line 1"},
    {"Adress = a", "Unknown variable `Adress' in hosts/beta line 1: did you mean Address?"},
    {"Address", "No value for variable `Address' on line 1 while reading config file hosts/beta"},
};
// clang-format on

TEST(HostSettingsTest, FaultsAreWarningsAndDisableWhatTheyTouch) {
    for (const auto& [text, warning] : faults) {
        const auto reading = reading_of(std::string(text) + "\n");
        EXPECT_THAT(reading.report.errors, IsEmpty()) << text;
        EXPECT_THAT(reading.report.warnings, ElementsAre(std::string(warning)));
        EXPECT_TRUE(cases[0].holds(reading.settings)) << text;
    }
}

TEST(HostSettingsTest, OptionsForThisHostComeFirst) {
    const auto reading = reading_of("Port = 1\n", {"Port=2", "beta.Port=3", "gamma.Port=4"});
    EXPECT_EQ(reading.settings.port, "3");
    EXPECT_THAT(reading.report.warnings, IsEmpty());
}

TEST(HostSettingsTest, AMissingFileLeavesTheOptions) {
    Report report;
    const Result<SourceFile> missing = failure(Errc::system, "Cannot open config file hosts/beta");
    const auto settings = read_host_settings(
        "beta", missing, {parse_option("beta.Address=b.example", 1).value()}, {}, report);
    EXPECT_EQ(settings.addresses.size(), 1U);
    EXPECT_THAT(report.warnings, ElementsAre("Cannot open config file hosts/beta"));
    ASSERT_FALSE(settings.public_key);
    EXPECT_EQ(settings.public_key.error().what, "No public key for beta specified!");
}

TEST(PublicKeyTest, IsFoundInTheHostFile) {
    const auto reading = reading_of(tinc::test::test_data("beta.host"));
    ASSERT_TRUE(reading.settings.public_key) << reading.settings.public_key.error().what;
    EXPECT_EQ(reading.settings.public_key->modulus_bytes(), 256U);
    EXPECT_THAT(reading.report.warnings, IsEmpty());
}

TEST(PublicKeyTest, OfAFileComesBeforeTheHostFile) {
    const auto beta = reading_of(tinc::test::test_data("beta.host"));
    const auto reading =
        reading_of("PublicKeyFile = /keys/beta\n" + tinc::test::test_data("gamma.host"));
    ASSERT_TRUE(beta.settings.public_key && reading.settings.public_key);
    EXPECT_EQ(*reading.settings.public_key, *beta.settings.public_key);
}

TEST(PublicKeyTest, InHexadecimalComesFirst) {
    auto modulus = std::string(128, '5');
    modulus.front() = 'b';
    modulus.back() = '7';
    const auto reading = reading_of("PublicKeyFile = /keys/beta\nPublicKey = " + modulus + "\n" +
                                    tinc::test::test_data("beta.host"));
    ASSERT_TRUE(reading.settings.public_key) << reading.settings.public_key.error().what;
    EXPECT_EQ(reading.settings.public_key->modulus_bytes(), 64U);
}

struct NoKey {
    std::string_view text;
    std::string_view beginning;
};

class NoPublicKeyTest : public testing::TestWithParam<NoKey> {};

TEST_P(NoPublicKeyTest, SaysWhy) {
    const auto reading = reading_of(std::string(GetParam().text));
    ASSERT_FALSE(reading.settings.public_key);
    EXPECT_THAT(reading.settings.public_key.error().what,
                StartsWith(std::string(GetParam().beginning)));
    EXPECT_THAT(reading.report.errors, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Files, NoPublicKeyTest,
    testing::Values(NoKey{"Port = 1\n", "No public key for beta specified! (hosts/beta: "},
                    NoKey{"PublicKey = zz\n", "hosts/beta line 1: "},
                    NoKey{"PublicKeyFile = /keys/none\n", "Cannot open /keys/none"},
                    NoKey{"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n",
                          "hosts/beta: "}));

}  // namespace
}  // namespace tinc::config
