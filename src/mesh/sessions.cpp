// Sessions with nodes of protocol 1.1. Both ends prove their Ed25519 keys to each other, so a key
// has to be known before anything else: from the meta connection, from the host file, or, as a last
// resort, by asking the node itself over the mesh. The exchange travels in REQ_KEY (its first
// datagram) and ANS_KEY. Source: protocol 1.1, 4.

#include "ourselves.hpp"

#include "tinc/base/base64.hpp"
#include "tinc/base/node_id.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/packet/compression.hpp"

#include <algorithm>
#include <utility>

namespace tinc::mesh {

namespace {

using sptps::Role;
using sptps::Session;
using wire::ReqKey;

constexpr int first_sptps_minor = 2;
/// In place of cipher, digest and MAC length.
constexpr int not_legacy = -1;

}  // namespace

bool Mesh::is_sptps(NodeIndex node) const {
    return settings_.key && node != self && minor_of(node) >= first_sptps_minor;
}

bool Mesh::is_for_sptps(const ReqKey& message) { return message.extension != 0; }

sptps::Parties Mesh::parties(NodeIndex node, Role role) const {
    const auto& initiator = role == Role::initiator ? settings_.name : graph_.name(node);
    const auto& responder = role == Role::initiator ? graph_.name(node) : settings_.name;
    return {.role = role,
            .own_key = settings_.key,
            .peer_key = *find_member(node)->key,
            .label = sptps::node_label(initiator, responder)};
}

// --- requests
// -------------------------------------------------------------------------------------

void Mesh::on_session_request(PeerId peer, NodeIndex from, const ReqKey& message, Time now) {
    if (!settings_.key) return;
    switch (message.extension) {
        case ReqKey::start_session:
            if (given_keys_.allows(message.from, now)) accept_session(from, message.payload, now);
            return;
        case ReqKey::ask_public_key:
            if (!given_keys_.allows(message.from, now)) return;
            seek_key(from, now);
            return tell_public_key(from);
        case ReqKey::tell_public_key:
            return learn_public_key(peer, from, message.payload, now);
        case ReqKey::packet:
            return carry_packet(peer, from, self, message.payload);
        default:
            return;
    }
}

std::string Mesh::packet_request(NodeIndex from, NodeIndex to, Bytes packet) const {
    const auto datagram = packet.subspan(2 * NodeId::size_bytes);
    std::string line;
    append(line, ReqKey{graph_.name(from), graph_.name(to), ReqKey::packet, base64_text(datagram)});
    return line;
}

void Mesh::carry_packet(PeerId peer, NodeIndex from, NodeIndex to, const std::string& payload) {
    if (auto datagram = parse_base64(payload))
        effects_.emplace_back(
            CarrySptpsPacket{connections_.at(peer).node, from, to, std::move(*datagram)});
}

/// Somebody wants a session. The one we have stays until the new one is proven.
///
/// If we have just asked for one ourselves, only one of the two can live: that of the lower name.
/// tinc 1.1 drops its own whenever it is asked, so if ours is to be dropped it may be just what the
/// other one goes on with: it is kept until the outcome is clear.
void Mesh::accept_session(NodeIndex from, const std::string& payload, Time now) {
    auto& target = member(from);
    if (!target.key) {
        target.early_request = payload;
        return seek_key(from, now);
    }
    const bool is_crossing = target.session && !target.session->is_complete() &&
                             target.session->role() == Role::initiator &&
                             now - target.last_session_start < key_request_pause;
    if (is_crossing && settings_.name < graph_.name(from)) return;
    const auto datagram = parse_base64(payload);
    Session session(parties(from, Role::responder), random_);
    auto begun = session.start();
    auto steps = begun && datagram ? session.receive(*datagram)
                                   : failure(Errc::malformed, "the datagram cannot be decoded");
    if (!steps) {
        if (session_faults_.allows(graph_.name(from), now))
            log_.print(Level::always, Severity::error, "Got bad REQ_KEY from {}: {}", label(from),
                       steps.error().what);
        return;
    }
    if (is_crossing) target.given_up = std::move(target.session);
    target.session = std::move(session);
    target.is_renewing = true;
    target.last_session_start = now;
    std::ranges::move(*steps, std::back_inserter(*begun));
    carry_out(from, *std::move(begun), now);
}

void Mesh::continue_session(NodeIndex from, const wire::AnsKey& message, Time now) {
    auto& target = member(from);
    if (!target.session) return;
    if (message.compression < 0 || message.compression > packet::Compression::highest_level) {
        if (session_faults_.allows(graph_.name(from), now))
            log_.print(Level::always, Severity::error, "Node {} uses bogus compression level {}!",
                       label(from), message.compression);
        return;
    }
    target.compression = message.compression;
    const auto datagram = parse_base64(message.key);
    if (!datagram) return;
    auto steps = target.session->receive(*datagram);
    if (!steps && target.given_up) {
        // The other one has dropped its own request for ours.
        auto other_steps = target.given_up->receive(*datagram);
        if (other_steps) {
            target.session = std::exchange(target.given_up, std::nullopt);
            steps = std::move(other_steps);
        }
    }
    if (steps) {
        // What a relay saw helps to get through a NAT, as long as nothing better is proven.
        if (message.address && message.address->endpoint && !target.udp_path.is_confirmed())
            set_remote(from, message.address->endpoint);
        return carry_out(from, *std::move(steps), now);
    }
    log_.print(Level::protocol, Severity::warning,
               "Failed to process a key exchange message of {}: {}", label(from),
               steps.error().what);
    if (!target.has_session && now - target.last_session_start >= key_request_pause)
        start_session(from, now);
}

// --- starting
// -------------------------------------------------------------------------------------

void Mesh::want_session(NodeIndex node, Time now) {
    auto& target = member(node);
    if (target.has_session || !graph_.path(node).reachable) return;
    const bool is_under_way = target.session && target.last_session_start != Time::min() &&
                              now - target.last_session_start < key_request_pause;
    if (!is_under_way) start_session(node, now);
}

void Mesh::start_session(NodeIndex node, Time now) {
    auto& target = member(node);
    if (!target.key) return seek_key(node, now);
    target.last_session_start = now;
    target.given_up.reset();
    target.session.emplace(parties(node, Role::initiator), random_);
    target.is_renewing = true;
    if (auto steps = target.session->start()) carry_out(node, *std::move(steps), now);
}

/// First in its host file, then from the node itself.
void Mesh::seek_key(NodeIndex node, Time now) {
    auto& target = member(node);
    if (target.key) return;
    const bool is_too_soon =
        target.last_key_search != Time::min() && now - target.last_key_search < key_request_pause;
    if (is_too_soon) return;
    switch (target.key_search) {
        case KeySearch::none:
            target.key_search = KeySearch::in_file;
            target.last_key_search = now;
            effects_.emplace_back(ReadKey{graph_.name(node)});
            return;
        case KeySearch::at_node:
            return ask_for_public_key(node, now);
        case KeySearch::in_file:
        case KeySearch::in_vain:
            return;
    }
}

void Mesh::ask_for_public_key(NodeIndex node, Time now) {
    member(node).last_key_search = now;
    if (graph_.path(node).reachable) send_request(node, ReqKey::ask_public_key, {});
}

void Mesh::key_loaded(const std::string& name, const Result<config::HostSettings>& host, Time now) {
    const auto node = graph_.find(name);
    if (!node || find_member(*node) == nullptr) return;
    auto& target = member(*node);
    if (target.key_search != KeySearch::in_file) return;
    target.key_search = KeySearch::none;
    if (target.key || !is_sptps(*node)) return;
    const bool is_missing = !host && host.error().code == Errc::system;
    if (!host && !is_missing) return;  // It may have a key: it is read again when one is needed.
    if (host && !host->ed25519_key) {
        target.key_search = KeySearch::in_vain;
        log_.print(Level::always, Severity::error, "{}", host->ed25519_key.error().what);
    } else if (host && host->ed25519_key->has_value()) {
        key_found(*node, **host->ed25519_key, now);
    } else if (settings_.strict_keys) {
        target.key_search = KeySearch::in_vain;
        log_.print(Level::always, Severity::warning,
                   "No Ed25519 key of {} is in its host file, and StrictKeys is set: there will be "
                   "no session with it",
                   name);
    } else {
        target.key_search = KeySearch::at_node;
        ask_for_public_key(*node, now);
    }
}

/// Who may be asked for a key is not what it was.
void Mesh::restart_key_searches() {
    for (const auto node : graph_.nodes()) {
        auto& search = member(node).key_search;
        if (search != KeySearch::in_file) search = KeySearch::none;
    }
}

/// Who has asked for a session meanwhile is answered. To ask in turn would help little: the other
/// one waits for an answer first.
void Mesh::key_found(NodeIndex node, const crypto::Ed25519PublicKey& key, Time now) {
    auto& target = member(node);
    target.key = key;
    const auto request = std::exchange(target.early_request, {});
    if (!request.empty()) accept_session(node, request, now);
    want_session(node, now);
}

void Mesh::forget_keys_of(std::span<const std::string> names) {
    for (const auto& name : names) {
        const auto node = graph_.find(name);
        if (!node || find_member(*node) == nullptr) continue;
        member(*node).key.reset();
        member(*node).key_search = KeySearch::none;
        member(*node).last_key_search = Time::min();
    }
}

void Mesh::tell_public_key(NodeIndex to) {
    send_request(to, ReqKey::tell_public_key, settings_.key->public_key().text());
}

/// A key that nobody vouches for but the relays it came through, and only where none was known.
void Mesh::learn_public_key(PeerId teller, NodeIndex node, const std::string& text, Time now) {
    auto& target = member(node);
    if (target.key || target.key_search != KeySearch::at_node) return;
    const auto key = crypto::Ed25519PublicKey::parse(text);
    if (!key) {
        if (session_faults_.allows(graph_.name(node), now))
            log_.print(Level::always, Severity::error, "Got bad ANS_PUBKEY from {}: {}",
                       label(node), key.error().what);
        return;
    }
    log_.print(Level::always, Severity::notice,
               "Learned the Ed25519 key {} of {} by way of {}; nobody else vouches for it",
               key->text(), graph_.name(node), connections_.at(teller).label);
    effects_.emplace_back(SaveKey{graph_.name(node), *key});
    key_found(node, *key, now);
}

// --- exchange
// -------------------------------------------------------------------------------------

void Mesh::carry_out(NodeIndex node, std::vector<Session::Step> steps, Time now) {
    auto& target = member(node);
    target.last_exchange = now;
    for (auto& step : steps) {
        if (const auto* send = std::get_if<Session::Send>(&step)) {
            send_exchange(node, *target.session, send->datagram);
        } else if (auto* sealer = std::get_if<Session::SealWith>(&step)) {
            effects_.emplace_back(SetSptpsSealer{node, std::move(*sealer), target.compression});
        } else if (auto* expected = std::get_if<Session::ExpectKey>(&step)) {
            if (std::exchange(target.is_renewing, false))
                effects_.emplace_back(SetSptpsOpener{
                    node, sptps::Opener(expected->key.bytes(), settings_.replay_window_bytes)});
            else
                effects_.emplace_back(ExpectKey{node, std::move(expected->key)});
        } else if (std::holds_alternative<Session::ReceiveWithIt>(step)) {
            effects_.emplace_back(UseExpectedKey{node});
        } else {
            session_begins(node, now);
        }
    }
}

/// The initiator's first datagram makes the request, all others are answers.
void Mesh::send_exchange(NodeIndex to, const Session& session, Bytes datagram) {
    const bool is_first = session.role() == Role::initiator && session.records_sent() == 1;
    if (is_first) return send_request(to, ReqKey::start_session, base64_text(datagram));
    const auto connection = connection_towards(to);
    if (!connection) return;
    std::string line;
    append(line, wire::AnsKey{settings_.name, graph_.name(to), base64_text(datagram), not_legacy,
                              not_legacy, not_legacy, settings_.suite.compression, std::nullopt});
    send(*connection, std::move(line));
}

void Mesh::send_request(NodeIndex to, int extension, std::string payload) {
    const auto connection = connection_towards(to);
    if (!connection) return;
    std::string line;
    append(line, ReqKey{settings_.name, graph_.name(to), extension, std::move(payload)});
    send(*connection, std::move(line));
}

void Mesh::session_begins(NodeIndex node, Time now) {
    auto& target = member(node);
    target.given_up.reset();
    log_.print(Level::protocol, Severity::info, "SPTPS key exchange with {} successful",
               label(node));
    if (!std::exchange(target.has_session, true)) try_tunnel(node, Measure::reach, now);
}

void Mesh::lose_session(NodeIndex node) {
    auto& target = member(node);
    target.early_request.clear();
    if (!target.session && !target.has_session) return;
    target.session.reset();
    target.given_up.reset();
    target.has_session = false;
    target.is_renewing = false;
    target.last_session_start = Time::min();
    effects_.emplace_back(SetSptpsSealer{node, std::nullopt, 0});
    effects_.emplace_back(SetSptpsOpener{node, std::nullopt});
}

/// Not because of one bad datagram, and not more often than the other end could have answered.
void Mesh::session_doubted(NodeIndex node, Time now) {
    if (!graph_.exists(node) || !graph_.path(node).reachable) return;
    if (!is_sptps(node)) return renew_key(node, now);
    auto& target = member(node);
    if (target.last_session_start != Time::min() &&
        now - target.last_session_start < key_request_pause)
        return;
    log_.print(Level::protocol, Severity::info, "Renewing the session with {}", label(node));
    start_session(node, now);
}

const sptps::KeyMarks* Mesh::settled_keys(NodeIndex node) const {
    const auto* known = find_member(node);
    if (known == nullptr || !known->session || !known->has_session) return nullptr;
    const bool is_changing =
        known->is_renewing || known->given_up || known->session->is_exchanging();
    return is_changing ? nullptr : &known->session->marks();
}

/// New keys in running sessions, which lose nothing by it. A new session where the numbers come
/// near their end, or where the last exchange was not answered and will not end any more.
void Mesh::renew_sessions(bool are_all_due, Time now) {
    for (const auto node : graph_.nodes()) {
        if (node == self || find_member(node) == nullptr) continue;
        auto& target = member(node);
        if (!target.has_session || !target.session) continue;
        const bool is_exchanging = target.session->is_exchanging();
        if (is_exchanging && now - target.last_exchange < key_request_pause) continue;
        if (is_exchanging || target.session->records_sent() >= settings_.session_records) {
            start_session(node, now);
        } else if (are_all_due) {
            if (auto steps = target.session->start())
                carry_out(node, *std::move(steps), now);
            else
                start_session(node, now);
        }
    }
}

}  // namespace tinc::mesh
