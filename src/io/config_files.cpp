#include "io/config_files.hpp"

#include "io/descriptor.hpp"
#include "io/listening_sockets.hpp"
#include "io/read_file.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/crypto/secret.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
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

void read_conf_d(const std::string& folder, config::Sources& sources) {
    std::vector<std::string> paths;
    std::error_code ec;
    for (std::filesystem::directory_iterator at(folder, ec), end; !ec && at != end;
         at.increment(ec)) {
        const auto name = at->path().filename().string();
        if (name.size() > 5 && name.ends_with(".conf")) paths.push_back(at->path().string());
    }
    std::ranges::sort(paths);
    for (const auto& path : paths) {
        auto text = read_file(path, limits::config_file_bytes);
        if (text)
            sources.conf_d.push_back({path, std::move(*text)});
        else
            sources.left_out.push_back(
                fmt::format("Cannot open config file {}: {}", path, reason_of(text.error(), path)));
    }
}

/// Settings, or the errors as one text.
Result<config::Settings> outcome(std::optional<config::Settings> settings,
                                 const config::Report& report) {
    if (settings) return std::move(*settings);
    return failure(Errc::refused, fmt::format("{}", fmt::join(report.errors, "\n")));
}

/// A folder that tinc 1.1 made, or we, or the operator by hand.
bool has_cache(const ConfigPlace& place) {
    std::error_code ec;
    return std::filesystem::is_directory(place.path("cache"), ec);
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

void warn_if_others_may_read(const std::string& path, std::string_view kind, LogSink& log) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 077U) == 0) return;
    log.print(Level::always, Severity::warning,
              "Warning: insecure file permissions for {} private key file `{}'!", kind, path);
}

template <class Key, class PublicKey>
void check_own_public_key(const Key& key, const std::optional<PublicKey>& announced,
                          std::string_view kind, const std::string& host_file, LogSink& log) {
    if (!announced || *announced == key.public_key()) return;
    log.print(Level::always, Severity::error,
              "The public key in {} does not belong to our {} private key: nodes with this host "
              "file will refuse us. Generate a new pair with -K, or put the matching key there, "
              "and give the host file to the other nodes.",
              host_file, kind);
}

std::string advice(std::string_view netname) {
    return netname.empty() ? "Create a key pair with: tincd -K"
                           : fmt::format("Create a key pair with: tincd -n {} -K", netname);
}

Result<crypto::RsaPrivateKey> load_rsa_key(const ConfigPlace& place,
                                           const config::Settings& settings,
                                           std::string_view netname, LogSink& log) {
    if (!settings.private_key_hex.empty()) {
        return crypto::RsaPrivateKey::from_hex(settings.private_key_hex, settings.public_key_hex,
                                               "PrivateKey" + settings.places.of("PrivateKey"));
    }
    const auto path = settings.private_key_file.empty() ? place.path("rsa_key.priv")
                                                        : place.resolve(settings.private_key_file);
    auto text = read_file(path, limits::config_file_bytes);
    if (!text) {
        return failure(Errc::system,
                       fmt::format("Error reading RSA private key file `{}': {}{}\n{}", path,
                                   reason_of(text.error(), path),
                                   settings.places.of("PrivateKeyFile"), advice(netname)));
    }
    warn_if_others_may_read(path, "RSA", log);
    auto key = crypto::RsaPrivateKey::from_pem(*text, path);
    crypto::wipe(*text);
    if (!key) {
        return failure(key.error().code,
                       fmt::format("Reading RSA private key file `{}' failed: {}\n{}", path,
                                   key.error().what, advice(netname)));
    }
    return key;
}

/// Our Ed25519 key; nothing if there is none and none is asked for.
Result<std::shared_ptr<const crypto::Ed25519PrivateKey>> load_ed25519_key(
    const ConfigPlace& place, const config::Settings& settings, LogSink& log) {
    using Key = std::shared_ptr<const crypto::Ed25519PrivateKey>;
    const bool is_wanted = settings.experimental_protocol.value_or(false);
    if (!settings.experimental_protocol.value_or(true)) return Key();
    const auto path = settings.ed25519_private_key_file.empty()
                          ? place.path("ed25519_key.priv")
                          : place.resolve(settings.ed25519_private_key_file);
    auto text = read_file(path, limits::config_file_bytes);
    if (!text) {
        const auto why = reason_of(text.error(), path);
        const bool is_absent = !std::filesystem::exists(path);
        if (is_absent && !is_wanted) return Key();
        return failure(Errc::system,
                       fmt::format("Error reading Ed25519 private key file `{}': {}{}", path, why,
                                   settings.places.of("Ed25519PrivateKeyFile")));
    }
    warn_if_others_may_read(path, "Ed25519", log);
    auto key = crypto::find_private_key(*text, path);
    crypto::wipe(*text);
    if (!key)
        return failure(key.error().code,
                       fmt::format("Reading Ed25519 private key file `{}' failed: {}", path,
                                   key.error().what));
    if (!*key)
        return failure(Errc::malformed,
                       fmt::format("Reading Ed25519 private key file `{}' failed: it has no block "
                                   "of an Ed25519 private key",
                                   path));
    if (!(*key)->is_consistent())
        return failure(Errc::refused,
                       fmt::format("The two halves of the key in {} do not belong together", path));
    return std::make_shared<const crypto::Ed25519PrivateKey>(*std::move(*key));
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
    read_conf_d(place.path("conf.d"), sources);
    sources.options = place.options;
    sources.own_host_file = [place](const std::string& name) {
        return read_host_file(place, name);
    };
    sources.environment = environment_value;
    sources.host_name = host_name();
    sources.service_port = service_port;
    return sources;
}

