#include "ourselves.hpp"

#include "tinc/mesh/mesh.hpp"
#include "tinc/wire/request_log.hpp"

#include <algorithm>

namespace tinc::mesh {

namespace {

using wire::Request;

/// More contradictions of both kinds without a quiet round mean that somebody else has our name.
constexpr std::uint32_t contradictions_tolerated = 100;
constexpr std::chrono::seconds shortest_retreat{10};
constexpr std::chrono::seconds longest_retreat{3'600};

}  // namespace

Result<void> Mesh::on_add_subnet(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_add_subnet(line));
    if (seen_.was_seen(line, now)) return {};
    if (!policy_.hears_of_subnets(neighbour_name(peer), message.owner)) {
        log_.print(Level::protocol, Severity::warning,
                   "Ignoring indirect ADD_SUBNET from {} for {}", connections_.at(peer).label,
                   wire::subnet_text(message.subnet));
        return {};
    }
    const auto known = graph_.find(message.owner);
    if (known && graph_.has_subnet(*known, message.subnet)) {
        if (policy_.restore(message.owner, message.subnet))
            forward(peer, Request::add_subnet, line);
        return {};
    }
    if (known == self) {
        log_.print(Level::protocol, Severity::warning, "Got ADD_SUBNET from {} for ourself",
                   connections_.at(peer).label);
        correct(peer, message.subnet, now);
        return {};
    }
    if (policy_.is_strict()) {
        ignore_unauthorised(peer, message, line, now);
        return {};
    }
    TINC_TRY(const auto owner, known_or_new(peer, message.owner, now));
    TINC_TRY(const bool added, graph_.add_subnet(owner, message.subnet));
    TINC_ASSERT(added);
    table_is_stale_ = true;
    forward(peer, Request::add_subnet, line);
    if (graph_.path(owner).reachable) call_subnet_script(owner, message.subnet, "up");
    if (const auto mac = wire::mac_of(message.subnet)) mac_moved(*mac);
    return {};
}

/// Others may believe it.
void Mesh::ignore_unauthorised(PeerId peer, const wire::AddSubnet& message, std::string_view line,
                               Time now) {
    const auto& label = connections_.at(peer).label;
    const bool is_worth_telling = told_refusals_.allows(neighbour_name(peer), now);
    log_.print(is_worth_telling ? Level::always : Level::protocol, Severity::warning,
               "Ignoring unauthorized ADD_SUBNET from {}: {}", label,
               wire::subnet_text(message.subnet));
    forward(peer, Request::add_subnet, line);
}

Result<void> Mesh::on_del_subnet(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_del_subnet(line));
    if (seen_.was_seen(line, now)) return {};
    if (!policy_.hears_of_subnets(neighbour_name(peer), message.owner)) {
        log_.print(Level::protocol, Severity::warning,
                   "Ignoring indirect DEL_SUBNET from {} for {}", connections_.at(peer).label,
                   wire::subnet_text(message.subnet));
        return {};
    }
    const auto owner = graph_.find(message.owner);
    if (!owner || !graph_.has_subnet(*owner, message.subnet)) {
        log_.print(Level::protocol, Severity::warning,
                   "Got DEL_SUBNET from {} for {} which does not appear in his subnet tree",
                   connections_.at(peer).label, message.owner);
        if (policy_.is_strict()) forward(peer, Request::del_subnet, line);
        return {};
    }
    if (*owner == self) {
        log_.print(Level::protocol, Severity::warning, "Got DEL_SUBNET from {} for ourself",
                   connections_.at(peer).label);
        correct(peer, message.subnet, now);
        return {};
    }
    if (policy_.is_strict()) {
        if (policy_.withdraw(message.owner, message.subnet))
            forward(peer, Request::del_subnet, line);
        return {};
    }
    forward(peer, Request::del_subnet, line);
    if (graph_.path(*owner).reachable) call_subnet_script(*owner, message.subnet, "down");
    graph_.remove_subnet(*owner, message.subnet);
    table_is_stale_ = true;
    return {};
}

