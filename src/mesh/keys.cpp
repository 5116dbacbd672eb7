#include "ourselves.hpp"

#include "tinc/crypto/secret.hpp"
#include "tinc/crypto/weakness.hpp"
#include "tinc/mesh/mesh.hpp"

#include <utility>

namespace tinc::mesh {

namespace {

using wire::Request;

}  // namespace

Result<void> Mesh::on_key_changed(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_key_changed(line));
    if (seen_.was_seen(line, now)) return {};
    const auto node = graph_.find(message.name);
    if (node == self) return {};  // our own, that came around the mesh
    if (!node) {
        log_.print(Level::protocol, Severity::warning,
                   "Got KEY_CHANGED from {} origin {} which does not exist",
                   connections_.at(peer).label, message.name);
        return {};
    }
    if (!speaks_for(peer, *node)) return {};
    lose_key(*node);
    member(*node).last_key_request = Time::min();
    if (key_news_.allows(message.name, now)) forward(peer, Request::key_changed, line);
    return {};
}

Result<void> Mesh::on_req_key(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_req_key(line));
    settle_for_key(now);
    const auto from = graph_.find(message.from);
    const auto to = graph_.find(message.to);
    // A request of a node we cannot reach is neither answered nor passed on: there is no way
    // back, and a tinc 1.0.36 that gets it dies of it.
    if (!from || !to || *from == self || !graph_.path(*from).reachable) {
        log_.print(Level::protocol, Severity::warning,
                   "Got REQ_KEY from {} origin {} destination {} which cannot be served",
                   connections_.at(peer).label, message.from, message.to);
        return {};
    }
    if (*to == self) {
        if (!speaks_for(peer, *from)) return {};
        if (settings_.key && is_for_sptps(message))
            on_session_request(peer, *from, message, now);
        else if (!is_sptps(*from) && given_keys_.allows(message.from, now))
            give_key(*from);
        return {};
    }
    if (message.extension == wire::ReqKey::packet && is_sptps(*from) && is_sptps(*to)) {
        carry_packet(peer, *from, *to, message.payload);
        return {};
    }
    if (may_relay(peer, message.from, message.to, *to, now))
        send(*connection_towards(*to), std::string(line));
    return {};
}

Result<void> Mesh::on_ans_key(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(auto message, wire::parse_ans_key(line));
    settle_for_key(now);
    const auto from = graph_.find(message.from);
    const auto to = graph_.find(message.to);
    const bool is_known = from && to && *from != self;
    if (!is_known || (*to != self && !graph_.path(*from).reachable)) {
        log_.print(Level::protocol, Severity::warning,
                   "Got ANS_KEY from {} origin {} destination {} which cannot be served",
                   connections_.at(peer).label, message.from, message.to);
        return {};
    }
    if (*to == self) {
        if (speaks_for(peer, *from) && is_sptps(*from))
            continue_session(*from, message, now);
        else if (speaks_for(peer, *from))
            take_key(*from, message, now);
        crypto::wipe(message.key);
        return {};
    }
    if (!may_relay(peer, "a " + message.from, message.to, *to, now)) return {};
    std::string relayed(line);
    const auto& seen_at = member(*from).remote;
    if (!message.address && seen_at && has_udp_contact(*to)) {
        const auto reflexive = fmt::format(" {} {}", seen_at->address.text(), seen_at->port);
        // A line that grew too long would cost the next node its connection.
        if (line.size() + reflexive.size() < limits::meta_buffer_bytes) relayed += reflexive;
    }
    send(*connection_towards(*to), std::move(relayed));
    return {};
}

/// A key often comes right behind the edges that make its sender reachable. It does not wait for
/// the next regular look at the graph, but neither may it make us look all the time.
void Mesh::settle_for_key(Time now) {
    if (graph_.is_dirty() && early_recomputes_.allows("", now)) next_recompute_ = Time::min();
    settle(now);
}

/// A tunnel server hears about keys of a node only by the connection that leads there.
bool Mesh::speaks_for(PeerId peer, NodeIndex node) const {
    return policy_.passes_on() || node_of(peer) == node || connection_towards(node) == peer;
}

/// Whether a directed request goes on: not through a tunnel server, to a reachable node, never back
/// where it came from, and not more often than an honest pair of nodes needs.
bool Mesh::may_relay(PeerId from_peer, const std::string& from, const std::string& to,
                     NodeIndex target, Time now) {
    if (!policy_.passes_on()) return false;
    const auto next = connection_towards(target);
    if (!next) {
        log_.print(Level::protocol, Severity::warning,
                   "Got request from {} destination {} which is not reachable",
                   connections_.at(from_peer).label, to);
        return false;
    }
    if (*next == from_peer) {
        log_.print(Level::protocol, Severity::warning,
                   "Got request from {} destination {} which would go back to it",
                   connections_.at(from_peer).label, to);
        return false;
    }
    return relays_of_peer_.allows(connections_.at(from_peer).label, now) &&
           relayed_keys_.allows(from + " " + to, now);
}

