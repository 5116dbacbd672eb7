#include "state.hpp"

#include <utility>

namespace tinc::node {

namespace {

using config::ProxyType;
using peer::Peer;
using peer::ProxyHandshake;

/// Whether a proxy of this type can be given a name instead of an address.
bool takes_names(ProxyType type) {
    switch (type) {
        case ProxyType::none:
        case ProxyType::socks4:
            return false;
        case ProxyType::socks4a:
        case ProxyType::socks5:
        case ProxyType::http:
        case ProxyType::exec:
            return true;
    }
    return false;
}

}  // namespace

void Node::State::proxy_changed() {
    using enum mesh::Connector::UnknownHosts;
    connector.set_unknown_hosts(takes_names(settings.proxy.type) ? dial : skip);
    proxy_pace = ProxyHandshake::Pace::at_once;
}

void Node::State::dial(mesh::Dial dial, Time now_) {
    if (const auto existing = mesh.connection_of(dial.name))
        return connector.connected(dial.name, *existing);
    const PeerId id{++last_peer};
    connector.dialling(dial.name, id);
    log.print(Level::connections, Severity::info, "Trying to connect to {} ({})", dial.name,
              dial.remote.text());
    if (settings.proxy.type != ProxyType::none) return dial_by_proxy(id, std::move(dial), now_);
    const auto& remote = dial.remote.endpoint;
    peers.emplace(id, Entry{.peer = Peer::outgoing(peer_settings, remote, dial.name,
                                                   std::move(dial.host), random, log, now_)});
    effects.emplace_back(Open{id, remote});
}

void Node::State::dial_by_proxy(PeerId id, mesh::Dial dial, Time now_) {
    const auto& proxy = settings.proxy;
    auto handshake = ProxyHandshake::begin(proxy, dial.remote, proxy_pace);
    if (!handshake) {
        log.print(Level::always, Severity::error, "Error while connecting to {} ({}): {}",
                  dial.name, dial.remote.text(), handshake.error().what);
        return connector.ended(id, now_);
    }
    peers.emplace(
        id, Entry{.peer = Peer::by_proxy(peer_settings, *std::move(handshake), dial.remote,
                                         dial.name, std::move(dial.host), random, log, now_)});
    if (proxy.type == ProxyType::exec) {
        log.print(Level::connections, Severity::info, "Using proxy command");
        effects.emplace_back(
            OpenCommand{id,
                        proxy.command,
                        {{"NODE", dial.name},
                         {"REMOTEADDRESS", dial.remote.host()},
                         {"REMOTEPORT", std::to_string(dial.remote.endpoint.port)}}});
        return;
    }
    log.print(Level::connections, Severity::info, "Using proxy at {} port {}", proxy.server.host,
              proxy.server.port);
    const QueryId query{++last_query};
    proxy_queries.emplace(query, id);
    effects.emplace_back(Resolve{query, proxy.server.host, proxy.server.port});
}

void Node::State::proxy_resolved(PeerId id, Result<std::vector<Endpoint>> endpoints, Time now_) {
    auto* entry = find(id);
    if (entry == nullptr) return;
    if (!endpoints) {
        log.print(Level::connections, Severity::error, "Error while connecting to {}: proxy {}",
                  entry->peer.label(), endpoints.error().what);
        return forget(id, now_);
    }
    entry->proxies.assign(endpoints->begin(), endpoints->end());
    if (entry->proxies.empty()) return forget(id, now_);
    effects.emplace_back(Open{id, entry->proxies.front()});
}

bool Node::State::try_next_proxy(PeerId id) {
    auto& proxies = find(id)->proxies;
    if (proxies.size() < 2) return false;
    proxies.pop_front();
    effects.emplace_back(Open{id, proxies.front()});
    return true;
}

bool Node::State::ask_proxy_again(PeerId id, Time now_) {
    const auto* entry = find(id);
    if (entry == nullptr || !entry->peer.is_held_up_by_proxy()) return false;
    if (now_ < retreat_until) return false;
    log.print(Level::connections, Severity::info,
              "The proxy wants to be asked one thing after the other; trying again");
    proxy_pace = ProxyHandshake::Pace::in_steps;
    const auto& connection = entry->peer;
    mesh::Dial again{connection.name(), connection.destination(), connection.host()};
    effects.emplace_back(Close{id, Close::How::now});
    // The Connector learns of the new attempt first, so that the end of the old one is nothing.
    dial(std::move(again), now_);
    forget(id, now_);
    return true;
}

}  // namespace tinc::node
