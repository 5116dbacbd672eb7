#include "tinc/mesh/connector.hpp"

#include "tinc/base/text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tinc::mesh {

namespace {

constexpr std::chrono::seconds backoff_step{5};

/// An address as others can be told it: nothing if its port is a service's name, or its host could
/// be taken for something else.
std::optional<Destination> by_name(const config::HostPort& address) {
    const auto port = parse_number<std::uint16_t>(address.port);
    if (!port || *port == 0 || !is_host_name(address.host)) return std::nullopt;
    return Destination(address.host, *port);
}

}  // namespace

void Connector::set_targets(const std::vector<std::string>& names, Intervals intervals, Time now) {
    intervals_ = intervals;
    std::erase_if(targets_, [&](const auto& entry) {
        return !entry.second.is_sought && std::ranges::find(names, entry.first) == names.end();
    });
    for (const auto& name : names) {
        auto& target = targets_[name];
        target.is_sought = false;
        target.backoff = std::chrono::seconds(0);
        if (target.state == Target::State::waiting) wait_until(target, now);
    }
}

void Connector::seek(const std::string& name, Time now) {
    const auto [found, is_new] = targets_.try_emplace(name);
    if (!is_new) return;
    found->second.is_sought = true;
    wait_until(found->second, now);
}

void Connector::abandon(const std::string& name) {
    const auto found = targets_.find(name);
    if (found != targets_.end() && found->second.is_sought) targets_.erase(found);
}

void Connector::abandon_sought() {
    std::erase_if(targets_, [](const auto& entry) { return entry.second.is_sought; });
}

Connector::Standing Connector::standing_of(const std::string& name) const {
    const auto found = targets_.find(name);
    if (found == targets_.end()) return Standing::none;
    const auto& target = found->second;
    if (!target.is_sought) return Standing::configured;
    return target.state == Target::State::waiting ? Standing::sought_waiting : Standing::sought;
}

std::vector<std::string> Connector::sought() const {
    std::vector<std::string> names;
    for (const auto& [name, target] : targets_)
        if (target.is_sought) names.push_back(name);
    return names;
}

Time Connector::deadline() const {
    auto next = never;
    for (const auto& [name, target] : targets_)
        if (target.state == Target::State::waiting) next = std::min(next, target.due);
    return next;
}

void Connector::on_time(Time now) {
    for (auto& [name, target] : targets_)
        if (target.state == Target::State::waiting && now >= target.due) begin(name, target);
}

void Connector::begin(const std::string& name, Target& target) {
    target.state = Target::State::reading;
    target.likely.clear();
    target.tried.clear();
    effects_.emplace_back(ReadHost{name});
}

void Connector::suggest(const std::string& name, std::vector<Endpoint> likely) {
    const auto found = targets_.find(name);
    if (found == targets_.end() || found->second.state != Target::State::reading) return;
    found->second.likely = std::move(likely);
}

void Connector::host_loaded(const std::string& name, Result<config::HostSettings> host, Time now) {
    const auto found = targets_.find(name);
    if (found == targets_.end() || found->second.state != Target::State::reading) return;
    auto& target = found->second;
    if (!host || (host->addresses.empty() && target.likely.empty())) {
        // Whom nobody named need not bother anybody.
        const auto level = target.is_sought ? Level::connections : Level::always;
        log_.print(level, Severity::error, "No address specified for {}{}", name,
                   host ? "" : ": " + host.error().what);
        return wait(target, intervals_.max_timeout, now);
    }
    target.addresses.assign(host->addresses.begin(), host->addresses.end());
    target.remotes.assign(target.likely.begin(), target.likely.end());
    target.tried = std::exchange(target.likely, {});
    target.host = std::move(*host);
    try_next(name, target, now);
}

