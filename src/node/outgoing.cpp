// Whom to connect to, and where: AutoConnect's advice, and addresses beside those of host files.

#include "state.hpp"
#include "tinc/base/limits.hpp"

#include <algorithm>
#include <utility>

namespace tinc::node {

namespace {

bool is_usable(const Endpoint& remote, config::AddressFamily family) {
    const auto& address = remote.address;
    if (remote.port == 0 || address.is_unspecified() || address.is_multicast()) return false;
    switch (family) {
        case config::AddressFamily::any:
            return true;
        case config::AddressFamily::ipv4:
            return address.family() == Family::ipv4;
        case config::AddressFamily::ipv6:
            return address.family() == Family::ipv6;
    }
    return true;
}

/// Where its neighbours say that they reach it; their loopback is not ours.
std::vector<Endpoint> announced_addresses(const graph::Graph& graph, const std::string& name) {
    std::vector<Endpoint> all;
    const auto node = graph.find(name);
    if (!node) return all;
    for (const auto* edge : graph.edges_from(*node)) {
        const auto* reverse = graph.find_edge(edge->to, *node);
        if (reverse == nullptr || !reverse->address.endpoint) continue;
        const auto& announced = *reverse->address.endpoint;
        if (!announced.address.is_loopback()) all.push_back(announced);
    }
    return all;
}

}  // namespace

// --- AutoConnect ---------------------------------------------------------------------------------

void Node::State::auto_connect_changed(Time now_) {
    // As in 1.1, but not in addition to what somebody wrote.
    const bool by_default = peer_settings.own_keys.ed25519 && settings.connect_to.empty();
    if (settings.auto_connect.value_or(by_default)) {
        auto_connect.begin(now_);
        effects.emplace_back(ScanHosts{});
    } else {
        auto_connect.end();
        connector.abandon_sought();
    }
}

void Node::State::auto_connect_on_time(Time now_) {
    if (now_ < auto_connect.deadline()) return;
    const auto advice = auto_connect.on_time(candidates(), now_);
    for (const auto& name : advice.give_up) connector.abandon(name);
    if (const auto& name = advice.close) end_connection_with(*name, now_);
    if (const auto& name = advice.connect) {
        log.print(Level::connections, Severity::info, "AutoConnect chooses {}", *name);
        connector.seek(*name, now_);
    }
}

/// It is not tried again.
void Node::State::end_connection_with(const std::string& name, Time now_) {
    connector.abandon(name);
    const auto id = mesh.connection_of(name);
    const auto* entry = id ? find(*id) : nullptr;
    if (entry == nullptr) return;
    log.print(Level::connections, Severity::info,
              "There are enough connections without that to {}: closing it", entry->peer.label());
    effects.emplace_back(Close{*id, Close::How::now});
    forget(*id, now_);
}

/// All nodes of the mesh but us, and those that we know from files alone.
std::vector<mesh::AutoConnect::Candidate> Node::State::candidates() {
    std::vector<mesh::AutoConnect::Candidate> all;
    const auto& graph = mesh.graph();
    for (const auto node : graph.nodes()) {
        if (node == graph::Graph::self) continue;
        const auto& name = graph.name(node);
        const auto id = mesh.connection_of(name);
        const auto* entry = id ? find(*id) : nullptr;
        all.push_back({.name = name,
                       .standing = connector.standing_of(name),
                       .is_reachable = graph.path(node).reachable,
                       .has_address = hosts_with_address.contains(name),
                       .is_connected = entry != nullptr,
                       .is_outgoing = entry != nullptr && entry->peer.is_outgoing(),
                       .edges = entry == nullptr ? 0 : graph.edges_from(node).size()});
    }
    auto names = hosts_with_address;
    for (auto& name : connector.sought()) names.insert(std::move(name));
    for (const auto& name : names) {
        if (name == settings.name || graph.find(name)) continue;
        all.push_back({.name = name,
                       .standing = connector.standing_of(name),
                       .has_address = hosts_with_address.contains(name)});
    }
    return all;
}

// --- addresses -----------------------------------------------------------------------------------

void Node::State::read_host_of_target(const std::string& name) {
    const QueryId query{++last_query};
    connector_queries.emplace(query, name);
    effects.emplace_back(LoadHost{query, name});
}

/// First where we reached it, then where others do.
void Node::State::recalled(const std::string& name, const std::vector<Endpoint>& recent) {
    std::vector<Endpoint> likely;
    const auto add = [&](const Endpoint& remote) {
        if (likely.size() < limits::likely_addresses &&
            is_usable(remote, settings.address_family) &&
            std::ranges::find(likely, remote) == likely.end())
            likely.push_back(remote);
    };
    std::ranges::for_each(recent, add);
    for (const auto& announced : announced_addresses(mesh.graph(), name)) add(announced);
    connector.suggest(name, std::move(likely));
}

/// An address that led to a member is worth to be tried first another time.
void Node::State::remember_address(const std::string& name, const Destination& remote) {
    if (!settings.remembers_addresses || remote.is_named()) return;
    effects.emplace_back(RememberAddress{name, remote.endpoint});
}

}  // namespace tinc::node