Result<void> Mesh::on_add_edge(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_add_edge(line));
    if (seen_.was_seen(line, now)) return {};
    if (!policy_.hears_of_edge(neighbour_name(peer), message.from, message.to)) {
        log_.print(Level::protocol, Severity::warning, "Ignoring indirect ADD_EDGE from {}",
                   connections_.at(peer).label);
        return {};
    }
    TINC_TRY(const auto from, known_or_new(peer, message.from, now));
    TINC_TRY(const auto to, known_or_new(peer, message.to, now));
    const auto* known = graph_.find_edge(from, to);
    graph::Edge edge{
        from, to, message.address, message.options, message.weight, message.local_address};
    const bool has_local = edge.local_address && edge.local_address->endpoint;
    if (known != nullptr && !has_local) edge.local_address = known->local_address;
    if (known != nullptr && *known == edge) return {};
    if (from == self) {
        log_.print(Level::protocol, Severity::warning, "Got ADD_EDGE from {} for ourself which {}",
                   connections_.at(peer).label,
                   known != nullptr ? "does not match existing entry" : "does not exist");
        if (known == nullptr) ++contradicting_adds_;
        correct(peer, message.to, now);
        return {};
    }
    TINC_CHECK(graph_.set_edge(edge));
    forward(peer, Request::add_edge, line);
    return {};
}

Result<void> Mesh::on_del_edge(PeerId peer, std::string_view line, Time now) {
    TINC_TRY(const auto message, wire::parse_del_edge(line));
    if (seen_.was_seen(line, now)) return {};
    if (!policy_.hears_of_edge(neighbour_name(peer), message.from, message.to)) {
        log_.print(Level::protocol, Severity::warning, "Ignoring indirect DEL_EDGE from {}",
                   connections_.at(peer).label);
        return {};
    }
    const auto from = graph_.find(message.from);
    const auto to = graph_.find(message.to);
    const auto* known = from && to ? graph_.find_edge(*from, *to) : nullptr;
    if (known == nullptr) {
        log_.print(Level::protocol, Severity::warning,
                   "Got DEL_EDGE from {} which does not appear in the edge tree",
                   connections_.at(peer).label);
        return {};
    }
    if (*from == self) {
        log_.print(Level::protocol, Severity::warning, "Got DEL_EDGE from {} for ourself",
                   connections_.at(peer).label);
        ++contradicting_dels_;
        correct(peer, message.to, now);
        return {};
    }
    forward(peer, Request::del_edge, line);
    graph_.remove_edge(*from, *to);
    return {};
}

/// Answers an announcement about ourselves that is not true; once a second for each thing. What
/// comes in between is answered later, lest the last lie stays.
void Mesh::correct(PeerId peer, const OwnFact& fact, Time now) {
    const auto* subnet = std::get_if<wire::Subnet>(&fact);
    const auto key =
        subnet != nullptr ? wire::subnet_text(*subnet) : "edge " + std::get<std::string>(fact);
    if (corrections_.allows(key, now)) return send(peer, truth_about(fact));
    if (owed_corrections_.size() == most_corrections) return;
    owed_corrections_.insert_or_assign(key, OwedCorrection{peer, fact});
    if (corrections_due_ == never) corrections_due_ = now + std::chrono::seconds(1);
}

void Mesh::send_owed_corrections(Time now) {
    corrections_due_ = never;
    for (const auto& [key, owed] : std::exchange(owed_corrections_, {}))
        if (connections_.contains(owed.peer)) correct(owed.peer, owed.fact, now);
}

std::string Mesh::truth_about(const OwnFact& fact) {
    if (const auto* subnet = std::get_if<wire::Subnet>(&fact)) {
        const bool is_ours = graph_.has_subnet(self, *subnet);
        return subnet_line(is_ours ? Request::add_subnet : Request::del_subnet, self, *subnet);
    }
    const auto& name = std::get<std::string>(fact);
    const auto to = graph_.find(name);
    const auto* edge = to ? graph_.find_edge(self, *to) : nullptr;
    return edge != nullptr ? add_edge_line(*edge) : del_edge_line(settings_.name, name);
}

