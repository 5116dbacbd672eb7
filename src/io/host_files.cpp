#include "io/host_files.hpp"

#include "io/descriptor.hpp"
#include "io/read_file.hpp"
#include "io/replace_file.hpp"
#include "tinc/base/limits.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

namespace tinc::io {

namespace {

std::optional<std::int64_t> stamp_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

struct Loaded {
    Result<config::HostSettings> host = failure(Errc::system, "not read");
    config::Report report;
    std::optional<std::int64_t> stamp;
};

Loaded load_now(const ConfigPlace& place, const std::string& name) {
    Loaded out;
    out.stamp = stamp_of(place.path("hosts/" + name));
    const auto file = read_host_file(place, name);
    if (!file) {
        // One that is there may have a key.
        out.host = failure(out.stamp ? Errc::refused : Errc::system, file.error().what);
        return out;
    }
    const auto key_file = [&place](const std::string& path) {
        return read_file(place.resolve(path), limits::config_file_bytes);
    };
    out.host = config::read_host_settings(name, file, place.options, key_file, out.report);
    return out;
}

/// As tinc 1.1 writes it. `path` is made of a checked name.
Result<void> write_key(const std::string& path, const crypto::Ed25519PublicKey& key) {
    std::string text;
    if (std::filesystem::exists(path)) {
        TINC_TRY(text, read_file(path, limits::config_file_bytes));
    }
    text += fmt::format(
        "\n# The following line was automatically added by tinc\nEd25519PublicKey = {}\n",
        key.text());
    return save_file(path, text);
}

}  // namespace

HostFiles::HostFiles(asio::io_context& loop, const ConfigPlace& place, LogSink& log)
    : background_(loop, 1), place_(place), log_(log), seen_(look()) {}

void HostFiles::load(const std::string& name,
                     const std::function<void(Result<config::HostSettings>)>& done) {
    auto work = [this, place = place_, name, done]() -> Background::Answer {
        // `this` is for the answer alone, which the loop drops once we are gone.
        return [this, name, done, loaded = load_now(place, name)] {
            if (loaded.stamp && is_news(name, *loaded.stamp)) {
                for (const auto& line : loaded.report.warnings)
                    log_.print(Level::always, Severity::warning, "{}", line);
            }
            if (loaded.stamp && loaded.host) seen_.try_emplace(name, *loaded.stamp);
            done(loaded.host);
        };
    };
    const auto failed = [done] { done(failure(Errc::system, reason_text(ENOMEM))); };
    if (!background_.run(std::move(work), failed))
        done(failure(Errc::exhausted, "Too many host files to read"));
}

void HostFiles::scan(const std::function<void(std::vector<std::string>)>& done) {
    auto work = [place = place_, done]() -> Background::Answer {
        return [done, names = names_with_address(place)] { done(names); };
    };
    const auto failed = [this] {
        log_.print(Level::always, Severity::error, "The host files could not be looked through: {}",
                   reason_text(ENOMEM));
    };
    if (!background_.run(std::move(work), failed)) failed();
}

void HostFiles::append_key(const std::string& name, const crypto::Ed25519PublicKey& key) {
    auto work = [this, path = place_.path("hosts/" + name), name, key]() -> Background::Answer {
        const auto written = write_key(path, key);
        return [this, name, written, stamp = stamp_of(path)] {
            if (!written)
                log_.print(Level::always, Severity::error, "Cannot keep the Ed25519 key of {}: {}",
                           name, written.error().what);
            else if (stamp)
                seen_.insert_or_assign(name, *stamp);  // it is no news to us
        };
    };
    const auto failed = [this, name] {
        log_.print(Level::always, Severity::error, "Cannot keep the Ed25519 key of {}", name);
    };
    if (!background_.run(std::move(work), failed)) failed();
}

std::vector<std::string> HostFiles::changed() {
    auto present = look();
    std::vector<std::string> names;
    for (const auto& [name, stamp] : seen_) {
        const auto at = present.find(name);
        if (at == present.end() || at->second != stamp) names.push_back(name);
    }
    for (const auto& [name, stamp] : present) {
        if (!seen_.contains(name)) names.push_back(name);
    }
    seen_ = std::move(present);
    return names;
}

/// The faults of a file that is read for every connection are told once.
bool HostFiles::is_news(const std::string& name, std::int64_t stamp) {
    return std::exchange(told_[name], stamp) != stamp;
}

HostFiles::Stamps HostFiles::look() const {
    Stamps stamps;
    for (auto& name : host_file_names(place_))
        if (const auto stamp = stamp_of(place_.path("hosts/" + name)))
            stamps.emplace(std::move(name), *stamp);
    return stamps;
}

}  // namespace tinc::io