/// A key to send to `from` with. Whatever is wrong with it, the connection stays.
void Mesh::take_key(NodeIndex from, const wire::AnsKey& message, Time now) {
    lose_key(from);
    auto key = legacy::parse_packet_key(message, label(from));
    auto sealer = key ? legacy::Sealer::create(*key) : std::unexpected(key.error());
    if (!sealer) {
        if (bad_keys_.allows(message.from, now))
            log_.print(Level::always, Severity::error, "{}", sealer.error().what);
        return;
    }
    auto& target = member(from);
    target.sealing = sealer->suite();
    warn_of_cipher(from);
    effects_.emplace_back(SetSealer{from, std::move(*sealer)});
    // What a relay saw helps to get through a NAT, as long as nothing better is proven.
    const bool proven = target.path_mtu.min_mtu() > 0;
    if (message.address && message.address->endpoint && !proven)
        set_remote(from, message.address->endpoint);
    if ((target.options & wire::option::pmtu_discovery) != 0) {
        target.path_mtu.start(now);
        arm_probes(from);
    }
}

/// Once for each cipher that a node chooses.
void Mesh::warn_of_cipher(NodeIndex node) {
    auto& target = member(node);
    const auto& cipher = target.sealing->cipher;
    if (std::exchange(target.last_cipher, cipher.nid) == cipher.nid) return;
    if (const auto reason = crypto::weakness(cipher); !reason.empty())
        log_.print(Level::always, Severity::warning,
                   "{} wants its packets encrypted with {}, which is weak: {}", label(node),
                   cipher.name, reason);
}

/// A fresh key of ours for one sender; what it sent with the old one is still opened for a while.
void Mesh::give_key(NodeIndex to) {
    const auto connection = connection_towards(to);
    if (!connection) return;
    auto key = std::make_shared<const legacy::PacketKey>(
        legacy::make_packet_key(settings_.suite, random_));
    const auto window_bytes = settings_.replay_window_bytes;
    if (const auto opener = legacy::Opener::create(*key, window_bytes); !opener) {
        log_.print(Level::always, Severity::error, "Cannot make a key for {}: {}", label(to),
                   opener.error().what);
        return;
    }
    member(to).has_our_key = true;
    auto message = legacy::ans_key(settings_.name, graph_.name(to), *key);
    effects_.emplace_back(SetOpener{to, std::move(key), window_bytes});
    std::string line;
    append(line, message);
    crypto::wipe(message.key);
    send(*connection, std::move(line));
}

/// Of two keys that were given over two ways, the older may have come last: then the node uses one
/// that we do not know any more.
void Mesh::renew_key(NodeIndex node, Time now) {
    auto& target = member(node);
    if (!target.has_our_key || (target.last_key_renewal != Time::min() &&
                                now - target.last_key_renewal < key_request_pause))
        return;
    target.last_key_renewal = now;
    log_.print(Level::protocol, Severity::info, "Giving a new key to {}", label(node));
    give_key(node);
}

void Mesh::lose_key(NodeIndex node) {
    if (!member(node).sealing) return;
    member(node).sealing.reset();
    effects_.emplace_back(SetSealer{node, std::nullopt});
}

void Mesh::key_wanted(NodeIndex node, Time now) {
    if (!graph_.exists(node) || node == self) return;
    if (is_sptps(node)) return try_tunnel(node, Measure::size, now);
    auto& target = member(node);
    if (target.sealing) return;
    if (target.last_key_request != Time::min() && now - target.last_key_request < key_request_pause)
        return;
    const auto connection = connection_towards(node);
    if (!connection) return;
    target.last_key_request = now;
    std::string line;
    append(line, wire::ReqKey{settings_.name, graph_.name(node), 0, {}});
    send(*connection, std::move(line));
}

void Mesh::expire_keys(Time now) {
    log_.print(Level::status, Severity::info, "Expiring symmetric keys");
    keys_expire_ = now + settings_.key_expire;
    are_keys_worn_ = false;
    for (const auto node : graph_.nodes()) {
        if (node == self || !member(node).has_our_key) continue;
        member(node).has_our_key = false;
        effects_.emplace_back(SetOpener{node, nullptr, 0});
    }
    std::string line;
    append(line, wire::KeyChanged{nonce(), settings_.name});
    broadcast(Request::key_changed, line);
    for (const auto& [peer, connection] : connections_)
        if (graph_.path(connection.node).reachable && !is_sptps(connection.node))
            give_key(connection.node);
    renew_sessions(true, now);
}

}  // namespace tinc::mesh