void Mesh::check_contradictions(Time now) {
    if (now < retreat_over_) return;
    // Both sides of a quarrel answer once a second, so it takes many rounds to be sure. It is over
    // when a round brings nothing new of one kind.
    const auto adds = std::exchange(adds_before_, contradicting_adds_);
    const auto dels = std::exchange(dels_before_, contradicting_dels_);
    if (adds == contradicting_adds_ || dels == contradicting_dels_) {
        contradicting_adds_ = contradicting_dels_ = adds_before_ = dels_before_ = 0;
        retreat_ = std::max(retreat_ / 2, shortest_retreat);
        return;
    }
    if (std::min(contradicting_adds_, contradicting_dels_) <= contradictions_tolerated) return;
    contradicting_adds_ = contradicting_dels_ = adds_before_ = dels_before_ = 0;
    retreat_over_ = now + retreat_;
    log_.print(Level::always, Severity::warning,
               "Possible node with same Name as us! Sleeping {} seconds.", retreat_.count());
    effects_.emplace_back(Retreat{retreat_});
    while (!connections_.empty()) {
        const auto peer = connections_.begin()->first;
        effects_.emplace_back(ClosePeer{peer});
        connection_lost(peer, now);
    }
    retreat_ = std::min(retreat_ * 2, longest_retreat);
}

/// All we know, for a new neighbour: each node's subnets, then its edges. Not those whose address
/// is no number: a node that has no other one ends a tinc 1.0.36. A tunnel server tells of itself.
void Mesh::send_everything(PeerId peer) {
    const auto neighbour = connections_.at(peer).node;
    std::vector<Fact> news;
    for (const auto node : graph_.nodes()) {
        if (!policy_.passes_on() && node != self) continue;
        for (const auto& subnet : graph_.subnets_of(node)) news.push_back({node, subnet});
        for (const auto* edge : graph_.edges_from(node))
            if (edge->address.endpoint && (policy_.passes_on() || edge->to == neighbour))
                news.push_back({node, edge->to});
    }
    std::ranges::reverse(news);
    news_.insert_or_assign(peer, std::move(news));
    tell_more(peer);
}

std::vector<PeerId> Mesh::telling() const {
    std::vector<PeerId> peers;
    peers.reserve(news_.size());
    for (const auto& [peer, news] : news_) peers.push_back(peer);
    return peers;
}

void Mesh::tell_more(PeerId peer) {
    constexpr int lines_at_once = 256;
    auto& news = news_.at(peer);
    for (int lines = 0; lines < lines_at_once && !news.empty(); ++lines) {
        const auto fact = news.back();
        news.pop_back();
        if (!graph_.exists(fact.node)) continue;
        if (const auto* subnet = std::get_if<wire::Subnet>(&fact.what)) {
            if (graph_.has_subnet(fact.node, *subnet) &&
                !policy_.is_withdrawn(graph_.name(fact.node), *subnet))
                send(peer, subnet_line(Request::add_subnet, fact.node, *subnet));
        } else if (const auto* edge = graph_.find_edge(fact.node, std::get<NodeIndex>(fact.what))) {
            send(peer, add_edge_line(*edge));
        }
    }
    if (news.empty()) news_.erase(peer);
}

/// With the last connection gone nobody can contradict us: old news is worth nothing. Nor can it
/// come around again; but a 1.0.36 that is started anew within a second repeats its nonces.
void Mesh::forget_unreachable() {
    seen_.forget_all();
    log_.print(Level::protocol, Severity::debug, "Purging unreachable nodes");
    for (const auto node : graph_.nodes()) {
        if (node == self || graph_.path(node).reachable) continue;
        log_.print(Level::protocol, Severity::debug, "Purging node {}", label(node));
        forget_node(node);
    }
}

void Mesh::purge() {
    retract_unreachable();
    for (const auto node : graph_.nodes()) {
        if (node == self || graph_.path(node).reachable || graph_.has_edge_to(node)) continue;
        forget_node(node);
    }
    table_is_stale_ = true;
}

