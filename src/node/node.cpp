#include "tinc/node/node.hpp"

#include "state.hpp"
#include "tinc/base/text.hpp"
#include "tinc/node/assemble.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tinc::node {

Node::State::State(config::Settings given_settings, peer::PeerSettings given_peer_settings,
                   mesh::MeshSettings mesh_settings, plane::PlaneSettings plane_settings,
                   DeviceInfo given_device, RandomSource& given_random, LogSink& given_log)
    : settings(std::move(given_settings)),
      peer_settings(std::move(given_peer_settings)),
      device(std::move(given_device)),
      random(given_random),
      log(given_log),
      mesh(std::move(mesh_settings), random, log),
      connector({settings.min_timeout, settings.max_timeout}, random, log),
      auto_connect(random),
      plane(std::in_place, std::move(plane_settings), settings.name, random, log) {}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::create(config::Settings settings, crypto::OwnKeys own_keys,
                                           DeviceInfo device, RandomSource& random, LogSink& log) {
    TINC_TRY(auto parts, assemble(settings, std::move(own_keys), device.description));
    auto state =
        std::make_unique<State>(std::move(settings), std::move(parts.peer), std::move(parts.mesh),
                                std::move(parts.plane), std::move(device), random, log);
    state->admission.set_burst(state->settings.max_connection_burst);
    return std::unique_ptr<Node>(new Node(std::move(state)));
}

// --- life ----------------------------------------------------------------------------------------

void Node::use(LocalAddresses& addresses) {
    if (state_->plane) state_->plane->use(addresses);
    state_->mesh.use(addresses);
}

void Node::device_opened(Time now) {
    if (!state_->settings.device_standby) state_->bring_device(State::Bring::up);
    state_->mesh.announce_own_subnets();
    state_->turn(now);
}

void Node::device_reopened(Time now) {
    if (!std::exchange(state_->is_device_up, false)) return;
    state_->bring_device(State::Bring::up);
    state_->turn(now);
}

void Node::start(std::span<const Endpoint> listening, Time now) {
    auto& state = *state_;
    const auto given = state.settings.has_port ? std::string_view(state.settings.port) : "";
    const auto port = parse_number<std::uint16_t>(given).value_or(0);
    state.peer_settings.port = port != 0 || listening.empty() ? port : listening.front().port;
    state.proxy_changed();
    state.mesh.start(listening, now);
    state.connector.set_targets(state.settings.connect_to,
                                {state.settings.min_timeout, state.settings.max_timeout}, now);
    state.auto_connect_changed(now);
    state.connector.on_time(now);
    state.turn(now);
}

void Node::reload(const Reload& reload, Time now) {
    auto& state = *state_;
    auto settings = config::reloaded(state.settings, reload.settings);
    auto parts = assemble(settings, state.peer_settings.own_keys, state.device.description);
    if (!parts) {
        state.log.print(Level::always, Severity::error, "{}", parts.error().what);
        return;
    }
    const auto port = state.peer_settings.port;
    state.settings = std::move(settings);
    state.peer_settings = std::move(parts->peer);
    state.peer_settings.port = port;
    state.proxy_changed();
    state.order(SetSettings{std::move(parts->plane)}, now);

    // First, so that what ends below is not tried again for a node that is no target any more.
    state.connector.set_targets(state.settings.connect_to,
                                {state.settings.min_timeout, state.settings.max_timeout}, now);
    state.auto_connect_changed(now);
    // They will come again, and it is not them who wanted that.
    for (const auto& name : reload.changed_hosts) state.activations.forgive(name);
    std::vector<PeerId> outdated;
    for (const auto& [id, entry] : state.peers) {
        const bool is_changed = std::ranges::find(reload.changed_hosts, entry.peer.name()) !=
                                reload.changed_hosts.end();
        const bool is_on_its_way = entry.peer.state() == peer::State::connecting ||
                                   entry.peer.state() == peer::State::awaiting_proxy;
        if (is_changed || is_on_its_way) outdated.push_back(id);
    }
    for (const auto id : outdated) {
        state.log.print(Level::connections, Severity::info, "Closing connection with {}",
                        state.find(id)->peer.label());
        state.effects.emplace_back(Close{id, Close::How::now});
        state.forget(id, now);
    }
    state.mesh.reload(std::move(parts->mesh), now);
    state.mesh.forget_keys_of(reload.changed_hosts);
    // What failed with the old configuration is tried with the new one.
    state.connector.retry_now(now);
    state.connector.on_time(now);
    state.turn(now);
}