void Connector::try_next(const std::string& name, Target& target, Time now) {
    target.peer.reset();
    target.is_proven = false;
    if (now < paused_until_) return wait_until(target, paused_until_);
    if (!target.remotes.empty()) {
        target.state = Target::State::dialling;
        effects_.emplace_back(Dial{name, target.remotes.front(), target.host});
        target.remotes.pop_front();
        return;
    }
    if (!target.addresses.empty()) {
        target.state = Target::State::resolving;
        auto& address = target.addresses.front();
        if (address.port.empty()) address.port = target.host.port;
        effects_.emplace_back(ResolveAddress{name, address});
        return;
    }
    log_.print(Level::connections, Severity::error, "Could not set up a meta connection to {}",
               name);
    const auto longest = std::max(intervals_.min_timeout, intervals_.max_timeout);
    target.backoff = std::clamp(target.backoff + backoff_step, intervals_.min_timeout, longest);
    wait(target, target.backoff, now);
}

/// A tenth of jitter keeps many nodes from coming back to one in the same moment.
void Connector::wait(Target& target, std::chrono::seconds time, Time now) {
    log_.print(Level::connections, Severity::notice,
               "Trying to re-establish outgoing connection in {} seconds", time.count());
    const auto span = std::chrono::milliseconds(time);
    const auto jitter =
        std::chrono::milliseconds(random_.below(static_cast<std::uint32_t>(span.count() / 5 + 1)));
    wait_until(target, now + span - span / 10 + jitter);
}

void Connector::wait_until(Target& target, Time due) const {
    target.state = Target::State::waiting;
    target.due = std::max(due, paused_until_);
}

void Connector::resolved(const std::string& name, Result<std::vector<Endpoint>> endpoints,
                         Time now) {
    const auto found = targets_.find(name);
    if (found == targets_.end() || found->second.state != Target::State::resolving) return;
    auto& target = found->second;
    const auto address = std::move(target.addresses.front());
    target.addresses.pop_front();
    if (endpoints) {
        target.remotes.clear();
        std::ranges::copy_if(*endpoints, std::back_inserter(target.remotes), [&](const auto& one) {
            return std::ranges::find(target.tried, one) == target.tried.end();
        });
    } else {
        log_.print(Level::connections, Severity::error, "{}", endpoints.error().what);
        if (const auto remote = by_name(address); remote && unknown_hosts_ == UnknownHosts::dial)
            target.remotes.assign(1, *remote);
    }
    try_next(name, target, now);
}

void Connector::dialling(const std::string& name, PeerId peer) {
    const auto found = targets_.find(name);
    if (found == targets_.end()) return;
    // Another connection may have come in since the Dial was asked for.
    if (found->second.state == Target::State::dialling) found->second.peer = peer;
}

void Connector::connected(const std::string& name, PeerId peer) {
    const auto found = targets_.find(name);
    if (found == targets_.end()) return;
    auto& target = found->second;
    if (target.peer != peer) {
        log_.print(Level::connections, Severity::info, "Already connected to {}", name);
        target.is_proven = false;
    }
    target.state = Target::State::connected;
    target.peer = peer;
}

void Connector::proven(PeerId peer) {
    for (auto& [name, target] : targets_) {
        if (target.peer != peer) continue;
        target.is_proven = true;
        target.backoff = std::chrono::seconds(0);
    }
}

void Connector::ended(PeerId peer, Time now) {
    for (auto& [name, target] : targets_) {
        if (target.peer != peer) continue;
        if (std::exchange(target.is_proven, false)) {
            target.peer.reset();
            wait_until(target, now);
            continue;
        }
        try_next(name, target, now);
    }
}

void Connector::retry_now(Time now) {
    for (auto& [name, target] : targets_) {
        target.backoff = std::chrono::seconds(0);
        if (target.state == Target::State::waiting) wait_until(target, now);
    }
}

void Connector::pause(Time until) {
    paused_until_ = until;
    for (auto& [name, target] : targets_)
        if (target.state == Target::State::waiting) wait_until(target, target.due);
}

std::vector<ConnectorEffect> Connector::take_effects() { return std::exchange(effects_, {}); }

}  // namespace tinc::mesh
