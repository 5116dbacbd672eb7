#include "io/config_files.hpp"

#include "io/host_files.hpp"
#include "io/read_file.hpp"
#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"
#include "support/temporary_folder.hpp"
#include "support/test_data.hpp"
#include "tinc/base/limits.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::io {
namespace {

class ConfigFilesTest : public testing::Test {
  protected:
    test::TemporaryFolder folder_;
    test::RecordedLog log_;
    ConfigPlace place_{folder_.path(), {}};
};

TEST_F(ConfigFilesTest, NamesAMissingTincConfAsTincDoes) {
    const auto sources = read_sources(place_);
    ASSERT_FALSE(sources);
    const auto path = folder_.path("tinc.conf");
    EXPECT_EQ(sources.error().what, "Cannot open config file " + path +
                                        ": No such file or directory\nFailed to read `" + path +
                                        "': No such file or directory");
}

TEST_F(ConfigFilesTest, RemembersAddressesWithAutoConnectOrIfThereIsACache) {
    const auto remembers = [&] {
        const auto loaded = load_settings(place_);
        const auto again = reload_settings(place_, loaded.settings.value());
        EXPECT_EQ(again.settings.value().remembers_addresses, loaded.settings->remembers_addresses);
        return loaded.settings->remembers_addresses;
    };
    folder_.write("hosts/alpha", "");
    folder_.write("tinc.conf", "Name = alpha\n");
    EXPECT_FALSE(remembers());
    folder_.write("tinc.conf", "Name = alpha\nAutoConnect = yes\n");
    EXPECT_TRUE(remembers());
    folder_.write("tinc.conf", "Name = alpha\nAutoConnect = no\n");
    EXPECT_FALSE(remembers());
    std::filesystem::create_directory(folder_.path("cache"));
    EXPECT_TRUE(remembers());
}

TEST_F(ConfigFilesTest, NamesThoseWithAnAddress) {
    folder_.write("hosts/alpha", "Subnet = 10.0.0.0/8\n");
    folder_.write("hosts/beta", "address = beta.example\n");
    folder_.write("hosts/gamma", "# Address = gamma.example\n");
    folder_.write("hosts/no-name", "Address = x\n");
    place_.options = {config::parse_option("gamma.Address=10.0.0.1", 1).value()};
    auto names = names_with_address(place_);
    std::ranges::sort(names);
    EXPECT_EQ(names, (std::vector<std::string>{"beta", "gamma"}));
}

TEST_F(ConfigFilesTest, ReadsConfDByItsRules) {
    folder_.write("tinc.conf", "Name = alpha\n");
    folder_.write("conf.d/b.conf", "B = 1\n");
    folder_.write("conf.d/a.conf", "A = 1\n");
    folder_.write("conf.d/.conf", "too short\n");
    folder_.write("conf.d/a.txt", "not meant\n");
    const auto sources = read_sources(place_);
    ASSERT_TRUE(sources) << sources.error().what;
    ASSERT_EQ(sources->conf_d.size(), 2U);
    EXPECT_EQ(sources->conf_d[0].text, "A = 1\n");
    EXPECT_EQ(sources->conf_d[1].path, folder_.path("conf.d/b.conf"));
}

TEST_F(ConfigFilesTest, ReadsHostFilesOfNodesOnly) {
    folder_.write("hosts/beta", "Port = 1\n");
    folder_.write("secret", "x");
    EXPECT_TRUE(read_host_file(place_, "beta"));
    EXPECT_FALSE(read_host_file(place_, "../secret"));
    const auto missing = read_host_file(place_, "gamma");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().what, "Cannot open config file " + folder_.path("hosts/gamma") +
                                        ": No such file or directory");
}

TEST_F(ConfigFilesTest, NamesATincConfThatIsTooLarge) {
    const auto path = folder_.write("tinc.conf", std::string((1U << 20U) + 1, '#'));
    const auto sources = read_sources(place_);
    ASSERT_FALSE(sources);
    EXPECT_EQ(sources.error().what, "Cannot open config file " + path +
                                        ": Larger than 1048576 bytes\nFailed to read `" + path +
                                        "': Larger than 1048576 bytes");
}

