#include "state.hpp"
#include "tinc/crypto/secret.hpp"

#include <utility>

namespace tinc::node {

namespace {

/// Parts that answer each other for ever would be a mistake of ours; what is left over waits for
/// the next event.
constexpr int rounds_per_turn = 64;

}  // namespace

void Node::State::turn(Time now_) {
    now = now_;
    for (int round = 0; round < rounds_per_turn; ++round) {
        mesh.settle(now);
        tell_more();
        auto from_mesh = mesh.take_effects();
        auto from_plane = plane ? plane->take_events() : std::vector<plane::Event>();
        auto from_connector = connector.take_effects();
        if (from_mesh.empty() && from_plane.empty() && from_connector.empty()) break;
        for (auto& effect : from_mesh) apply(effect, now);
        for (auto& event : from_plane) apply(event, now);
        for (auto& effect : from_connector) apply(effect, now);
    }
    wake_writers();
}

void Node::State::apply(mesh::Effect& effect, Time now_) {
    if (auto* line = std::get_if<mesh::SendLine>(&effect)) {
        auto* entry = find(line->peer);
        if (entry == nullptr) return;
        const auto telling =
            line->is_announced ? peer::Peer::Telling::silent : peer::Peer::Telling::log;
        const auto sent = entry->peer.send_line(line->line, telling);
        crypto::wipe(line->line);  // it may be an ANS_KEY
        if (!sent) fail(line->peer, sent.error(), now_);
    } else if (const auto* close = std::get_if<mesh::ClosePeer>(&effect)) {
        if (find(close->peer) == nullptr) return;
        log.print(Level::connections, Severity::notice, "Closing connection with {}",
                  find(close->peer)->peer.label());
        effects.emplace_back(Close{close->peer, Close::How::now});
        forget(close->peer, now_);
    } else if (auto* script = std::get_if<mesh::CallScript>(&effect)) {
        effects.emplace_back(RunScript{std::move(script->script), std::move(script->environment)});
    } else if (std::holds_alternative<mesh::PublishTable>(effect)) {
        publish_table();
    } else if (const auto* wanted = std::get_if<mesh::ReadKey>(&effect)) {
        const QueryId query{++last_query};
        key_queries.emplace(query, wanted->name);
        effects.emplace_back(LoadHost{query, wanted->name});
    } else if (auto* learned = std::get_if<mesh::SaveKey>(&effect)) {
        effects.emplace_back(SaveKey{std::move(learned->name), learned->key});
    } else if (const auto* company = std::get_if<mesh::CompanyChanged>(&effect)) {
        if (settings.device_standby) bring_device(company->has_company ? Bring::up : Bring::down);
    } else if (const auto* retreat = std::get_if<mesh::Retreat>(&effect)) {
        retreat_until = now_ + retreat->time;
        connector.pause(retreat_until);
    } else if (auto of_plane = order_of(effect)) {
        order(std::move(*of_plane), now_);
    }
}

void Node::State::order(PlaneOrder wanted, Time now_) {
    if (plane)
        carry_out(std::move(wanted), *plane, now_, outbox);
    else
        orders.push_back(std::move(wanted));
}

void Node::State::apply(plane::Event& event, Time now_) {
    if (const auto* wanted = std::get_if<plane::KeyWanted>(&event)) {
        mesh.key_wanted(wanted->node, now_);
    } else if (const auto* reply = std::get_if<plane::ProbeReply>(&event)) {
        mesh.probe_replied(reply->node, reply->frame_bytes, now_);
    } else if (const auto* moved = std::get_if<plane::SourceMoved>(&event)) {
        if (mesh.source_moved(moved->node, moved->remote, moved->socket, now_))
            order(SetProvenAddress{moved->node, moved->remote, moved->socket}, now_);
    } else if (auto* frame = std::get_if<plane::SendByTcp>(&event)) {
        const auto id = mesh.connection_towards(frame->neighbour);
        auto* entry = id ? find(*id) : nullptr;
        if (entry == nullptr || entry->peer.state() != peer::State::active) return;
        entry->peer.send_packet(std::move(frame->frame), now_);
    } else if (auto* sealed = std::get_if<plane::SptpsByTcp>(&event)) {
        send_sealed_by_tcp(std::move(*sealed), now_);
    } else if (const auto* used = std::get_if<plane::TunnelUsed>(&event)) {
        mesh.tunnel_used(used->node, now_);
    } else if (const auto* relayed = std::get_if<plane::RelayedFrom>(&event)) {
        mesh.relayed_from(relayed->node, now_);
    } else if (const auto* doubted = std::get_if<plane::SessionDoubted>(&event)) {
        mesh.session_doubted(doubted->node, now_);
    } else if (const auto* seen = std::get_if<plane::MacSeen>(&event)) {
        mesh.mac_seen(seen->mac, now_);
    } else if (std::holds_alternative<plane::KeysWornOut>(event)) {
        mesh.keys_worn_out();
    }
}

/// As raw bytes if the neighbour takes those, else in a request that any version passes on.
void Node::State::send_sealed_by_tcp(plane::SptpsByTcp sealed, Time now_) {
    const auto id = mesh.connection_towards(sealed.neighbour);
    auto* entry = id ? find(*id) : nullptr;
    if (entry == nullptr || entry->peer.state() != peer::State::active) return;
    if (entry->peer.takes_sptps_packets())
        return entry->peer.send_sptps_packet(std::move(sealed.packet), now_);
    entry->peer.send_packet_line(mesh.packet_request(sealed.from, sealed.to, sealed.packet), now_);
}

void Node::State::apply(mesh::ConnectorEffect& effect, Time now_) {
    if (const auto* host = std::get_if<mesh::ReadHost>(&effect)) {
        if (const auto existing = mesh.connection_of(host->name))
            return connector.connected(host->name, *existing);
        if (!settings.remembers_addresses) return read_host_of_target(host->name);
        const QueryId query{++last_query};
        recall_queries.emplace(query, host->name);
        effects.emplace_back(RecallAddresses{query, host->name});
    } else if (auto* resolve = std::get_if<mesh::ResolveAddress>(&effect)) {
        const QueryId query{++last_query};
        connector_queries.emplace(query, resolve->name);
        effects.emplace_back(
            Resolve{query, std::move(resolve->address.host), std::move(resolve->address.port)});
    } else if (auto* wanted = std::get_if<mesh::Dial>(&effect)) {
        dial(std::move(*wanted), now_);
    }
}

void Node::State::bring_device(Bring bring) {
    const bool is_wanted_up = bring == Bring::up;
    if (std::exchange(is_device_up, is_wanted_up) == is_wanted_up) return;
    effects.emplace_back(RunScript{is_wanted_up ? "tinc-up" : "tinc-down", {}});
}

/// Gives the data plane the paths and subnets of this moment, and where unknown datagrams of
/// which node may come from.
void Node::State::publish_table() {
    auto announced = std::make_shared<plane::AnnouncedAddresses>();
    for (const auto* edge : mesh.graph().edges_by_weight())
        if (edge->address.endpoint)
            (*announced)[edge->address.endpoint->address].push_back(edge->to);
    order(SetTable{mesh.graph().forwarding_table(), std::move(announced)}, now);
}

/// New neighbours hear more as they take in what they were told before.
void Node::State::tell_more() {
    constexpr std::size_t enough_bytes = limits::meta_outgoing_bytes / 8;
    for (const auto id : mesh.telling()) {
        const auto* entry = find(id);
        if (entry != nullptr && entry->peer.unsent_bytes() < enough_bytes) mesh.tell_more(id);
    }
}

void Node::State::wake_writers() {
    for (auto& [id, entry] : peers) {
        if (!entry.peer.has_outgoing() || entry.is_woken) continue;
        entry.is_woken = true;
        effects.emplace_back(Wake{id});
    }
}

}  // namespace tinc::node
