#include "state.hpp"

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
        const auto& source = find(id)->peer.remote().address;
        if (!admission.may_authenticate(source, now_))
            return failure(Errc::exhausted, "Too many handshakes; try again");
        const QueryId query{++last_query};
        host_queries.emplace(query, id);
        effects.emplace_back(LoadHost{query, wanted->name});
    } else if (const auto* activated = std::get_if<peer::Activated>(&event)) {
        return on_activated(id, *activated, now_);
    } else if (const auto* request = std::get_if<peer::RequestArrived>(&event)) {
        return mesh.receive(id, request->request, request->line, now_);
    } else if (const auto* packet = std::get_if<peer::PacketArrived>(&event)) {
        on_packet(id, *packet, now_);
    } else if (std::holds_alternative<peer::PongArrived>(event)) {
        connector.proven(id);
    }
    return {};
}

Result<void> Node::State::on_activated(PeerId id, const peer::Activated& activated, Time now_) {
    const auto& connection = find(id)->peer;
    admission.leave(id);
    if (!connection.is_outgoing()) admission.remember_good(connection.remote().address, now_);
    const auto name = connection.name();
    TINC_CHECK(mesh.activated({.peer = id,
                               .name = name,
                               .label = connection.label(),
                               .address = activated.address,
                               .options = activated.options,
                               .weight = activated.weight,
                               .pmtu = activated.pmtu},
                              now_));
    connector.connected(name, id);
    return {};
}

void Node::State::on_packet(PeerId id, const peer::PacketArrived& packet, Time now_) {
    const auto node = mesh.node_of(id);
    if (!node) return;
    // The mesh may owe the data plane the name and paths of a brand-new neighbour.
    turn(now_);
    const auto* entry = find(id);
    if (entry == nullptr) return;
    const bool tcp_only = (entry->peer.options() & wire::option::tcp_only) != 0;
    plane.from_peer(*node, packet.frame,
                    tcp_only ? plane::Transport::any : plane::Transport::keep_on_tcp, now_, outbox);
}

void Node::State::fail(PeerId id, const Error& error, Time now_) {
    auto* entry = find(id);
    if (entry == nullptr) return;
    const auto& connection = entry->peer;
    const bool is_stranger = !connection.is_outgoing() && !connection.is_authenticated();
    const bool may_log = !is_stranger || admission.may_log(connection.remote().address, now_);
    if (error.code == Errc::timed_out)
        log.print(Level::connections, Severity::notice, "{}", error.what);
    else if (may_log)
        log.print(Level::always, Severity::error, "Error while processing {}: {}",
                  connection.label(), error.what);
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
