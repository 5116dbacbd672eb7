#include "tinc/node/admission.hpp"

#include "tinc/base/limits.hpp"

#include <algorithm>
#include <array>

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
    if (is_greedy && !is_good(prefix, now)) return {};
    Verdict verdict{.is_admitted = true, .victim = std::nullopt};
    if (source_of_.size() >= limits::pending_connections) verdict.victim = oldest_of_greediest();
    if (is_greedy) verdict.victim = found->second.front();
    if (verdict.victim) leave(*verdict.victim);
    pending_[prefix].push_back(peer);
    source_of_.emplace(peer, prefix);
    return verdict;
}

void Admission::leave(PeerId peer) {
    const auto found = source_of_.find(peer);
    if (found == source_of_.end()) return;
    auto& peers = pending_[found->second];
    std::erase(peers, peer);
    if (peers.empty()) pending_.erase(found->second);
    source_of_.erase(found);
}

std::optional<PeerId> Admission::oldest_of_greediest() const {
    const auto greediest = std::ranges::max_element(
        pending_, {}, [](const auto& entry) { return entry.second.size(); });
    if (greediest == pending_.end()) return std::nullopt;
    return greediest->second.front();
}

bool Admission::may_authenticate(const Address& source, Time now) {
    if (is_good(prefix_of(source), now)) return true;
    if (now - second_ >= std::chrono::seconds(1)) {
        second_ = now;
        handshakes_ = 0;
    }
    if (handshakes_ == limits::handshakes_per_second) return false;
    ++handshakes_;
    return true;
}

void Admission::remember_good(const Address& source, Time now) {
    if (good_until_.size() >= limits::remembered_sources)
        std::erase_if(good_until_, [&](const auto& entry) { return entry.second <= now; });
    if (good_until_.size() >= limits::remembered_sources) return;
    good_until_[prefix_of(source)] = now + good_for;
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
