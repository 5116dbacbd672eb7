#include "tinc/mesh/mesh.hpp"

#include "tinc/wire/request_log.hpp"

#include <algorithm>

namespace tinc::mesh {

using wire::Request;

Mesh::Mesh(MeshSettings settings, RandomSource& random, LogSink& log)
    : settings_(std::move(settings)),
      random_(random),
      log_(log),
      graph_(settings_.name),
      policy_(settings_.name, settings_.trust),
      seen_(random) {
    for (const auto& subnet : settings_.subnets) {
        const auto added = graph_.add_subnet(graph::Graph::self, subnet);
        if (!added) log_.print(Level::always, Severity::error, "{}", added.error().what);
    }
    adopt_host_subnets();
    graph_.set_broadcast_subnets(settings_.broadcast_subnets);
    member(graph::Graph::self).options = settings_.options;
    table_is_stale_ = true;
}

void Mesh::announce_own_subnets() {
    for (const auto& subnet : graph_.subnets_of(graph::Graph::self))
        call_subnet_script(graph::Graph::self, subnet, "up");
}

void Mesh::start(std::span<const Endpoint> listening, Time now) {
    listening_.assign(listening.begin(), listening.end());
    next_housekeeping_ = now + settings_.ping_timeout;
    // A tenth of jitter keeps meshes that were started together from renewing all keys at once.
    const auto tenth = std::chrono::milliseconds(settings_.key_expire) / 10;
    keys_expire_ =
        now + settings_.key_expire - tenth +
        std::chrono::milliseconds(random_.below(static_cast<std::uint32_t>(2 * tenth.count())));
}

void Mesh::reload(MeshSettings settings, Time now) {
    replace_subnets(graph::Graph::self, settings_.subnets, settings.subnets);
    replace_host_subnets(settings.host_subnets);
    graph_.set_broadcast_subnets(settings.broadcast_subnets);
    table_is_stale_ = true;
    if (keys_expire_ != never) keys_expire_ = std::min(keys_expire_, now + settings.key_expire);
    if (next_housekeeping_ != never)
        next_housekeeping_ = std::min(next_housekeeping_, now + settings.ping_timeout);
    if (settings.strict_keys != settings_.strict_keys) restart_key_searches();
    settings_ = std::move(settings);
}

void Mesh::stop() {
    for (const auto& [peer, connection] : connections_) effects_.emplace_back(ClosePeer{peer});
    connections_.clear();
    news_.clear();
    for (const auto node : graph_.nodes()) {
        member(node).connection.reset();
        graph_.remove_edge(graph::Graph::self, node);
    }
    for (const auto& change : graph_.recompute())
        if (!change.reachable) became_unreachable(change.node, Time{});
    for (const auto& subnet : graph_.subnets_of(graph::Graph::self))
        call_subnet_script(graph::Graph::self, subnet, "down");
}

Result<void> Mesh::activated(const Activation& activation, Time now) {
    TINC_TRY(const auto node, graph_.add_node(activation.name));
    if (const auto old = member(node).connection) {
        log_.print(Level::connections, Severity::info,
                   "Established a second connection with {}, closing old connection",
                   activation.label);
        effects_.emplace_back(ClosePeer{*old});
        connections_.erase(*old);
        news_.erase(*old);
        graph_.remove_edge(graph::Graph::self, node);
        // Its keys and addresses may be of a process that is gone: begin anew.
        next_recompute_ = Time::min();
        settle(now);
    }
    connections_[activation.peer] = {node, activation.label, activation.options};
    auto& target = member(node);
    target.connection = activation.peer;
    if (activation.key) target.key = activation.key;
    effects_.emplace_back(SetName{node, activation.name});
    for (const auto limit : {activation.pmtu.value_or(settings_.pmtu), settings_.pmtu}) {
        target.path_mtu.lower_limit(limit);
        target.udp_path.lower_limit(limit);
    }
    publish_mtu(node);

    send_everything(activation.peer);
    // Which of our interfaces leads to a link-local address is nobody else's concern.
    const Endpoint told{activation.address.address.without_scope(), activation.address.port};
    if (told != activation.address && !target.remote) set_remote(node, activation.address);
    std::optional<wire::EdgeAddress> local;
    if (activation.local) local.emplace(*activation.local);
    const graph::Edge edge{graph::Graph::self, node, wire::EdgeAddress(told), activation.options,
                           activation.weight,  local};
    TINC_CHECK(graph_.set_edge(edge));
    if (policy_.passes_on())
        broadcast(Request::add_edge, add_edge_line(edge));
    else
        send(activation.peer, add_edge_line(edge));
    return {};
}

void Mesh::connection_lost(PeerId peer, Time now) {
    const auto lost = connections_.find(peer);
    if (lost == connections_.end()) return;
    const auto node = lost->second.node;
    connections_.erase(lost);
    news_.erase(peer);
    member(node).connection.reset();
    if (graph_.remove_edge(graph::Graph::self, node))
        retell(Request::del_edge, del_edge_line(settings_.name, graph_.name(node)));
    if (connections_.empty()) next_recompute_ = Time::min();
    settle(now);
    if (connections_.empty()) forget_unreachable();
}

Result<void> Mesh::receive(PeerId peer, Request request, std::string_view line, Time now) {
    TINC_ASSERT(connections_.contains(peer));
    switch (request) {
        case Request::add_subnet:
            return on_add_subnet(peer, line, now);
        case Request::del_subnet:
            return on_del_subnet(peer, line, now);
        case Request::add_edge:
            return on_add_edge(peer, line, now);
        case Request::del_edge:
            return on_del_edge(peer, line, now);
        case Request::key_changed:
            return on_key_changed(peer, line, now);
        case Request::req_key:
            return on_req_key(peer, line, now);
        case Request::ans_key:
            return on_ans_key(peer, line, now);
        case Request::id:
        case Request::metakey:
        case Request::challenge:
        case Request::chal_reply:
        case Request::ack:
        case Request::status:
        case Request::error:
        case Request::termreq:
        case Request::ping:
        case Request::pong:
        case Request::packet:
        case Request::control:
        case Request::req_pubkey:
        case Request::ans_pubkey:
        case Request::sptps_packet:
            break;
        case Request::udp_info:
            return on_udp_info(peer, line, now);
        case Request::mtu_info:
            return on_mtu_info(peer, line, now);
    }
    return failure(Errc::refused, "Request is not for the mesh");
}

std::optional<PeerId> Mesh::connection_towards(NodeIndex node) const {
    if (!graph_.exists(node) || node == graph::Graph::self) return std::nullopt;
    if (!graph_.path(node).reachable) return std::nullopt;
    const auto* next = find_member(graph_.path(node).nexthop);
    return next == nullptr ? std::nullopt : next->connection;
}

std::optional<NodeIndex> Mesh::node_of(PeerId peer) const {
    const auto found = connections_.find(peer);
    if (found == connections_.end()) return std::nullopt;
    return found->second.node;
}

std::optional<PeerId> Mesh::connection_of(std::string_view name) const {
    const auto node = graph_.find(name);
    const auto* known = node ? find_member(*node) : nullptr;
    return known == nullptr ? std::nullopt : known->connection;
}

Time Mesh::deadline() const {
    auto next =
        std::min({next_housekeeping_, keys_expire_, refresh_due_, corrections_due_, next_look_});
    if (!probe_times_.empty()) next = std::min(next, probe_times_.begin()->first);
    if (graph_.is_dirty()) next = std::min(next, next_recompute_);
    return next;
}

void Mesh::on_time(Time now) {
    if (now >= next_housekeeping_) housekeeping(now);
    if (now >= keys_expire_) expire_keys(now);
    if (now >= refresh_due_) refresh_neighbours();
    if (now >= corrections_due_) send_owed_corrections(now);
    if (now >= next_look_) look_after_tunnels(now);
    while (!probe_times_.empty() && probe_times_.begin()->first <= now)
        run_probes(probe_times_.begin()->second, now);
    settle(now);
}

void Mesh::housekeeping(Time now) {
    next_housekeeping_ = now + settings_.ping_timeout;
    const auto deleted = seen_.forget_older_than(settings_.ping_interval, now);
    log_.print(Level::everything, Severity::debug, "Aging past requests: deleted {}, left {}",
               deleted, seen_.size());
    check_contradictions(now);
    expire_macs(now);
    if (are_keys_worn_) expire_keys(now);
    renew_sessions(false, now);
}

void Mesh::note_change(Time now) {
    if (refresh_due_ == never) first_change_ = now;
    refresh_due_ = std::min(now + refresh_after_rest, first_change_ + refresh_at_least);
}

void Mesh::refresh_neighbours() {
    refresh_due_ = never;
    for (const auto& [peer, connection] : connections_) send_everything(peer);
}

void Mesh::settle(Time now) {
    if (graph_.is_dirty() || table_is_stale_) note_change(now);
    if (graph_.is_dirty()) {
        if (now < next_recompute_) return;
        next_recompute_ = now + recompute_pause;
        const auto changes = graph_.recompute();
        adopt_announced_addresses();
        // The table goes first: what scripts and keys cause must already find the new paths.
        effects_.emplace_back(PublishTable{});
        table_is_stale_ = false;
        reachability_changed(changes, now);
    }
    if (std::exchange(table_is_stale_, false)) effects_.emplace_back(PublishTable{});
}

std::vector<Effect> Mesh::take_effects() { return std::exchange(effects_, {}); }

void Mesh::flush(Time now) {
    for (const auto node : graph_.nodes()) {
        if (find_member(node) == nullptr || !member(node).path_mtu.is_running()) continue;
        member(node).path_mtu.hurry(now);
        run_probes(node, now);
    }
    housekeeping(now);
}

void Mesh::send(PeerId peer, std::string line) {
    effects_.emplace_back(SendLine{peer, std::move(line), false});
}

void Mesh::broadcast(Request request, const std::string& line) {
    print_request(log_, wire::Course::sending, request, "everyone (BROADCAST)", line);
    for (const auto& [peer, connection] : connections_)
        effects_.emplace_back(SendLine{peer, line, true});
}

void Mesh::retell(Request request, const std::string& line) {
    if (policy_.passes_on()) broadcast(request, line);
}

void Mesh::forward(PeerId from, Request request, std::string_view line) {
    if (!policy_.passes_on()) return;
    print_request(log_, wire::Course::forwarding, request, connections_.at(from).label, line);
    for (const auto& [peer, connection] : connections_)
        if (peer != from) effects_.emplace_back(SendLine{peer, std::string(line), true});
}

Mesh::Member& Mesh::member(NodeIndex node) {
    if (to_index(node) >= members_.size()) members_.resize(to_index(node) + 1);
    return members_[to_index(node)];
}

const Mesh::Member* Mesh::find_member(NodeIndex node) const {
    return to_index(node) < members_.size() ? &members_[to_index(node)] : nullptr;
}

const std::string& Mesh::neighbour_name(PeerId peer) const {
    return graph_.name(connections_.at(peer).node);
}

std::string Mesh::host_text(NodeIndex node) const {
    if (node == graph::Graph::self) return "MYSELF";
    const auto* known = find_member(node);
    return known != nullptr && known->remote ? known->remote->text() : "(null)";
}

std::string Mesh::label(NodeIndex node) const {
    return fmt::format("{} ({})", graph_.name(node), host_text(node));
}

}  // namespace tinc::mesh
