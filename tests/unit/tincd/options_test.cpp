#include "tincd/options.hpp"

#include "support/test_data.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <ostream>
#include <string>
#include <vector>

namespace tinc::tincd {
namespace {

using Words = std::vector<std::string>;

Result<Options> parse(Words words) {
    words.insert(words.begin(), "tincd");
    return parse_options(words, "/here");
}

Options parsed(Words words) {
    auto options = parse(std::move(words));
    EXPECT_TRUE(options) << options.error().what;
    return options.value_or(Options{});
}

TEST(OptionsTest, HaveTheDefaultsOfTinc) {
    const auto options = parsed({});
    EXPECT_EQ(options.action, Action::run);
    EXPECT_TRUE(options.detaches);
    EXPECT_EQ(options.ident(), "tinc");
    EXPECT_EQ(options.config_dir, "/etc/tinc");
    EXPECT_EQ(options.pid_file, "/run/tinc.pid");
    EXPECT_FALSE(options.log_file);
}

TEST(OptionsTest, DeriveNamesFromTheNetname) {
    const auto options = parsed({"-n", "vpn", "--logfile"});
    EXPECT_EQ(options.ident(), "tinc.vpn");
    EXPECT_EQ(options.config_dir, "/etc/tinc/vpn");
    EXPECT_EQ(options.pid_file, "/run/tinc.vpn.pid");
    EXPECT_EQ(options.log_file, "/var/log/tinc.vpn.log");
}

TEST(OptionsTest, TakeADotForNoNet) { EXPECT_EQ(parsed({"-n", "."}).config_dir, "/etc/tinc"); }

TEST(OptionsTest, PreferTheFolderToTheNetname) {
    const auto options = parsed({"-n", "vpn", "-c", "/conf"});
    EXPECT_EQ(options.config_dir, "/conf");
    EXPECT_EQ(options.pid_file, "/run/tinc.vpn.pid");
    EXPECT_TRUE(options.overrides_netname_dir);
}

TEST(OptionsTest, MakePathsAbsoluteBeforeTheDaemonLeaves) {
    const auto options = parsed({"-c", "conf", "--pidfile=p", "--logfile", "l"});
    EXPECT_EQ(options.config_dir, "/here/conf");
    EXPECT_EQ(options.pid_file, "/here/p");
    EXPECT_EQ(options.log_file, "/here/l");
}

struct DebugLevel {
    std::string name;
    Words words;
    int level;
};
class DebugLevelTest : public testing::TestWithParam<DebugLevel> {};

TEST_P(DebugLevelTest, IsCountedOrGiven) {
    EXPECT_EQ(parsed(GetParam().words).debug_level, GetParam().level);
}
INSTANTIATE_TEST_SUITE_P(
    Tincd, DebugLevelTest,
    testing::Values(
        DebugLevel{"once", {"-d"}, 1}, DebugLevel{"twice", {"-d", "-d"}, 2},
        DebugLevel{"attached", {"-d5"}, 5}, DebugLevel{"next_word", {"-d", "3", "-D"}, 3},
        DebugLevel{"before_option", {"-d", "-D"}, 1}, DebugLevel{"long_form", {"--debug=10"}, 10},
        DebugLevel{"long_next", {"--debug", "4"}, 4}, DebugLevel{"then_counted", {"-d3", "-d"}, 4},
        DebugLevel{"no_number", {"-d", "x"}, 0}, DebugLevel{"letters_attached", {"-ddd"}, 0},
        DebugLevel{"begins_with_one", {"--debug=3x"}, 3}, DebugLevel{"empty", {"-d", ""}, 0},
        DebugLevel{"negative", {"-d-1"}, 0}),
    [](const auto& level) { return level.param.name; });

struct Signal {
    std::string name;
    Words words;
    int number;
};
class KillSignalTest : public testing::TestWithParam<Signal> {};

TEST_P(KillSignalTest, IsNamedOrNumbered) {
    const auto options = parsed(GetParam().words);
    EXPECT_EQ(options.action, Action::kill);
    EXPECT_EQ(options.kill_signal, GetParam().number);
}
INSTANTIATE_TEST_SUITE_P(Tincd, KillSignalTest,
                         testing::Values(Signal{"default", {"-k"}, SIGTERM},
                                         Signal{"attached", {"-kHUP"}, SIGHUP},
                                         Signal{"next_word", {"-k", "usr1"}, SIGUSR1},
                                         Signal{"number", {"-k", "9"}, SIGKILL},
                                         Signal{"long_form", {"--kill=WINCH"}, SIGWINCH},
                                         Signal{"before_option", {"-k", "-n", "vpn"}, SIGTERM}),
                         [](const auto& signal) { return signal.param.name; });

TEST(OptionsTest, RoundKeySizesDownToWholeBytes) {
    EXPECT_EQ(parsed({"-K"}).key_bits, 2048U);
    EXPECT_EQ(parsed({"-K", "1030"}).key_bits, 1024U);
    EXPECT_EQ(parsed({"-K4096"}).action, Action::generate_keys);
}

TEST(OptionsTest, KeepSettingsInOrder) {
    const auto options = parsed({"-o", "Port=1", "--option=beta.Address=192.0.2.1"});
    ASSERT_EQ(options.settings.size(), 2U);
    EXPECT_EQ(options.settings[0].assignment.variable, "Port");
    EXPECT_EQ(options.settings[1].host, "beta");
}

TEST(OptionsTest, ShowHelpWhateverFollows) {
    EXPECT_EQ(parsed({"--help", "--nonsense"}).action, Action::show_help);
    EXPECT_EQ(parsed({"--version"}).action, Action::show_version);
}

struct Refused {
    std::string name;
    Words words;
    std::string line;  ///< the first
};
void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }
class RefusedOptionsTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedOptionsTest, SayWhyAndWhereHelpIs) {
    const auto options = parse(GetParam().words);
    ASSERT_FALSE(options);
    const auto begin = GetParam().line.empty() ? "" : GetParam().line + "\n";
    EXPECT_EQ(options.error().what, begin + "Try `tincd --help' for more information.");
}
INSTANTIATE_TEST_SUITE_P(
    Tincd, RefusedOptionsTest,
    testing::Values(
        Refused{"word", {"foo"}, "tincd: unrecognized argument 'foo'"},
        Refused{"unknown_option", {"--bogus"}, ""}, Refused{"no_argument", {"-U"}, ""},
        Refused{"two_folders",
                {"-c", "a", "-c", "b"},
                "Only one configuration directory can be given."},
        Refused{"two_nets", {"-n", "a", "-n", "b"}, "Only one netname can be given."},
        Refused{"net_with_slash",
                {"-n", "a/b"},
                "Invalid netname `a/b'; a netname has no slash in it and does not begin with a "
                "dot."},
        Refused{"hidden_net",
                {"-n", "..x"},
                "Invalid netname `..x'; a netname has no slash in it and does not begin with a "
                "dot."},
        Refused{"small_key",
                {"-K", "511"},
                "Invalid argument `511'; BITS must be a number equal to or greater than 512."},
        Refused{"signal",
                {"-kFOO"},
                "Invalid argument `FOO'; SIGNAL must be a number or one of HUP, TERM, KILL, "
                "USR1, USR2, WINCH, INT or ALRM."}),
    [](const auto& refused) { return refused.param.name; });

