#include "tinc/config/parser.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/config/value_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tinc::config {

namespace {

constexpr std::string_view blanks = " \t";

/// The next line without its end, which is LF or CR LF; `rest` then begins after it.
std::string_view take_line(std::string_view& rest) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// An editor that has added CR LF to lines that had it already leaves more than one CR.
std::string_view without_trailing_blanks(std::string_view text) {
    const auto last = text.find_last_not_of(" \t\r");
    return last == std::string_view::npos ? std::string_view() : text.substr(0, last + 1);
}

std::string_view without_leading_blanks(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

struct Split {
    std::string_view variable;
    std::string_view value;
};

/// `variable [=] value`, where blanks around the value do not belong to it.
Split split_assignment(std::string_view line) {
    line = without_trailing_blanks(line);
    const auto end = std::min(line.find_first_of(" \t="), line.size());
    auto value = without_leading_blanks(line.substr(end));
    if (value.starts_with('=')) value = without_leading_blanks(value.substr(1));
    return {line.substr(0, end), value};
}

/// What makes a line unreadable, whatever it says.
std::optional<Error> fault_of(std::string_view line, int number, std::string_view file) {
    if (line.size() > limits::config_line_bytes)
        return Error{Errc::exhausted,
                     fmt::format("Line {} is longer than {} bytes while reading config file {}",
                                 number, limits::config_line_bytes, file)};
    if (line.find('\0') != std::string_view::npos)
        return Error{Errc::malformed,
                     fmt::format("NUL byte on line {} while reading config file {}", number, file)};
    return std::nullopt;
}

}  // namespace

ParsedFile parse_file(std::string_view text, std::string_view file) {
    ParsedFile parsed;
    for (int number = 1; !text.empty(); ++number) {
        const auto line = take_line(text);
        if (auto fault = fault_of(line, number, file)) {
            parsed.error = std::move(fault);
            return parsed;
        }
        if (parsed.open_block_line != 0) {
            if (line.starts_with("-----END")) parsed.open_block_line = 0;
            continue;
        }
        if (line.starts_with("-----BEGIN")) {
            parsed.open_block_line = number;
            continue;
        }
        if (line.empty() || line.starts_with('#')) continue;
        const auto [variable, value] = split_assignment(line);
        if (value.empty()) {
            parsed.error =
                Error{Errc::malformed,
                      fmt::format("No value for variable `{}' on line {} while reading config "
                                  "file {}",
                                  shown(variable), number, file)};
            return parsed;
        }
        parsed.assignments.push_back(
            {std::string(variable), std::string(value), std::string(file), number});
    }
    return parsed;
}

Result<CommandLineOption> parse_option(std::string_view text, int position) {
    if (text.find('\0') != std::string_view::npos || text.size() > limits::config_line_bytes)
        return failure(Errc::malformed,
                       fmt::format("Unreadable text in command line option {}", position));
    auto [variable, value] = split_assignment(text);
    if (value.empty())
        return failure(Errc::malformed,
                       fmt::format("No value for variable `{}' in command line option {}",
                                   shown(variable), position));
    std::string host;
    if (const auto dot = variable.find('.'); dot != std::string_view::npos) {
        host = variable.substr(0, dot);
        variable.remove_prefix(dot + 1);
        if (!is_node_name(host))
            return failure(Errc::malformed, fmt::format("Invalid host name `{}' in command line "
                                                        "option {}",
                                                        shown(host), position));
    }
    return CommandLineOption{std::move(host),
                             {std::string(variable), std::string(value), std::string(), position}};
}

}  // namespace tinc::config