void Node::stop(Time now) {
    auto& state = *state_;
    state.is_stopping = true;
    state.connector.set_targets({}, {}, now);
    state.connector.abandon_sought();
    state.auto_connect.end();
    state.mesh.stop();
    state.turn(now);
    for (const auto& [id, entry] : state.peers)
        state.effects.emplace_back(Close{id, Close::How::now});
    state.peers.clear();
}

void Node::device_closing(Time now) {
    state_->bring_device(State::Bring::down);
    state_->turn(now);
}

void Node::set_descriptor_limit(std::size_t most) { state_->admission.set_pending_limit(most / 4); }

// --- meta connections ----------------------------------------------------------------------------

Result<PeerId> Node::accepted(const Endpoint& remote, int descriptor, Time now) {
    auto& state = *state_;
    if (state.is_stopping) return failure(Errc::closed, "Shutting down");
    if (now < state.retreat_until) return failure(Errc::refused, "Keeping away from the mesh");
    const PeerId id{++state.last_peer};
    const auto verdict = state.admission.arrive(remote.address, id, now);
    if (verdict.victim) {
        state.effects.emplace_back(Close{*verdict.victim, Close::How::now});
        state.forget(*verdict.victim, now);
    }
    if (!verdict.is_admitted) {
        if (state.admission.may_log(remote.address, now))
            state.log.print(Level::connections, Severity::notice,
                            "Throttling incoming connections from {}", remote.text());
        state.turn(now);
        return failure(Errc::exhausted, "Throttling");
    }
    state.log.print(Level::connections, Severity::notice, "Connection from {}", remote.text());
    state.peers.emplace(id, State::Entry{.peer = peer::Peer::accepted(state.peer_settings, remote,
                                                                      state.random, state.log, now),
                                         .descriptor = descriptor});
    state.turn(now);
    return id;
}

void Node::set_local_address(PeerId peer, const Address& local) {
    if (auto* entry = state_->find(peer)) entry->local = local;
}

void Node::connected(PeerId peer, int descriptor, Time now) {
    auto* entry = state_->find(peer);
    if (entry == nullptr || entry->peer.state() != peer::State::connecting) return;
    state_->log.print(Level::connections, Severity::info, "Connected to {}", entry->peer.label());
    entry->descriptor = descriptor;
    entry->peer.connected();
    state_->turn(now);
}

void Node::connect_failed(PeerId peer, std::string_view reason, Time now) {
    const auto* entry = state_->find(peer);
    if (entry == nullptr) return;
    const auto& proxies = entry->proxies;
    state_->log.print(Level::connections, Severity::info, "Error while connecting to {}: {}{}",
                      entry->peer.label(),
                      proxies.empty() ? "" : "proxy " + proxies.front().text() + ": ", reason);
    if (!state_->try_next_proxy(peer)) state_->forget(peer, now);
    state_->turn(now);
}

void Node::receive(PeerId peer, Bytes bytes, Time now) {
    auto* entry = state_->find(peer);
    if (entry == nullptr) return;
    const auto understood = entry->peer.receive(bytes, now);
    // What was understood before an error counts, unless nothing was proven yet.
    if (understood || entry->peer.is_authenticated()) state_->drain(peer, now);
    if (!understood) state_->fail(peer, understood.error(), now);
    state_->turn(now);
}

