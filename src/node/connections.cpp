#include "state.hpp"
#include "tinc/crypto/secret.hpp"
#include "tinc/wire/request_log.hpp"

namespace tinc::node {

Node::State::Entry* Node::State::find(PeerId id) {
    const auto found = peers.find(id);
    return found == peers.end() ? nullptr : &found->second;
}

/// Handles what a connection has understood so far. It may be gone afterwards.
void Node::State::drain(PeerId id, Time now_) {
    for (auto* entry = find(id); entry != nullptr; entry = find(id)) {
        auto event = entry->peer.next_event();
        if (!event) return;
        if (const auto handled = on_event(id, *event, now_); !handled)
            return fail(id, handled.error(), now_);
    }
}

Result<void> Node::State::on_event(PeerId id, peer::Event& event, Time now_) {
    if (const auto* wanted = std::get_if<peer::HostWanted>(&event)) {
        const QueryId query{++last_query};
        host_queries.emplace(query, id);
        effects.emplace_back(LoadHost{query, wanted->name});
    } else if (const auto* activated = std::get_if<peer::Activated>(&event)) {
        return on_activated(id, *activated, now_);
    } else if (auto* request = std::get_if<peer::RequestArrived>(&event)) {
        const auto done = mesh.receive(id, request->request, request->line, now_);
        crypto::wipe(request->line);  // it may be an ANS_KEY
        if (!done)
            return std::unexpected(
                wire::while_processing(request->request, find(id)->peer.label(), done.error()));
    } else if (auto* packet = std::get_if<peer::PacketArrived>(&event)) {
        on_packet(id, *packet, now_);
    } else if (auto* sealed = std::get_if<peer::SptpsPacketArrived>(&event)) {
        on_sptps_packet(id, *sealed, now_);
    } else if (const auto* learned = std::get_if<peer::KeyLearned>(&event)) {
        on_key(id, *learned);
    } else if (std::holds_alternative<peer::PongArrived>(event)) {
        connector.proven(id);
    }
    return {};
}

/// A handshake costs an RSA operation: from here on strangers wait for their turn.
Result<void> Node::State::provide_host(Entry& entry, Result<config::HostSettings> host, Time now_) {
    const bool has_key = host && (host->public_key || host->ed25519_key.value_or(std::nullopt));
    if (has_key && !admission.may_authenticate(entry.peer.remote().address, now_))
        return failure(
            Errc::exhausted,
            fmt::format("Too many handshakes at once; {} has to try again", entry.peer.label()));
    return entry.peer.provide_host(std::move(host), now_);
}

/// Two nodes that dial each other at the same moment would each close the connection the other one
/// keeps, again and again. So of two that cross within a few seconds the one stays whose initiator
/// has the lower name; otherwise the newest does, as in tinc 1.0.
bool Node::State::is_crossed_by_better(const Entry& fresh, Time now_) {
    constexpr std::chrono::seconds crossing{5};
    const auto existing = mesh.connection_of(fresh.peer.name());
    const auto* other = existing ? find(*existing) : nullptr;
    if (other == nullptr || other->peer.is_outgoing() == fresh.peer.is_outgoing()) return false;
    const bool fresh_is_better = fresh.peer.is_outgoing() == (settings.name < fresh.peer.name());
    return !fresh_is_better && now_ - other->active_since < crossing;
}

Result<void> Node::State::on_activated(PeerId id, const peer::Activated& activated, Time now_) {
    auto& entry = *find(id);
    const auto& connection = entry.peer;
    admission.leave(id);
    if (!connection.is_outgoing()) admission.remember_good(connection.remote().address, now_);
    const auto name = connection.name();
    if (!activations.allows(name, now_))
        return failure(Errc::exhausted, fmt::format("{} connects too often", connection.label()));
    if (is_crossed_by_better(entry, now_))
        return failure(Errc::closed, fmt::format("{} is connected already, the other way round",
                                                 connection.label()));
    entry.active_since = now_;
    TINC_CHECK(mesh.activated({.peer = id,
                               .name = name,
                               .label = connection.label(),
                               .address = activated.address,
                               .options = activated.options,
                               .weight = activated.weight,
                               .pmtu = activated.pmtu,
                               .key = connection.proven_key(),
                               .local = local_end(id)},
                              now_));
    connector.connected(name, id);
    if (connection.is_outgoing()) remember_address(name, connection.destination());
    return {};
}

void Node::State::on_packet(PeerId id, peer::PacketArrived& packet, Time now_) {
    const auto node = mesh.node_of(id);
    if (!node) return;
    // The mesh may owe the data plane the name and paths of a brand-new neighbour.
    turn(now_);
    const auto* entry = find(id);
    if (entry == nullptr) return;
    const bool tcp_only = (entry->peer.options() & wire::option::tcp_only) != 0;
    order(RoutePacket{*node, std::move(packet.frame),
                      tcp_only ? plane::Transport::any : plane::Transport::keep_on_tcp},
          now_);
}

/// With the port that others send UDP to.
std::optional<Endpoint> Node::State::local_end(PeerId id) const {
    const auto found = peers.find(id);
    if (found == peers.end() || !found->second.local || !peer_settings.own_keys.ed25519)
        return std::nullopt;
    return Endpoint{found->second.local->without_scope(), peer_settings.port};
}

void Node::State::on_sptps_packet(PeerId id, peer::SptpsPacketArrived& packet, Time now_) {
    const auto neighbour = mesh.node_of(id);
    if (!neighbour) return;
    // The mesh may owe the data plane the name and paths of a brand-new neighbour.
    turn(now_);
    order(CarryPacket{*neighbour, std::move(packet.packet)}, now_);
}

/// The connection ends by itself, and the next one, which is made at once, needs the key.
void Node::State::on_key(PeerId id, const peer::KeyLearned& learned) {
    if (learned.key) {
        log.print(Level::always, Severity::notice,
                  "Learned the Ed25519 key {} of {}, proven by its RSA key", learned.key->text(),
                  find(id)->peer.label());
        effects.emplace_back(SaveKey{learned.name, *learned.key});
    }
    connector.proven(id);
}

void Node::State::fail(PeerId id, const Error& error, Time now_) {
    auto* entry = find(id);
    if (entry == nullptr || ask_proxy_again(id, now_)) return;
    const auto& connection = entry->peer;
    const bool is_stranger = !connection.is_outgoing() && !connection.is_authenticated();
    const bool may_log = !is_stranger || admission.may_log(connection.remote().address, now_);
    if (error.code == Errc::timed_out || error.code == Errc::closed)
        log.print(Level::connections, Severity::notice, "{}", error.what);
    else if (may_log)
        log.print(Level::always, Severity::error, "{}", error.what);
    log.print(Level::connections, Severity::notice, "Closing connection with {}",
              connection.label());
    effects.emplace_back(Close{id, is_stranger ? Close::How::tarpit : Close::How::now});
    forget(id, now_);
}

void Node::State::forget(PeerId id, Time now_) {
    peers.erase(id);
    admission.leave(id);
    mesh.connection_lost(id, now_);
    connector.ended(id, now_);
}

}  // namespace tinc::node
