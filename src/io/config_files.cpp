#include "io/config_files.hpp"

#include "io/descriptor.hpp"
#include "io/read_file.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/crypto/secret.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

namespace tinc::io {

namespace {

/// The reason at the end of "PATH: reason".
std::string_view reason_of(const Error& error, std::string_view path) {
    std::string_view what = error.what;
    if (what.starts_with(path)) what.remove_prefix(std::min(what.size(), path.size() + 2));
    return what;
}

std::vector<config::SourceFile> read_conf_d(const std::string& folder) {
    std::vector<std::string> paths;
    std::error_code ec;
    for (std::filesystem::directory_iterator at(folder, ec), end; !ec && at != end;
         at.increment(ec)) {
        const auto name = at->path().filename().string();
        if (name.size() > 5 && name.ends_with(".conf")) paths.push_back(at->path().string());
    }
    std::ranges::sort(paths);
    std::vector<config::SourceFile> files;
    for (const auto& path : paths) {
        if (auto text = read_file(path, limits::config_file_bytes))
            files.push_back({path, std::move(*text)});
    }
    return files;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return {};
    return name.data();
}

std::optional<std::string> environment_value(const std::string& variable) {
    const char* value = std::getenv(variable.c_str());
    if (!value) return std::nullopt;
    return value;
}

void warn_if_others_may_read(const std::string& path, LogSink& log) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 077U) == 0) return;
    log.print(Level::always, Severity::warning,
              "Warning: insecure file permissions for RSA private key file `{}'!", path);
}

void check_own_public_key(const crypto::RsaPrivateKey& key, const config::Settings& settings,
                          const ConfigPlace& place, LogSink& log) {
    if (!settings.own_public_key || *settings.own_public_key == key.public_key()) return;
    log.print(Level::always, Severity::error,
              "The public key in {} does not belong to our RSA private key: nodes with this host "
              "file will refuse us. Generate a new pair with -K, or put the matching key there, "
              "and give the host file to the other nodes.",
              place.path("hosts/" + settings.name));
}

std::string advice(std::string_view netname) {
    return netname.empty() ? "Create a key pair with: tincd -K"
                           : fmt::format("Create a key pair with: tincd -n {} -K", netname);
}

}  // namespace

std::string ConfigPlace::path(std::string_view name) const {
    return fmt::format("{}/{}", base, name);
}

std::string ConfigPlace::resolve(const std::string& name) const {
    return name.starts_with('/') ? name : path(name);
}

Result<config::Sources> read_sources(const ConfigPlace& place) {
    const auto path = place.path("tinc.conf");
    auto text = read_file(path, limits::config_file_bytes);
    if (!text) {
        const auto reason = reason_of(text.error(), path);
        return failure(Errc::system, fmt::format("Cannot open config file {}: {}\n"
                                                 "Failed to read `{}': {}",
                                                 path, reason, path, reason));
    }
    config::Sources sources;
    sources.tinc_conf = {path, std::move(*text)};
    sources.conf_d = read_conf_d(place.path("conf.d"));
    sources.options = place.options;
    sources.own_host_file = [place](const std::string& name) {
        return read_host_file(place, name);
    };
    sources.environment = environment_value;
    sources.host_name = host_name();
    return sources;
}

Result<config::Settings> load_settings(const ConfigPlace& place, LogSink& log) {
    TINC_TRY(const auto sources, read_sources(place));
    config::Report report;
    auto settings = config::read_settings(sources, report);
    for (const auto& line : report.warnings)
        log.print(Level::always, Severity::warning, "{}", line);
    if (settings) return std::move(*settings);
    std::string all;
    for (const auto& line : report.errors) all += (all.empty() ? "" : "\n") + line;
    return failure(Errc::refused, all);
}

Result<config::SourceFile> read_host_file(const ConfigPlace& place, const std::string& name) {
    if (!is_node_name(name)) return failure(Errc::malformed, "Invalid node name");
    const auto path = place.path("hosts/" + name);
    auto text = read_file(path, limits::config_file_bytes);
    if (!text) {
        return failure(Errc::system, fmt::format("Cannot open config file {}: {}", path,
                                                 reason_of(text.error(), path)));
    }
    return config::SourceFile{path, std::move(*text)};
}

Result<crypto::RsaPrivateKey> load_private_key(const ConfigPlace& place,
                                               const config::Settings& settings,
                                               std::string_view netname, LogSink& log) {
    if (!settings.private_key_hex.empty()) {
        auto key = crypto::RsaPrivateKey::from_hex(settings.private_key_hex,
                                                   settings.public_key_hex, "PrivateKey");
        if (key) check_own_public_key(*key, settings, place, log);
        return key;
    }
    const auto path = settings.private_key_file.empty() ? place.path("rsa_key.priv")
                                                        : place.resolve(settings.private_key_file);
    auto text = read_file(path, limits::config_file_bytes);
    if (!text) {
        return failure(Errc::system,
                       fmt::format("Error reading RSA private key file `{}': {}\n{}", path,
                                   reason_of(text.error(), path), advice(netname)));
    }
    warn_if_others_may_read(path, log);
    auto key = crypto::RsaPrivateKey::from_pem(*text, path);
    crypto::wipe(*text);
    if (!key) {
        return failure(key.error().code,
                       fmt::format("Reading RSA private key file `{}' failed: {}\n{}", path,
                                   key.error().what, advice(netname)));
    }
    check_own_public_key(*key, settings, place, log);
    return key;
}

}  // namespace tinc::io
