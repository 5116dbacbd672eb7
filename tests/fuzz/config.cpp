// Configuration files: whatever a file says, it is read or refused with messages that fit a log.
//
// The same text is our tinc.conf, our host file, a peer's host file and, line by line, options of
// the command line.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/config/parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace tinc;
using namespace tinc::config;

bool is_log_line(const std::string& line) {
    return !line.empty() && std::ranges::none_of(line, [](char c) { return c >= 0 && c < ' '; });
}

void check(const Report& report) {
    constexpr std::size_t most_lines = 500;
    TINC_ASSERT(report.errors.size() < most_lines && report.warnings.size() < most_lines);
    TINC_ASSERT(std::ranges::all_of(report.errors, is_log_line));
    TINC_ASSERT(std::ranges::all_of(report.warnings, is_log_line));
}

std::vector<CommandLineOption> options_of(std::string_view text) {
    constexpr std::size_t most_options = 8;
    std::vector<CommandLineOption> options;
    while (!text.empty() && options.size() < most_options) {
        const auto end = std::min(text.find('\n'), text.size());
        if (auto option = parse_option(text.substr(0, end), static_cast<int>(options.size()) + 1))
            options.push_back(*std::move(option));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return options;
}

/// Every assignment, written out, is read as the same one.
void check_round_trip(const ParsedFile& parsed) {
    std::string text;
    for (const auto& [variable, value, file, line] : parsed.assignments)
        text += variable + " = " + value + "\n";
    const auto again = parse_file(text, "F");
    const auto is_longer = [](const Assignment& a) {
        return a.variable.size() + a.value.size() + 3 > limits::config_line_bytes;
    };
    const auto is_special = [](const Assignment& a) {
        return a.variable.empty() || a.variable.starts_with("-----BEGIN");
    };
    if (std::ranges::any_of(parsed.assignments, is_longer) ||
        std::ranges::any_of(parsed.assignments, is_special))
        return;
    TINC_ASSERT(!again.error && again.assignments.size() == parsed.assignments.size());
    for (std::size_t i = 0; i < again.assignments.size(); ++i) {
        TINC_ASSERT(again.assignments[i].variable == parsed.assignments[i].variable);
        TINC_ASSERT(again.assignments[i].value == parsed.assignments[i].value);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(as_text(std::as_bytes(std::span(data, size))));
    check_round_trip(parse_file(text, "F"));

    Report report;
    Sources sources;
    sources.tinc_conf = {"tinc.conf", text};
    sources.conf_d = {{"conf.d/a.conf", text}};
    sources.options = options_of(text);
    sources.own_host_file = [&](const std::string& name) -> Result<SourceFile> {
        TINC_ASSERT(is_node_name(name));
        return SourceFile{"hosts/self", text};
    };
    sources.environment = [&](const std::string&) { return std::optional(text); };
    sources.host_name = text;
    const auto settings = read_settings(sources, report);
    TINC_ASSERT(settings.has_value() == report.errors.empty());
    if (settings) TINC_ASSERT(difference(*settings, *settings).is_empty());
    check(report);

    Report host_report;
    const auto key_file = [&](const std::string&) -> Result<std::string> { return text; };
    const auto host = read_host_settings("peer", SourceFile{"hosts/peer", text}, sources.options,
                                         key_file, host_report);
    TINC_ASSERT(host_report.errors.empty());
    TINC_ASSERT(host.public_key.has_value() || is_log_line(host.public_key.error().what));
    check(host_report);

    Report subnet_report;
    static_cast<void>(
        read_host_subnets("peer", SourceFile{"hosts/peer", text}, sources.options, subnet_report));
    TINC_ASSERT(subnet_report.errors.empty() && subnet_report.warnings.size() <= 1);
    check(subnet_report);
    return 0;
}
