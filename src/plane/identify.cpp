// Whose datagram it is. A datagram names nobody, so its address has to tell, and where that is new
// or claimed by several, the MAC. MACs cost time and strangers can send anything: only a few are
// computed for one datagram and in one second, however many nodes there are.

#include "tinc/plane/plane.hpp"

#include <algorithm>

namespace tinc::plane {

namespace {

/// More nodes than this at one address are found by their MAC alone.
constexpr std::size_t claimants_kept = 16;

/// Half of the trials are for other nodes than those the mesh announces there, which may be lies.
constexpr std::size_t announced_trials = limits::trials_per_datagram / 2;

}  // namespace

std::optional<Plane::Sender> Plane::identify(Bytes datagram, const Endpoint& source, Time now) {
    const auto known = by_remote_.find(source);
    if (known != by_remote_.end() && known->second.size() == 1) {
        const auto owner = known->second.front();
        if (has_our_key(slot(owner), now)) return Sender{.node = owner, .is_owner = true};
    }
    const auto chosen = candidates(source, now);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto node = chosen.nodes()[i];
        // A flood from nowhere uses up the one budget; who is announced where he is has the other.
        auto& budget = chosen.is_announced(i) ? announced_trials_ : other_trials_;
        if (!budget.take(now)) continue;
        if (!recognises(node, datagram, now)) continue;
        const bool is_owner = known != by_remote_.end() && known->second.front() == node;
        return Sender{.node = node, .is_owner = is_owner};
    }
    // Without a MAC nothing can be recognised; the owner of the address is the best guess left.
    if (known == by_remote_.end()) return std::nullopt;
    return Sender{.node = known->second.front(), .is_owner = true};
}

/// Whom to try: who has this address, whom the mesh announces at this host, all others in turn.
Plane::Candidates Plane::candidates(const Endpoint& source, Time now) {
    Candidates chosen;
    if (const auto known = by_remote_.find(source); known != by_remote_.end()) {
        for (const auto node : known->second)
            if (chosen.size() < announced_trials && has_our_key(slot(node), now)) chosen.add(node);
    }
    if (const auto here = announced_->find(source.address); here != announced_->end()) {
        const auto& nodes = here->second;
        const auto most = std::min(nodes.size(), limits::trials_per_datagram);
        for (std::size_t i = 0; i < most && chosen.size() < announced_trials; ++i) {
            const auto node = nodes[announced_turn_++ % nodes.size()];
            if (has_our_key(slot(node), now)) chosen.add(node);
        }
    }
    chosen.end_of_announced();
    for (auto looks = keyed_.size(); looks > 0 && !chosen.is_full(); --looks) {
        if (keyed_turn_ >= keyed_.size()) keyed_turn_ = 0;
        const auto node = keyed_[keyed_turn_];
        if (!has_our_key(slot(node), now)) {
            unlist_key(node);
            continue;
        }
        ++keyed_turn_;
        chosen.add(node);
    }
    return chosen;
}

void Plane::Candidates::add(NodeIndex node) {
    if (is_full() || std::ranges::find(nodes(), node) != nodes().end()) return;
    nodes_[size_++] = node;
}

bool Plane::recognises(NodeIndex node, Bytes datagram, Time now) {
    auto& candidate = slot(node);
    if (candidate.opener && candidate.opener->recognises(datagram)) return true;
    return candidate.old_opener && now < candidate.old_opener_until &&
           candidate.old_opener->recognises(datagram);
}

bool Plane::has_our_key(const Slot& node, Time now) {
    return node.opener || (node.old_opener && now < node.old_opener_until);
}

void Plane::list_key(NodeIndex node) {
    auto& place = slot(node).place_in_keyed;
    if (place) return;
    place = keyed_.size();
    keyed_.push_back(node);
}

void Plane::unlist_key(NodeIndex node) {
    const auto place = std::exchange(slot(node).place_in_keyed, std::nullopt);
    if (!place) return;
    slot(keyed_.back()).place_in_keyed = place;
    keyed_[*place] = keyed_.back();
    keyed_.pop_back();
    slot(node).place_in_keyed.reset();
}

/// An address that is only said to be a node's comes behind those that packets have proven.
void Plane::claim_address(NodeIndex node, const Endpoint& remote, Claim claim) {
    auto& claimants = by_remote_[remote];
    std::erase(claimants, node);
    if (claim == Claim::proven) {
        if (claimants.size() == claimants_kept) claimants.pop_back();
        claimants.insert(claimants.begin(), node);
    } else if (claimants.size() < claimants_kept) {
        claimants.push_back(node);
    }
}

void Plane::give_up_address(NodeIndex node) {
    const auto remote = std::exchange(slot(node).remote, std::nullopt);
    if (!remote) return;
    const auto known = by_remote_.find(*remote);
    if (known == by_remote_.end()) return;
    std::erase(known->second, node);
    if (known->second.empty()) by_remote_.erase(known);
}

}  // namespace tinc::plane
