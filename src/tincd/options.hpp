#pragma once

// The command line of tincd 1.0.36.

#include "tinc/base/error.hpp"
#include "tinc/config/parser.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tinc::tincd {

/// What to do.
enum class Action : std::uint8_t { run, show_help, show_version, kill, generate_keys };

struct Options {
    Action action = Action::run;
    std::string program;     ///< as it was called
    std::string netname;     ///< empty: none
    std::string config_dir;  ///< absolute
    /// Both -n and -c were given, and -c counts.
    bool overrides_netname_dir = false;

    bool detaches = true;
    int debug_level = 0;
    std::string pid_file;                 ///< absolute
    std::optional<std::string> log_file;  ///< absolute; nothing: syslog, or standard error
    std::vector<config::CommandLineOption> settings;

    int kill_signal = 0;
    unsigned key_bits = 0;
    bool locks_memory = false;
    bool bypasses_security = false;
    bool changes_root = false;
    std::string user;  ///< empty: stay who we are

    /// "tinc" or "tinc.NETNAME": in the log, and in names of files.
    [[nodiscard]] std::string ident() const;
};

/// `arguments` begins with the program's name; relative paths start in `folder`. On an error,
/// `what` is all that is to be printed; getopt's own messages are printed to standard error at
/// once.
[[nodiscard]] Result<Options> parse_options(const std::vector<std::string>& arguments,
                                            const std::string& folder);

[[nodiscard]] std::string help_text(const std::string& program);
[[nodiscard]] std::string version_text();

/// The project's version: "0.1.0".
[[nodiscard]] const char* version();

/// "TERM", "term" or "15". Nothing if it is not one of -k's.
[[nodiscard]] std::optional<int> parse_signal(const std::string& text);

}  // namespace tinc::tincd