LoadedSettings load_settings(const ConfigPlace& place) {
    auto sources = read_sources(place);
    if (!sources) return {{}, std::unexpected(sources.error())};
    config::Report report{.errors = {}, .warnings = std::move(sources->left_out)};
    auto settings = config::read_settings(*sources, report);
    if (settings && has_cache(place)) settings->remembers_addresses = true;
    if (settings && settings->strict_subnets)
        settings->host_subnets = read_all_host_subnets(place, settings->name, report);
    return {report.warnings, outcome(std::move(settings), report)};
}

LoadedSettings reload_settings(const ConfigPlace& place, const config::Settings& running) {
    auto sources = read_sources(place);
    if (!sources) return {{}, std::unexpected(sources.error())};
    // Whatever Name may be after the next start: the host file is that of the node we are.
    sources->own_host_file = [&](const std::string&) {
        return read_host_file(place, running.name);
    };
    sources->needs_own_host_file = running.has_own_host_file;
    config::Report report{.errors = std::move(sources->left_out), .warnings = {}};
    const bool is_all_there = report.errors.empty();
    auto settings = config::read_settings(*sources, report);
    if (!is_all_there) settings.reset();
    if (settings) crypto::wipe(settings->private_key_hex);
    if (settings && has_cache(place)) settings->remembers_addresses = true;
    if (settings && running.strict_subnets)
        settings->host_subnets = read_all_host_subnets(place, running.name, report);
    return {report.warnings, outcome(std::move(settings), report)};
}

std::vector<std::string> host_file_names(const ConfigPlace& place) {
    std::vector<std::string> names;
    std::error_code ec;
    for (std::filesystem::directory_iterator at(place.path("hosts"), ec), end;
         !ec && at != end && names.size() < limits::nodes; at.increment(ec)) {
        auto name = at->path().filename().string();
        if (is_node_name(name)) names.push_back(std::move(name));
    }
    return names;
}

std::vector<std::string> names_with_address(const ConfigPlace& place) {
    auto names = host_file_names(place);
    std::erase_if(names, [&](const auto& name) {
        return !config::has_address(name, read_host_file(place, name), place.options);
    });
    return names;
}

config::HostSubnets read_all_host_subnets(const ConfigPlace& place, const std::string& own_name,
                                          config::Report& report) {
    config::HostSubnets all;
    std::size_t count = 0;
    for (const auto& name : host_file_names(place)) {
        if (name == own_name) continue;
        auto subnets =
            config::read_host_subnets(name, read_host_file(place, name), place.options, report);
        count += subnets.size();
        if (count > limits::subnets) {
            report.warnings.push_back(
                fmt::format("The host files have more than {} subnets: {} and the files after it "
                            "are left out",
                            limits::subnets, place.path("hosts/" + name)));
            break;
        }
        all.emplace(name, std::move(subnets));
    }
    return all;
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

Result<crypto::OwnKeys> load_own_keys(const ConfigPlace& place, const config::Settings& settings,
                                      std::string_view netname, LogSink& log) {
    TINC_TRY(auto ed25519, load_ed25519_key(place, settings, log));
    auto rsa = load_rsa_key(place, settings, netname, log);
    if (!rsa && !(ed25519 && rsa.error().code == Errc::system))
        return std::unexpected(std::move(rsa.error()));
    crypto::OwnKeys keys{.rsa = std::nullopt, .ed25519 = std::move(ed25519)};
    const auto host_file = place.path("hosts/" + settings.name);
    if (keys.ed25519)
        check_own_public_key(*keys.ed25519, settings.own_ed25519_public_key, "Ed25519", host_file,
                             log);
    if (rsa) {
        check_own_public_key(*rsa, settings.own_public_key, "RSA", host_file, log);
        keys.rsa = *std::move(rsa);
    } else {
        log.print(Level::always, Severity::notice,
                  "There is no RSA key: nodes of tinc 1.0 cannot be connected with");
    }
    return keys;
}

}  // namespace tinc::io
