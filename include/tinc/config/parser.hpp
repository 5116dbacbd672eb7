#pragma once

#include "tinc/base/error.hpp"
#include "tinc/config/settings.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::config {

/// One line `Variable = value`, with where it stands for messages and for precedence.
struct Assignment {
    std::string variable;  ///< empty if the line began with a blank or `=`: it is ignored
    std::string value;     ///< never empty
    std::string file;      ///< empty for the command line
    int line = 0;          ///< from 1; for the command line, the n-th -o

    friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// The lines of a configuration or host file. PEM blocks are skipped. Errors ("No value for
/// variable `X' on line N while reading config file F") end that file; what stood before them is
/// in `assignments` all the same.
struct ParsedFile {
    std::vector<Assignment> assignments;
    std::optional<Error> error;
    int open_block_line = 0;  ///< of a "-----BEGIN" without "-----END"; 0 if there is none
};
[[nodiscard]] ParsedFile parse_file(std::string_view text, std::string_view file);

/// A value of -o: `[HOST.]KEY=VALUE`. `position` counts the -o from 1.
struct CommandLineOption {
    std::string host;  ///< empty: our own configuration
    Assignment assignment;
};
[[nodiscard]] Result<CommandLineOption> parse_option(std::string_view text, int position);

/// A file as floor 5 read it.
struct SourceFile {
    std::string path;
    std::string text;
};

/// Everything a start or a reload reads.
struct Sources {
    SourceFile tinc_conf;
    std::vector<SourceFile> conf_d;
    std::vector<std::string> left_out;  ///< why files of conf.d could not be read, a line each
    std::vector<CommandLineOption> options;
    /// Our own host file, asked for once Name is known; its error is a warning.
    std::function<Result<SourceFile>(const std::string& name)> own_host_file;
    /// Environment, for Name = $VAR; and the host name, for $HOST without HOST.
    std::function<std::optional<std::string>(const std::string& variable)> environment;
    std::string host_name;
    /// The number of a service's port, for Port.
    std::function<std::optional<std::string>(const std::string& service)> service_port;
    /// A reload has a running state to lose: an own host file that is missing or ends in an error
    /// is then an error, if the running configuration has one.
    bool needs_own_host_file = false;
};

/// What checking found. The daemon starts if there are no errors. All messages are whole lines
/// for the operator, those of 1.0.36 where it has one, with file and line.
struct Report {
    std::vector<std::string> errors;
    std::vector<std::string> warnings;
};

/// Reads everything against the option table. All faults are reported at once. Unknown variables
/// warn, with the nearest known name. Nothing if there was an error. The functions of `sources`
/// may be empty: then there is no host file and no environment.
[[nodiscard]] std::optional<Settings> read_settings(const Sources& sources, Report& report);

/// The subnets that StrictSubnets lets a node have: those of hosts/NAME and of -o NAME.Subnet. A
/// fault in the file, named with its line in a warning, disables them all; so does no file.
[[nodiscard]] std::vector<wire::Subnet> read_host_subnets(
    const std::string& name, const Result<SourceFile>& host_file,
    const std::vector<CommandLineOption>& options, Report& report);

/// Whether there is an Address in hosts/NAME or -o NAME.Address.
[[nodiscard]] bool has_address(const std::string& name, const Result<SourceFile>& host_file,
                               const std::vector<CommandLineOption>& options);

/// Reads a peer's host file. Faults disable what they touch, never the daemon: they are warnings.
/// `key_file` reads the file a PublicKeyFile names; it may be empty. Why there is no usable key is
/// said by `public_key` alone, since only a peer that connects needs one.
[[nodiscard]] HostSettings read_host_settings(
    const std::string& name, const Result<SourceFile>& host_file,
    const std::vector<CommandLineOption>& options,
    const std::function<Result<std::string>(const std::string& path)>& key_file, Report& report);

}  // namespace tinc::config
