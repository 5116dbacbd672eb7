#include "tinc/node/admission.hpp"

#include "tinc/base/limits.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tinc::node {

namespace {

constexpr std::chrono::hours good_for{1};
constexpr std::chrono::minutes log_pause{1};
constexpr std::size_t ipv6_source_bytes = 8;

}  // namespace

Address Admission::prefix_of(const Address& source) {
    if (source.family() == Family::ipv4) return source;
    std::array<std::byte, 16> bytes{};
    std::ranges::copy(source.bytes().first(ipv6_source_bytes), bytes.begin());
    return Address::v6(bytes);
}

Admission::Verdict Admission::arrive(const Address& source, PeerId peer, Time now) {
    const auto prefix = prefix_of(source);
    const auto found = pending_.find(prefix);
    const bool is_greedy =
        found != pending_.end() && found->second.size() >= limits::pending_per_source;
    if (!is_good(prefix, now) && (is_greedy || is_burst(source, now))) return {};
    Verdict verdict{.is_admitted = true, .victim = std::nullopt};
    if (source_of_.size() >= pending_limit_) verdict.victim = oldest_of_greediest(now);
    if (is_greedy) verdict.victim = found->second.front();
    if (verdict.victim) leave(*verdict.victim);
    pending_[prefix].push_back(peer);
    source_of_.emplace(peer, prefix);
    return verdict;
}

/// A source that nothing can be remembered of, since too many are busy, is not held up: all of them
/// together are still limited by what is pending.
bool Admission::is_burst(const Address& source, Time now) {
    constexpr std::chrono::seconds regained_in{1};
    if (!burst_ || source.is_loopback()) return false;
    const auto prefix = prefix_of(source);
    if (burst_over_.size() >= limits::remembered_sources && !burst_over_.contains(prefix)) {
        std::erase_if(burst_over_, [&](const auto& entry) { return entry.second <= now; });
        if (burst_over_.size() >= limits::remembered_sources) return false;
    }
    auto& over = burst_over_.try_emplace(prefix, now).first->second;
    const auto with_this_one = std::max(over, now) + regained_in;
    if (with_this_one - now > regained_in * std::int64_t{*burst_}) return true;
    over = with_this_one;
    return false;
}

void Admission::leave(PeerId peer) {
    const auto found = source_of_.find(peer);
    if (found == source_of_.end()) return;
    auto& peers = pending_[found->second];
    std::erase(peers, peer);
    if (peers.empty()) pending_.erase(found->second);
    source_of_.erase(found);
}

/// Among sources that are equally greedy, the one whose connection is oldest: whoever has just come
/// has as many arrivals as there are places to prove itself. Good sources come last of all.
std::optional<PeerId> Admission::oldest_of_greediest(Time now) const {
    std::optional<PeerId> victim;
    auto worst = std::pair(false, std::size_t{0});
    for (const auto& [prefix, peers] : pending_) {
        const auto greed = std::pair(!is_good(prefix, now), peers.size());
        if (victim && (greed < worst || (greed == worst && *victim < peers.front()))) continue;
        worst = greed;
        victim = peers.front();
    }
    return victim;
}

bool Admission::may_authenticate(const Address& source, Time now) {
    const auto prefix = prefix_of(source);
    return handshakes_of_source_.allows(prefix.text(), now) &&
           (is_good(prefix, now) || handshakes_.allows("", now));
}

void Admission::remember_good(const Address& source, Time now) {
    const auto prefix = prefix_of(source);
    const auto has_room = [&] {
        return good_until_.size() < limits::remembered_sources || good_until_.contains(prefix);
    };
    if (!has_room())
        std::erase_if(good_until_, [&](const auto& entry) { return entry.second <= now; });
    if (has_room()) good_until_[prefix] = now + good_for;
}

bool Admission::is_good(const Address& prefix, Time now) const {
    const auto found = good_until_.find(prefix);
    return found != good_until_.end() && now < found->second;
}

bool Admission::may_log(const Address& source, Time now) {
    const auto prefix = prefix_of(source);
    if (logged_.size() >= limits::remembered_sources && !logged_.contains(prefix)) {
        std::erase_if(logged_, [&](const auto& entry) { return now - entry.second >= log_pause; });
        if (logged_.size() >= limits::remembered_sources) return false;
    }
    const auto [found, is_new] = logged_.try_emplace(prefix, now);
    if (!is_new && now - found->second < log_pause) return false;
    found->second = now;
    return true;
}

}  // namespace tinc::node