void Node::closed(PeerId peer, std::string_view reason, Time now) {
    const auto* entry = state_->find(peer);
    if (entry == nullptr) return;
    if (state_->ask_proxy_again(peer, now)) return state_->turn(now);
    const auto label = entry->peer.label();
    if (reason.empty())
        state_->log.print(Level::connections, Severity::notice, "Connection closed by {}", label);
    else
        state_->log.print(Level::connections, Severity::error, "Metadata socket error for {}: {}",
                          label, reason);
    state_->log.print(Level::connections, Severity::notice, "Closing connection with {}", label);
    state_->forget(peer, now);
    state_->turn(now);
}

std::vector<std::byte> Node::take_outgoing(PeerId peer) {
    auto* entry = state_->find(peer);
    if (entry == nullptr) return {};
    auto bytes = entry->peer.take_outgoing(state_->now);
    if (bytes.empty()) entry->is_woken = false;
    return bytes;
}

void Node::written(PeerId peer, std::size_t count, Time now) {
    state_->now = now;
    if (auto* entry = state_->find(peer)) entry->peer.written(count, now);
    if (state_->mesh.is_telling(peer)) state_->turn(now);
}

// --- a data plane elsewhere ----------------------------------------------------------------------

void Node::give_away_plane() {
    state_->orders.emplace_back(SetSettings{state_->plane->settings()});
    state_->plane.reset();
}

std::vector<PlaneOrder> Node::take_orders() { return std::exchange(state_->orders, {}); }

void Node::met(std::vector<plane::Event> events, Time now) {
    for (auto& event : events) state_->apply(event, now);
    state_->turn(now);
}

void Node::set_device_bytes(const plane::DeviceBytes& carried) { state_->device_bytes = carried; }

// --- answers -------------------------------------------------------------------------------------

void Node::resolved(QueryId query, Result<std::vector<Endpoint>> endpoints, Time now) {
    auto& state = *state_;
    if (const auto wanted = state.connector_queries.find(query);
        wanted != state.connector_queries.end()) {
        const auto name = std::move(wanted->second);
        state.connector_queries.erase(wanted);
        state.connector.resolved(name, std::move(endpoints), now);
    } else if (const auto asked = state.proxy_queries.find(query);
               asked != state.proxy_queries.end()) {
        const auto id = asked->second;
        state.proxy_queries.erase(asked);
        state.proxy_resolved(id, std::move(endpoints), now);
    }
    state.turn(now);
}

void Node::host_loaded(QueryId query, Result<config::HostSettings> host, Time now) {
    auto& state = *state_;
    if (const auto wanted = state.connector_queries.find(query);
        wanted != state.connector_queries.end()) {
        const auto name = std::move(wanted->second);
        state.connector_queries.erase(wanted);
        state.connector.host_loaded(name, std::move(host), now);
    } else if (const auto sought = state.key_queries.find(query);
               sought != state.key_queries.end()) {
        const auto name = std::move(sought->second);
        state.key_queries.erase(sought);
        state.mesh.key_loaded(name, host, now);
    } else if (const auto waiting = state.host_queries.find(query);
               waiting != state.host_queries.end()) {
        const auto id = waiting->second;
        state.host_queries.erase(waiting);
        if (auto* entry = state.find(id)) {
            const auto accepted = state.provide_host(*entry, std::move(host), now);
            if (!accepted)
                state.fail(id, accepted.error(), now);
            else
                state.drain(id, now);
        }
    }
    state.turn(now);
}

void Node::hosts_scanned(std::vector<std::string> with_address, Time now) {
    state_->now = now;
    state_->hosts_with_address = {std::make_move_iterator(with_address.begin()),
                                  std::make_move_iterator(with_address.end())};
}

void Node::recalled(QueryId query, const std::vector<Endpoint>& recent, Time now) {
    auto& state = *state_;
    const auto wanted = state.recall_queries.find(query);
    if (wanted == state.recall_queries.end()) return;
    const auto name = std::move(wanted->second);
    state.recall_queries.erase(wanted);
    state.recalled(name, recent);
    state.read_host_of_target(name);
    state.turn(now);
}

// --- packets -------------------------------------------------------------------------------------

void Node::from_device(packet::Batch& frames, Time now) {
    state_->plane->from_device(frames, now, state_->outbox);
    state_->turn(now);
}