/// Makes room in a full table. Nobody is told: the others may well reach them.
void Mesh::forget_long_unreachable(Time now) {
    for (const auto node : graph_.nodes()) {
        if (node == self || graph_.path(node).reachable) continue;
        if (now - member(node).unreachable_since >= unreachable_at_least) forget_node(node);
    }
}

/// A node that a host file gives subnets stays, with nothing else.
void Mesh::forget_node(NodeIndex node) {
    set_remote(node, std::nullopt);
    member(node).path_mtu.stop();
    arm_probes(node);
    table_is_stale_ = true;
    if (policy_.is_strict() && !graph_.subnets_of(node).empty()) {
        for (const auto target : targets_of(node)) graph_.remove_edge(node, target);
        return;
    }
    if (const auto announcer = member(node).announcer) {
        auto& announced = member(*announcer).announced_nodes;
        announced -= std::min<std::size_t>(announced, 1);
    }
    graph_.remove_node(node);
    member(node) = Member{};
    effects_.emplace_back(Forget{node});
}

/// Tells the mesh that what unreachable nodes announced is no more.
void Mesh::retract_unreachable() {
    log_.print(Level::protocol, Severity::debug, "Purging unreachable nodes");
    for (const auto node : graph_.nodes()) {
        if (node == self || graph_.path(node).reachable) continue;
        log_.print(Level::protocol, Severity::debug, "Purging node {}", label(node));
        const auto subnets = graph_.subnets_of(node);
        for (const auto& subnet : subnets) {
            const bool is_ours_to_keep = policy_.is_strict();
            if (!is_ours_to_keep || policy_.withdraw(graph_.name(node), subnet))
                retell(Request::del_subnet, subnet_line(Request::del_subnet, node, subnet));
            if (!is_ours_to_keep) graph_.remove_subnet(node, subnet);
        }
        for (const auto target : targets_of(node)) {
            retell(Request::del_edge, del_edge_line(graph_.name(node), graph_.name(target)));
            graph_.remove_edge(node, target);
        }
    }
}

std::vector<NodeIndex> Mesh::targets_of(NodeIndex node) const {
    std::vector<NodeIndex> targets;
    for (const auto* edge : graph_.edges_from(node)) targets.push_back(edge->to);
    return targets;
}

Result<NodeIndex> Mesh::known_or_new(PeerId peer, std::string_view name, Time now) {
    if (const auto known = graph_.find(name)) return *known;
    const auto& connection = connections_.at(peer);
    const auto is_full = [&] {
        return member(connection.node).announced_nodes >= limits::nodes_per_peer;
    };
    if (is_full() || graph_.node_count() >= limits::nodes) forget_long_unreachable(now);
    if (is_full())
        return failure(Errc::exhausted,
                       fmt::format("{} announced more than {} nodes nobody else knows",
                                   connection.label, limits::nodes_per_peer));
    TINC_TRY(const auto node, graph_.add_node(name));
    ++member(connection.node).announced_nodes;
    member(node).announcer = connection.node;
    member(node).unreachable_since = now;
    effects_.emplace_back(SetName{node, std::string(name)});
    return node;
}

std::string Mesh::add_edge_line(const graph::Edge& edge) {
    std::string line;
    append(line, wire::AddEdge{nonce(), graph_.name(edge.from), graph_.name(edge.to), edge.address,
                               edge.options, edge.weight, edge.local_address});
    return line;
}

std::string Mesh::del_edge_line(const std::string& from, const std::string& to) {
    std::string line;
    append(line, wire::DelEdge{nonce(), from, to});
    return line;
}

std::string Mesh::subnet_line(Request request, NodeIndex owner, const wire::Subnet& subnet) {
    std::string line;
    if (request == Request::add_subnet)
        append(line, wire::AddSubnet{{nonce(), graph_.name(owner), subnet}});
    else
        append(line, wire::DelSubnet{{nonce(), graph_.name(owner), subnet}});
    return line;
}

}  // namespace tinc::mesh
