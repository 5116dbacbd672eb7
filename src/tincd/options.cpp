#include "tincd/options.hpp"

#include "tinc/base/text.hpp"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <string_view>

namespace tinc::tincd {

namespace {

constexpr unsigned default_key_bits = 2048;
constexpr unsigned least_key_bits = 512;

/// Values of getopt_long() for options without a letter.
enum LongOnly : int { help = 256, version_option, logfile, pidfile, bypass_security };

// clang-format off
constexpr auto long_options = std::to_array<option>({
    {"config",          required_argument, nullptr, 'c'},
    {"no-detach",       no_argument,       nullptr, 'D'},
    {"debug",           optional_argument, nullptr, 'd'},
    {"kill",            optional_argument, nullptr, 'k'},
    {"net",             required_argument, nullptr, 'n'},
    {"generate-keys",   optional_argument, nullptr, 'K'},
    {"mlock",           no_argument,       nullptr, 'L'},
    {"logfile",         optional_argument, nullptr, logfile},
    {"pidfile",         required_argument, nullptr, pidfile},
    {"bypass-security", no_argument,       nullptr, bypass_security},
    {"option",          required_argument, nullptr, 'o'},
    {"chroot",          no_argument,       nullptr, 'R'},
    {"user",            required_argument, nullptr, 'U'},
    {"help",            no_argument,       nullptr, help},
    {"version",         no_argument,       nullptr, version_option},
    {nullptr,           0,                 nullptr, 0},  // where getopt_long() stops
});
constexpr auto* short_options = "c:DLd::k::n:o:K::RU:";

struct SignalName {
    std::string_view name;
    int number;
};
constexpr std::array signal_names{
    SignalName{"HUP",   SIGHUP},   SignalName{"TERM", SIGTERM}, SignalName{"KILL", SIGKILL},
    SignalName{"USR1",  SIGUSR1},  SignalName{"USR2", SIGUSR2}, SignalName{"WINCH", SIGWINCH},
    SignalName{"INT",   SIGINT},   SignalName{"ALRM", SIGALRM}, SignalName{"ABRT", SIGABRT},
};
// clang-format on

/// One pass over the command line.
class Parser {
  public:
    Parser(const std::vector<std::string>& arguments, const std::string& folder)
        : arguments_(arguments), folder_(folder) {
        for (const auto& word : arguments_) words_.push_back(const_cast<char*>(word.c_str()));
        words_.push_back(nullptr);
        out_.program = arguments_.empty() ? "tincd" : arguments_.front();
    }

    Result<Options> parse() {
        optind = 0;  // GNU: starts afresh
        for (;;) {
            const int found =
                ::getopt_long(count(), words_.data(), short_options, long_options.data(), nullptr);
            if (found == -1) break;
            TINC_CHECK(apply(found));
            // As in 1.0.36, whoever asks for help gets it whatever follows.
            if (out_.action == Action::show_help || out_.action == Action::show_version)
                return std::move(out_);
        }
        if (optind < count()) {
            return usage(
                fmt::format("{}: unrecognized argument '{}'", out_.program, words_at(optind)));
        }
        return finish();
    }

  private:
    [[nodiscard]] int count() const { return static_cast<int>(words_.size()) - 1; }
    [[nodiscard]] std::string words_at(int at) const {
        return words_[static_cast<std::size_t>(at)];
    }

    /// An optional argument may also be the next word, unless that is an option.
    [[nodiscard]] std::optional<std::string> argument() const {
        if (optarg) return optarg;
        if (optind >= count() || words_at(optind).starts_with('-')) return std::nullopt;
        return words_at(optind++);
    }

    [[nodiscard]] std::unexpected<Error> usage(const std::string& line) const {
        const auto hint = fmt::format("Try `{} --help' for more information.", out_.program);
        return failure(Errc::refused, line.empty() ? hint : line + "\n" + hint);
    }

    Result<void> apply(int found) {
        switch (found) {
            case 'c':
                return config_dir(optarg);
            case 'D':
                out_.detaches = false;
                return {};
            case 'd':
                return debug(argument());
            case 'k':
                return kill(argument());
            case 'n':
                return net(optarg);
            case 'o':
                return setting(optarg);
            case 'K':
                return keys(argument());
            case 'L':
                out_.locks_memory = true;
                return {};
            case 'R':
                out_.changes_root = true;
                return {};
            case 'U':
                out_.user = optarg;
                return {};
            case logfile:
                log_file_given_ = true;
                out_.log_file = argument();
                return {};
            case pidfile:
                out_.pid_file = absolute(optarg);
                return {};
            case bypass_security:
                out_.bypasses_security = true;
                return {};
            case help:
                out_.action = Action::show_help;
                return {};
            case version_option:
                out_.action = Action::show_version;
                return {};
            default:
                return usage("");
        }
    }

    Result<void> config_dir(const std::string& path) {
        if (!out_.config_dir.empty())
            return usage("Only one configuration directory can be given.");
        out_.config_dir = absolute(path);
        return {};
    }