TEST_F(ConfigFilesTest, RefusesWhatIsTooLargeOrNoFile) {
    folder_.write("large", std::string(1'001, 'x'));
    EXPECT_EQ(read_file(folder_.path("large"), 1'000).error().code, Errc::exhausted);
    EXPECT_TRUE(read_file(folder_.path("large"), 1'001));
    EXPECT_FALSE(read_file(folder_.path(), 1'000));
    ASSERT_EQ(::mkfifo(folder_.path("pipe").c_str(), 0600), 0);
    EXPECT_EQ(read_file(folder_.path("pipe"), 1'000).error().code, Errc::refused);
}

class LoadSettingsTest : public ConfigFilesTest {
  protected:
    LoadSettingsTest() {
        folder_.write("tinc.conf", "Name = alpha\nStrictSubnets = yes\n");
        folder_.write("hosts/alpha", "Subnet = 10.1.0.0/16\n");
        folder_.write("hosts/beta", "Subnet = 10.2.0.0/16\n");
        folder_.write("hosts/no.name", "Subnet = 10.9.0.0/16\n");
    }
    /// What a start reads.
    config::Settings start() { return load_settings(place_).settings.value(); }
    static std::vector<std::string> names(const config::HostSubnets& subnets) {
        std::vector<std::string> names;
        for (const auto& [name, list] : subnets) names.push_back(name);
        return names;
    }
};

TEST_F(LoadSettingsTest, ReadsAllHostFilesButOursWithStrictSubnets) {
    const auto settings = start();
    EXPECT_EQ(names(settings.host_subnets), std::vector<std::string>{"beta"});
    EXPECT_EQ(settings.host_subnets.at("beta").size(), 1U);
    EXPECT_EQ(settings.subnets.size(), 1U);
    folder_.write("tinc.conf", "Name = alpha\n");
    EXPECT_TRUE(start().host_subnets.empty());
}

TEST_F(LoadSettingsTest, ABrokenHostFileIsAWarning) {
    folder_.write("hosts/gamma", "Subnet = 10.3.0.0/16\nSubnet\n");
    const auto loaded = load_settings(place_);
    ASSERT_TRUE(loaded.settings);
    EXPECT_TRUE(loaded.settings->host_subnets.at("gamma").empty());
    EXPECT_EQ(loaded.settings->host_subnets.at("beta").size(), 1U);
    ASSERT_EQ(loaded.warnings.size(), 1U);
    EXPECT_NE(loaded.warnings[0].find("on line 2 while reading config file " +
                                      folder_.path("hosts/gamma")),
              std::string::npos);
}

TEST_F(LoadSettingsTest, AReloadFollowsTheRunningTrust) {
    const auto running = start();
    folder_.write("tinc.conf", "Name = alpha\n");
    EXPECT_EQ(names(reload_settings(place_, running).settings.value().host_subnets),
              std::vector<std::string>{"beta"});
}

TEST_F(LoadSettingsTest, AReloadReadsTheHostFileOfTheNodeWeAre) {
    const auto running = start();
    folder_.write("tinc.conf", "Name = beta\nStrictSubnets = yes\n");
    const auto loaded = reload_settings(place_, running);
    EXPECT_EQ(loaded.settings.value().subnets, running.subnets);
}

TEST_F(LoadSettingsTest, AReloadRefusesWhatAStartLeavesOut) {
    const auto running = start();
    folder_.write("conf.d/a.conf/file", "a folder where a file should be\n");
    const auto again = load_settings(place_);
    EXPECT_TRUE(again.settings);
    EXPECT_EQ(again.warnings.size(), 1U);
    const auto reload = reload_settings(place_, running);
    ASSERT_FALSE(reload.settings);
    EXPECT_NE(reload.settings.error().what.find(folder_.path("conf.d/a.conf")), std::string::npos);
}

TEST_F(LoadSettingsTest, AReloadMissesAnOwnHostFileThatWasThere) {
    const auto running = start();
    std::filesystem::remove(folder_.path("hosts/alpha"));
    EXPECT_FALSE(reload_settings(place_, running).settings);
    EXPECT_TRUE(reload_settings(place_, start()).settings) << "a start without it is a start";
}

TEST_F(LoadSettingsTest, TellsAllThatIsWrong) {
    folder_.write("tinc.conf", "Name = alpha\nMode = x\nBroadcast = y\n");
    const auto loaded = load_settings(place_);
    ASSERT_FALSE(loaded.settings);
    EXPECT_EQ(std::ranges::count(loaded.settings.error().what, '\n'), 1);
}

class PrivateKeyFileTest : public ConfigFilesTest {
  protected:
    PrivateKeyFileTest() {
        const auto key = crypto::RsaPrivateKey::generate(1024, [](char) {});
        pem_ = key->to_pem().value();
        settings_.name = "alpha";
        settings_.own_public_key = key->public_key();
    }
    auto load(std::string_view netname = "vpn") {
        return load_own_keys(place_, settings_, netname, log_);
    }
    std::string pem_;
    config::Settings settings_;
};

TEST_F(PrivateKeyFileTest, IsReadInSilenceWhenAllIsWell) {
    folder_.write("rsa_key.priv", pem_, std::filesystem::perms(0600));
    EXPECT_TRUE(load());
    EXPECT_TRUE(log_.lines.empty());
}

TEST_F(PrivateKeyFileTest, SaysHowToMakeAMissingOne) {
    const auto key = load();
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().what, "Error reading RSA private key file `" +
                                    folder_.path("rsa_key.priv") +
                                    "': No such file or directory\n"
                                    "Create a key pair with: tincd -n vpn -K");
    EXPECT_NE(load("").error().what.find("with: tincd -K"), std::string::npos);
}

TEST_F(PrivateKeyFileTest, IsNamedWithWhatIsWrongWithIt) {
    const auto other = crypto::RsaPrivateKey::generate(1024, [](char) {})->public_key().to_pem();
    const auto path = folder_.path("rsa_key.priv");
    constexpr std::size_t line_bytes = 65;  // of the base64 inside
    const auto inside = pem_.find('\n') + 1;
    for (const auto& [text, fault] : std::vector<std::pair<std::string, std::string>>{
             {"garbage", "no RSA private key found"},
             {"", "no RSA private key found"},
             {other, "no RSA private key found, only \"RSA PUBLIC KEY\""},
             {pem_.substr(0, pem_.size() / 2), "the RSA PRIVATE KEY block has no end"},
             {pem_.substr(0, inside) + pem_.substr(inside + line_bytes),
              "the RSA PRIVATE KEY block does not hold a key"},
             {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
              "the RSA private key is encrypted; store it without a passphrase"}}) {
        folder_.write("rsa_key.priv", text, std::filesystem::perms(0600));
        const auto key = load();
        ASSERT_FALSE(key) << text;
        EXPECT_EQ(key.error().what, "Reading RSA private key file `" + path + "' failed: " + path +
                                        ": " + fault + "\nCreate a key pair with: tincd -n vpn -K");
    }
}

TEST_F(PrivateKeyFileTest, IsWarnedAboutWhenOthersMayReadIt) {
    folder_.write("rsa_key.priv", pem_, std::filesystem::perms(0640));
    EXPECT_TRUE(load());
    EXPECT_TRUE(log_.contains("Warning: insecure file permissions for RSA private key file `" +
                              folder_.path("rsa_key.priv") + "'!"));
}

TEST_F(PrivateKeyFileTest, IsComparedWithOurPublicKey) {
    folder_.write("rsa_key.priv", pem_, std::filesystem::perms(0600));
    settings_.own_public_key =
        crypto::RsaPrivateKey::generate(1024, [](char) {}).value().public_key();
    EXPECT_TRUE(load()) << "the daemon goes on";
    EXPECT_TRUE(log_.contains("The public key in " + folder_.path("hosts/alpha") +
                              " does not belong to our RSA private key"));
}

TEST_F(PrivateKeyFileTest, MayBeCalledOtherwiseBelowTheFolder) {
    settings_.private_key_file = "keys/mine";
    folder_.write("keys/mine", pem_, std::filesystem::perms(0600));
    EXPECT_TRUE(load());
}

TEST_F(PrivateKeyFileTest, IsNamedWithTheLineThatCallsItSo) {
    settings_.private_key_file = "keys/mine";
    settings_.places.add("PrivateKeyFile", "tinc.conf line 2: PrivateKeyFile = keys/mine");
    EXPECT_EQ(load("").error().what,
              "Error reading RSA private key file `" + folder_.path("keys/mine") +
                  "': No such file or directory (tinc.conf line 2: PrivateKeyFile = keys/mine)\n"
                  "Create a key pair with: tincd -K");
}

/// A key with the public exponent 65535, which tinc had before there were key files.
constexpr const char* old_modulus =
    "D6BA681E1C415204F2DB7F0E2F2952A10DA6BFC9335A7617AE5C738B333F94E306B0875ED69E59E2"
    "0F70DEAE97DF141F2B953745E4242C4C5D27DCF8B6E0C6C7";
constexpr const char* old_exponent =
    "3890F35E61EFD6FB04B4B6FD0389763DC346606BF0E3155EF25D6D0D685D78258A86C6855A8FA0A6"
    "07076290CE66AEB88FD3BC1C2D7B1E0C9D1D525A379B85F";

/// Variables that say which keys are ours.
class KeyVariablesTest : public PrivateKeyFileTest {
  protected:
    KeyVariablesTest() {
        folder_.write("hosts/alpha", "");
        folder_.write("rsa_key.priv", pem_, std::filesystem::perms(0600));
    }
    /// What a start has with these lines.
    crypto::OwnKeys keys_with(const std::string& lines) {
        folder_.write("tinc.conf", "Name = alpha\n" + lines);
        return load_own_keys(place_, load_settings(place_).settings.value(), "", log_).value();
    }
    crypto::RsaPublicKey rsa_with(const std::string& lines) {
        return keys_with(lines).rsa.value().public_key();
    }
};

TEST_F(KeyVariablesTest, PrivateKeyFileNamesAnother) {
    const auto usual = rsa_with("");
    const auto other = crypto::RsaPrivateKey::generate(1024, [](char) {}).value();
    const auto path =
        folder_.write("keys/other", other.to_pem().value(), std::filesystem::perms(0600));
    EXPECT_EQ(rsa_with("PrivateKeyFile = keys/other\n"), other.public_key());
    EXPECT_EQ(rsa_with("PrivateKeyFile = " + path + "\n"), other.public_key());
    EXPECT_NE(usual, other.public_key());
}

TEST_F(KeyVariablesTest, PrivateKeyAndPublicKeyComeBeforeTheFile) {
    const auto lines = std::string("PrivateKey = ") + old_exponent + "\nPublicKey = " + old_modulus;
    EXPECT_EQ(rsa_with(lines), crypto::RsaPublicKey::from_hex_modulus(old_modulus, "").value());
}

TEST_F(KeyVariablesTest, Ed25519PrivateKeyFileNamesAnother) {
    test::SeededRandom random(1);
    const auto key = crypto::Ed25519PrivateKey::generate(random);
    folder_.write("keys/other", crypto::private_key_block(key), std::filesystem::perms(0600));
    EXPECT_EQ(keys_with("").ed25519, nullptr);
    EXPECT_EQ(keys_with("Ed25519PrivateKeyFile = keys/other\n").ed25519->public_key(),
              key.public_key());
}

TEST_F(KeyVariablesTest, ExperimentalProtocolLeavesTheEd25519KeyAlone) {
    test::SeededRandom random(1);
    folder_.write("ed25519_key.priv",
                  crypto::private_key_block(crypto::Ed25519PrivateKey::generate(random)),
                  std::filesystem::perms(0600));
    EXPECT_NE(keys_with("").ed25519, nullptr);
    EXPECT_EQ(keys_with("ExperimentalProtocol = no\n").ed25519, nullptr);
}

class Ed25519KeyFileTest : public PrivateKeyFileTest {
  protected:
    Ed25519KeyFileTest() {
        folder_.write("ed25519_key.priv", block_, std::filesystem::perms(0600));
    }
    void add_rsa_key() { folder_.write("rsa_key.priv", pem_, std::filesystem::perms(0600)); }

    test::SeededRandom random_{1};
    crypto::Ed25519PrivateKey key_ = crypto::Ed25519PrivateKey::generate(random_);
    std::string block_ = crypto::private_key_block(key_);
};

TEST_F(Ed25519KeyFileTest, IsReadIfItIsThere) {
    add_rsa_key();
    const auto keys = load();
    ASSERT_TRUE(keys && keys->ed25519 && keys->rsa);
    EXPECT_EQ(keys->ed25519->public_key(), key_.public_key());
    EXPECT_TRUE(log_.lines.empty());
}

TEST_F(Ed25519KeyFileTest, IsNotReadIfTheProtocolIsNotWanted) {
    add_rsa_key();
    settings_.experimental_protocol = false;
    folder_.write("ed25519_key.priv", "garbage");
    const auto keys = load();
    ASSERT_TRUE(keys) << keys.error().what;
    EXPECT_FALSE(keys->ed25519);
}

TEST_F(Ed25519KeyFileTest, IsMissedIfTheProtocolIsAskedFor) {
    add_rsa_key();
    std::filesystem::remove(folder_.path("ed25519_key.priv"));
    EXPECT_TRUE(load());
    settings_.experimental_protocol = true;
    const auto keys = load();
    ASSERT_FALSE(keys);
    EXPECT_EQ(keys.error().what, "Error reading Ed25519 private key file `" +
                                     folder_.path("ed25519_key.priv") +
                                     "': No such file or directory");
}

TEST_F(Ed25519KeyFileTest, IsEnoughWithoutAnRsaKey) {
    const auto keys = load();
    ASSERT_TRUE(keys) << keys.error().what;
    EXPECT_FALSE(keys->rsa);
    EXPECT_TRUE(log_.contains("There is no RSA key"));
}

TEST_F(Ed25519KeyFileTest, IsNamedWhenItIsNoKey) {
    add_rsa_key();
    for (const auto& text : {std::string("garbage"), block_.substr(0, 60), std::string()}) {
        folder_.write("ed25519_key.priv", text, std::filesystem::perms(0600));
        const auto keys = load();
        ASSERT_FALSE(keys) << text;
        EXPECT_TRUE(keys.error().what.starts_with("Reading Ed25519 private key file `" +
                                                  folder_.path("ed25519_key.priv") + "' failed: "))
            << keys.error().what;
    }
}

TEST_F(Ed25519KeyFileTest, IsWarnedAboutWhenOthersMayReadIt) {
    add_rsa_key();
    folder_.write("ed25519_key.priv", block_, std::filesystem::perms(0644));
    EXPECT_TRUE(load());
    EXPECT_TRUE(log_.contains("Warning: insecure file permissions for Ed25519 private key file `" +
                              folder_.path("ed25519_key.priv") + "'!"));
}

TEST_F(Ed25519KeyFileTest, IsComparedWithOurPublicKey) {
    add_rsa_key();
    settings_.own_ed25519_public_key = crypto::Ed25519PrivateKey::generate(random_).public_key();
    EXPECT_TRUE(load()) << "the daemon goes on";
    EXPECT_TRUE(log_.contains("does not belong to our Ed25519 private key"));
}

class HostFilesTest : public ConfigFilesTest {
  protected:
    Result<config::HostSettings> load(HostFiles& files, const std::string& name) {
        std::optional<Result<config::HostSettings>> answer;
        auto guard = asio::make_work_guard(loop_);
        files.load(name, [&](Result<config::HostSettings> host) {
            answer = std::move(host);
            guard.reset();
        });
        loop_.restart();
        loop_.run();
        return *answer;
    }
    void set_time(std::string_view name, std::time_t time) {
        const std::array<timespec, 2> times{timespec{time, 0}, timespec{time, 0}};
        ::utimensat(AT_FDCWD, folder_.path(name).c_str(), times.data(), 0);
    }
    asio::io_context loop_;
};

TEST_F(HostFilesTest, AreReadOnTheLoopsBehalf) {
    folder_.write("hosts/beta", "Address = 192.0.2.7\nPort = 7\n");
    HostFiles files(loop_, place_, log_);
    const auto beta = load(files, "beta");
    ASSERT_TRUE(beta) << beta.error().what;
    EXPECT_EQ(beta->port, "7");
    EXPECT_EQ(load(files, "gamma").error().code, Errc::system);
    folder_.write("hosts/delta", std::string(limits::config_file_bytes + 1, '#'));
    EXPECT_EQ(load(files, "delta").error().code, Errc::refused) << "it is there";
}

TEST_F(HostFilesTest, TellTheFaultsOfAFileOnce) {
    folder_.write("hosts/beta", "Mode = hub\n");
    set_time("hosts/beta", 1'000);
    HostFiles files(loop_, place_, log_);
    const auto times_told = [&] {
        EXPECT_TRUE(load(files, "beta"));
        return log_.lines.size();
    };
    EXPECT_EQ(times_told(), 1U);
    EXPECT_EQ(times_told(), 1U);
    set_time("hosts/beta", 2'000);
    EXPECT_EQ(times_told(), 2U);
    EXPECT_EQ(log_.lines.back(), "Mode in " + folder_.path("hosts/beta") +
                                     " line 1 has no effect: it belongs into tinc.conf");
}

TEST_F(HostFilesTest, TellWhatChangedSinceTheyWereAsked) {
    for (const auto* name : {"hosts/same", "hosts/gone", "hosts/written", "hosts/no-node"}) {
        folder_.write(name, "\n");
        set_time(name, 1'000);
    }
    HostFiles files(loop_, place_, log_);
    EXPECT_TRUE(files.changed().empty());
    std::filesystem::remove(folder_.path("hosts/gone"));
    set_time("hosts/written", 2'000);
    set_time("hosts/no-node", 2'000);
    EXPECT_EQ(files.changed(), (std::vector<std::string>{"gone", "written"}));
    EXPECT_TRUE(files.changed().empty());
}

}  // namespace
}  // namespace tinc::io