TEST(OptionsTest, RefuseASettingWithoutValue) {
    const auto options = parse({"-o", "Port"});
    ASSERT_FALSE(options);
    EXPECT_EQ(options.error().what, "No value for variable `Port' in command line option 1");
}

TEST(OptionsTest, GoWithoutSecurityIfToldSo) {
    EXPECT_FALSE(parse({}).value().bypasses_security);
    EXPECT_TRUE(parse({"--bypass-security"}).value().bypasses_security);
    EXPECT_EQ(help_text("tincd").find("bypass"), std::string::npos) << "nobody should try it";
}

TEST(OptionsTest, NameTincAndAVersionFirst) {
    const auto text = version_text();
    EXPECT_TRUE(text.starts_with(std::string("tincpp version ") + version() +
                                 ", protocol 17, takes the place of tinc 1.0.36\n"));
}

TEST(OptionsTest, AreAllInTheHelpAndInTheManual) {
    const auto text = help_text("tincd");
    const auto manual = tinc::test::test_data("../../man/tincd.8");
    for (const std::string option :
         {"--config=", "--no-detach", "--debug[", "--kill[", "--net=", "--generate-keys[",
          "--mlock", "--logfile[", "--pidfile=", "--option=", "--chroot", "--user=", "--help",
          "--version"}) {
        EXPECT_NE(text.find(option), std::string::npos) << option;
        const auto name = option.substr(2, option.find_first_of("=[") - 2);
        EXPECT_NE(manual.find("Fl \\-" + name), std::string::npos) << option;
    }
}

}  // namespace
}  // namespace tinc::tincd
