#pragma once

// Settings as the daemon reads them, for tests of what a variable does.

#include "support/peer_pair.hpp"
#include "tinc/config/parser.hpp"

#include <stdexcept>
#include <string>

namespace tinc::test {

/// Of a tinc.conf with these lines. The node is called alpha, unless they say otherwise.
inline config::Settings settings_of(const std::string& lines) {
    config::Sources sources;
    sources.tinc_conf = {"tinc.conf", lines + "\nName = alpha\n"};
    config::Report report;
    auto settings = config::read_settings(sources, report);
    if (!settings) throw std::invalid_argument(report.errors.front());
    return *std::move(settings);
}

/// Of a host file with these lines. Its key is small_key(), unless they give one; a key file holds
/// `key_file`.
inline config::HostSettings host_of(const std::string& lines, const std::string& key_file = "") {
    config::Report report;
    auto host = config::read_host_settings(
        "beta", config::SourceFile{"hosts/beta", lines}, {},
        [&](const std::string&) -> Result<std::string> { return key_file; }, report);
    if (!report.warnings.empty()) throw std::invalid_argument(report.warnings.front());
    if (!host.public_key) host.public_key = small_key().public_key();
    return host;
}

}  // namespace tinc::test
