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

// What StrictSubnets reads ------------------------------------------------------------------------

struct SubnetsReading {
    std::vector<std::string> subnets;
    std::vector<std::string> warnings;
};

SubnetsReading subnets_of(const Result<SourceFile>& file,
                          const std::vector<std::string>& options = {}) {
    std::vector<CommandLineOption> parsed;
    for (const auto& option : options)
        parsed.push_back(parse_option(option, static_cast<int>(parsed.size()) + 1).value());
    Report report;
    SubnetsReading reading;
    for (const auto& subnet : read_host_subnets("beta", file, parsed, report))
        reading.subnets.push_back(wire::subnet_text(subnet));
    EXPECT_THAT(report.errors, IsEmpty());
    reading.warnings = report.warnings;
    return reading;
}

TEST(HostSubnetsTest, AreThoseOfTheFileAndTheCommandLine) {
    const auto reading = subnets_of(
        SourceFile{"hosts/beta", "Subnet = 10.2.0.0/16\nWhatever = 1\nsubnet 10.3.0.0/16#5\n"},
        {"beta.Subnet=10.4.0.0/16", "gamma.Subnet=10.5.0.0/16", "Subnet=10.6.0.0/16"});
    EXPECT_THAT(reading.subnets, ElementsAre("10.4.0.0/16#10", "10.2.0.0/16#10", "10.3.0.0/16#5"));
    EXPECT_THAT(reading.warnings, IsEmpty());
}

TEST(HostSubnetsTest, AFaultDisablesThemAllAndIsNamedWithItsLine) {
    for (const auto& [line, complaint] : std::vector<std::pair<std::string, std::string>>{
             {"Subnet = nonsense",
              "Subnet expected for configuration variable Subnet in hosts/beta line 2"},
             {"Subnet = 10.3.0.1/16",
              "Network address and prefix length do not match for configuration variable Subnet in "
              "hosts/beta line 2"},
             {"Subnet",
              "No value for variable `Subnet' on line 2 while reading config file hosts/beta"},
             {std::string("Sub\0net = 1", 12),
              "NUL byte on line 2 while reading config file hosts/beta"}}) {
        const auto reading = subnets_of(
            SourceFile{"hosts/beta", "Subnet = 10.2.0.0/16\n" + line + "\nSubnet = 10.4.0.0/16\n"});
        EXPECT_THAT(reading.subnets, IsEmpty()) << line;
        EXPECT_THAT(reading.warnings,
                    ElementsAre(complaint + ": beta has no subnets until that is put right"));
    }
}

TEST(HostSubnetsTest, WithoutAFileThereAreNone) {
    const auto reading =
        subnets_of(failure(Errc::system, "Cannot open config file hosts/beta: no"));
    EXPECT_THAT(reading.subnets, IsEmpty());
    EXPECT_THAT(reading.warnings, ElementsAre(StartsWith("Cannot open config file hosts/beta")));
}

}  // namespace
}  // namespace tinc::config