void Node::from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                        SocketIndex socket, Time now) {
    state_->plane->from_network(datagrams, sources, socket, now, state_->outbox);
    state_->turn(now);
}

plane::Outbox& Node::outbox() { return state_->outbox; }

void Node::datagram_too_big(NodeIndex node, std::size_t frame_bytes, Time now) {
    state_->mesh.datagram_too_big(node, frame_bytes);
    state_->turn(now);
}

// --- time ----------------------------------------------------------------------------------------

Time Node::deadline() const {
    auto next = std::min(
        {state_->mesh.deadline(), state_->connector.deadline(), state_->auto_connect.deadline()});
    for (const auto& [id, entry] : state_->peers) next = std::min(next, entry.peer.deadline());
    return next;
}

void Node::on_time(Time now) {
    auto& state = *state_;
    std::vector<std::pair<PeerId, Error>> failed;
    for (auto& [id, entry] : state.peers) {
        if (now < entry.peer.deadline()) continue;
        if (auto kept = entry.peer.on_time(now); !kept) failed.emplace_back(id, kept.error());
    }
    for (const auto& [id, error] : failed) state.fail(id, error, now);
    state.auto_connect_on_time(now);
    state.connector.on_time(now);
    state.mesh.on_time(now);
    state.turn(now);
}

std::vector<Effect> Node::take_effects() { return std::exchange(state_->effects, {}); }

// --- the operator --------------------------------------------------------------------------------

void Node::dump_connections() const {
    constexpr unsigned status_tree = 0x100;
    const auto& state = *state_;
    const auto& tree = state.mesh.graph().tree_neighbours();
    state.log.print(Level::always, Severity::debug, "Connections:");
    for (const auto& [id, entry] : state.peers) {
        const auto node = state.mesh.node_of(id);
        const bool in_tree = node && std::ranges::find(tree, *node) != tree.end();
        const auto unsent = entry.peer.unsent_bytes();
        state.log.print(Level::always, Severity::debug,
                        " {} at {} options {:x} socket {} status {:04x} outbuf {}/0/{}",
                        entry.peer.name().empty() ? "<unknown>" : entry.peer.name(),
                        entry.peer.destination().text(), entry.peer.options(), entry.descriptor,
                        entry.peer.status_word() | (in_tree ? status_tree : 0U), unsent, unsent);
    }
    state.log.print(Level::always, Severity::debug, "End of connections.");
}

void Node::dump_state() const {
    dump_statistics();
    state_->mesh.dump();
}

void Node::dump_statistics() const {
    const auto& state = *state_;
    const auto bytes = state.plane ? state.plane->device_bytes() : state.device_bytes;
    state.log.print(Level::always, Severity::debug,
                    "Statistics for {} {}:", state.device.description, state.device.device);
    state.log.print(Level::always, Severity::debug, " total bytes in:  {:10}", bytes.in);
    state.log.print(Level::always, Severity::debug, " total bytes out: {:10}", bytes.out);
}

void Node::purge(Time now) {
    state_->mesh.purge();
    state_->turn(now);
}

void Node::retry(Time now) {
    auto& state = *state_;
    std::vector<std::pair<PeerId, Error>> failed;
    for (auto& [id, entry] : state.peers)
        if (auto sent = entry.peer.ping(now); !sent) failed.emplace_back(id, sent.error());
    for (const auto& [id, error] : failed) state.fail(id, error, now);
    state.connector.retry_now(now);
    state.connector.on_time(now);
    state.mesh.flush(now);
    state.turn(now);
}

// --- for those who watch -------------------------------------------------------------------------

std::vector<std::string> Node::reachable_nodes() const {
    const auto& graph = state_->mesh.graph();
    std::vector<std::string> names;
    for (const auto node : graph.nodes())
        if (graph.path(node).reachable) names.push_back(graph.name(node));
    return names;
}

const mesh::Mesh& Node::mesh() const { return state_->mesh; }
const plane::Plane& Node::plane() const {
    TINC_ASSERT(state_->plane);
    return *state_->plane;
}

}  // namespace tinc::node
