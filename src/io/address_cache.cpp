#include "io/address_cache.hpp"

#include "io/descriptor.hpp"
#include "io/read_file.hpp"
#include "io/replace_file.hpp"
#include "tinc/base/bytes.hpp"
#include "tinc/config/recent_addresses.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace tinc::io {

namespace {

constexpr mode_t folder_mode = 0755;

std::string path_of(const ConfigPlace& place, const std::string& name) {
    return place.path("cache/" + name);
}

struct Recalled {
    std::vector<Endpoint> recent;
    std::string complaint;  ///< why a file that is there counts for nothing
};

Recalled recall_now(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return {};
    const auto file = read_file(path, config::recent_addresses_file_bytes);
    if (!file) return {{}, file.error().what};
    auto recent = config::parse_recent_addresses(as_bytes(*file));
    if (!recent) return {{}, fmt::format("{}: {}", path, recent.error().what)};
    return {*std::move(recent), {}};
}

Result<void> remember_now(const ConfigPlace& place, const std::string& name,
                          const Endpoint& latest) {
    const auto path = path_of(place, name);
    auto recent = recall_now(path).recent;
    if (!recent.empty() && recent.front() == latest) return {};
    const auto folder = place.path("cache");
    if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST)
        return system_failure(fmt::format("Unable to make the folder {}", folder));
    const auto file = config::recent_addresses_file(config::with_latest(std::move(recent), latest));
    return replace_file(path, as_text(file), "address cache file");
}

}  // namespace

void AddressCache::recall(const std::string& name,
                          const std::function<void(std::vector<Endpoint>)>& done) {
    auto work = [this, path = path_of(place_, name), done]() -> Background::Answer {
        // `this` is for the answer alone, which the loop drops once we are gone.
        return [this, done, recalled = recall_now(path)] {
            if (!recalled.complaint.empty())
                log_.print(Level::connections, Severity::debug, "Address cache is ignored: {}",
                           recalled.complaint);
            done(recalled.recent);
        };
    };
    const auto failed = [done] { done({}); };
    if (!background_.run(std::move(work), failed)) done({});
}

void AddressCache::remember(const std::string& name, const Endpoint& latest) {
    auto work = [this, place = place_, name, latest]() -> Background::Answer {
        return [this, written = remember_now(place, name, latest)] {
            if (!written) tell_of_failure(written.error().what);
        };
    };
    const auto failed = [this] { tell_of_failure(reason_text(ENOMEM)); };
    if (!background_.run(std::move(work), failed)) failed();
}

void AddressCache::tell_of_failure(const std::string& why) {
    if (std::exchange(is_failure_told_, true)) return;
    log_.print(Level::always, Severity::warning,
               "Addresses that work cannot be kept for the next time: {}", why);
}

}  // namespace tinc::io
