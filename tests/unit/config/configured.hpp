#pragma once

#include "tinc/config/parser.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::config::test {

/// A configuration in a test: only what matters to it is written out.
struct Configuration {
    std::string tinc_conf = "Name = alpha\n";
    std::string host_file{};
    bool has_host_file = true;
    bool needs_host_file = false;
    std::vector<std::pair<std::string, std::string>> conf_d{};  ///< path and text
    std::vector<std::string> options{};                         ///< of -o, in order
    std::vector<std::pair<std::string, std::string>> environment{};
};

/// What read_settings() makes of it.
struct Reading {
    std::optional<Settings> settings;
    Report report;
    std::string asked_host;  ///< whose host file was asked for
};

inline Reading reading_of(const Configuration& configuration) {
    Reading reading;
    Sources sources;
    sources.tinc_conf = {"tinc.conf", configuration.tinc_conf};
    sources.host_name = "vm.example";
    sources.service_port = [](const std::string& service) -> std::optional<std::string> {
        if (service == "https") return "443";
        return std::nullopt;
    };
    sources.needs_own_host_file = configuration.needs_host_file;
    for (const auto& [path, text] : configuration.conf_d) sources.conf_d.push_back({path, text});
    for (const auto& text : configuration.options)
        sources.options.push_back(
            parse_option(text, static_cast<int>(sources.options.size()) + 1).value());
    sources.own_host_file = [&](const std::string& name) -> Result<SourceFile> {
        reading.asked_host = name;
        if (!configuration.has_host_file) return failure(Errc::system, "hosts/" + name + ": gone");
        return SourceFile{"hosts/" + name, configuration.host_file};
    };
    sources.environment = [&](const std::string& variable) -> std::optional<std::string> {
        for (const auto& [name, value] : configuration.environment)
            if (name == variable) return value;
        return std::nullopt;
    };
    reading.settings = read_settings(sources, reading.report);
    return reading;
}

/// tinc.conf of "alpha" with these further lines, the first of which is line 2.
inline Reading reading_of_lines(const std::string& lines) {
    return reading_of({.tinc_conf = "Name = alpha\n" + lines});
}

}  // namespace tinc::config::test