    Result<void> net(const std::string& name) {
        if (net_given_) return usage("Only one netname can be given.");
        net_given_ = true;
        if (name == ".") return {};
        // It becomes a folder below /etc/tinc and part of file names.
        if (name.find('/') != std::string::npos || name.starts_with('.')) {
            return usage(
                fmt::format("Invalid netname `{}'; a netname has no slash in it and does "
                            "not begin with a dot.",
                            name));
        }
        out_.netname = name;
        return {};
    }

    Result<void> debug(const std::optional<std::string>& level) {
        if (!level) {
            ++out_.debug_level;
            return {};
        }
        // As in 1.0.36, the digits it begins with, and without any it is 0.
        int number = 0;
        std::from_chars(level->data(), level->data() + level->size(), number);
        out_.debug_level = std::max(number, 0);
        return {};
    }

    Result<void> kill(const std::optional<std::string>& name) {
        out_.action = Action::kill;
        const auto signal = name ? parse_signal(*name) : std::optional(SIGTERM);
        if (!signal) {
            return usage(
                fmt::format("Invalid argument `{}'; SIGNAL must be a number or one of "
                            "HUP, TERM, KILL, USR1, USR2, WINCH, INT or ALRM.",
                            *name));
        }
        out_.kill_signal = *signal;
        return {};
    }

    Result<void> keys(const std::optional<std::string>& bits) {
        out_.action = Action::generate_keys;
        const auto number = bits ? parse_number<unsigned>(*bits) : std::optional(default_key_bits);
        if (!number || *number < least_key_bits) {
            return usage(fmt::format(
                "Invalid argument `{}'; BITS must be a number equal to or greater than {}.", *bits,
                least_key_bits));
        }
        out_.key_bits = *number & ~7U;
        return {};
    }

    Result<void> setting(const std::string& text) {
        const auto position = static_cast<int>(out_.settings.size()) + 1;
        TINC_TRY(auto option, config::parse_option(text, position));
        out_.settings.push_back(std::move(option));
        return {};
    }

    [[nodiscard]] std::string absolute(const std::string& path) const {
        return path.starts_with('/') ? path : folder_ + "/" + path;
    }

    /// Fills in what follows from the netname.
    Result<Options> finish() {
        out_.overrides_netname_dir = !out_.config_dir.empty() && !out_.netname.empty();
        if (out_.config_dir.empty()) {
            out_.config_dir =
                out_.netname.empty() ? "/etc/tinc" : fmt::format("/etc/tinc/{}", out_.netname);
        }
        if (out_.pid_file.empty()) out_.pid_file = fmt::format("/run/{}.pid", out_.ident());
        if (log_file_given_) {
            out_.log_file = out_.log_file ? absolute(*out_.log_file)
                                          : fmt::format("/var/log/{}.log", out_.ident());
        }
        return std::move(out_);
    }

    const std::vector<std::string>& arguments_;
    std::string folder_;
    std::vector<char*> words_;  ///< getopt_long() permutes them
    Options out_;
    bool net_given_ = false;
    bool log_file_given_ = false;
};

}  // namespace

std::string Options::ident() const { return netname.empty() ? "tinc" : "tinc." + netname; }

Result<Options> parse_options(const std::vector<std::string>& arguments,
                              const std::string& folder) {
    return Parser(arguments, folder).parse();
}

std::optional<int> parse_signal(const std::string& text) {
    const auto is_meant = [&](const SignalName& entry) {
        return equal_ignoring_case(entry.name, text);
    };
    const auto* at = std::ranges::find_if(signal_names, is_meant);
    if (at != signal_names.end()) return at->number;
    const auto number = parse_number<int>(text);
    return number && *number > 0 && *number < NSIG ? number : std::nullopt;
}

const char* version() { return TINC_VERSION; }

std::string version_text() {
    return fmt::format(
        "tincpp version {}, protocol 17, takes the place of tinc 1.0.36\n"
        "\n"
        "tincpp comes with ABSOLUTELY NO WARRANTY; see the file LICENSE for details.\n",
        version());
}

std::string help_text(const std::string& program) {
    return fmt::format(
        "Usage: {} [option]...\n"
        "\n"
        "  -c, --config=DIR               Read configuration options from DIR.\n"
        "  -D, --no-detach                Don't fork and detach.\n"
        "  -d, --debug[=LEVEL]            Increase debug level or set it to LEVEL.\n"
        "  -k, --kill[=SIGNAL]            Attempt to kill a running tincd and exit.\n"
        "  -n, --net=NETNAME              Connect to net NETNAME.\n"
        "  -K, --generate-keys[=BITS]     Generate public/private RSA keypair.\n"
        "  -L, --mlock                    Lock tinc into main memory.\n"
        "      --logfile[=FILENAME]       Write log entries to a logfile.\n"
        "      --pidfile=FILENAME         Write PID to FILENAME.\n"
        "  -o, --option=[HOST.]KEY=VALUE  Set global/host configuration value.\n"
        "  -R, --chroot                   chroot to NET dir at startup.\n"
        "  -U, --user=USER                setuid to given USER at startup.\n"
        "      --help                     Display this help and exit.\n"
        "      --version                  Output version information and exit.\n"
        "\n"
        "The manual pages tincd(8) and tinc.conf(5) say more.\n",
        program);
}

}  // namespace tinc::tincd
