#include "tinc/graph/graph.hpp"

#include "tinc/base/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace tinc::graph {

Graph::Graph(std::string own_name) {
    const auto [entry, is_new] = names_.emplace(std::move(own_name), self);
    auto& ourselves = nodes_.emplace_back();
    ourselves.name = &entry->first;
    ourselves.path = shortest_paths().front();
}

Result<NodeIndex> Graph::add_node(std::string_view name) {
    if (const auto known = find(name)) return *known;
    if (names_.size() >= limits::nodes)
        return failure(Errc::exhausted, fmt::format("too many nodes to add {}: the limit is {}",
                                                    name, limits::nodes));
    const NodeIndex node = free_slot();
    const auto [entry, is_new] = names_.emplace(name, node);
    node_at(node).name = &entry->first;
    topology_changed();
    return node;
}

std::optional<NodeIndex> Graph::find(std::string_view name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) return std::nullopt;
    return found->second;
}

const std::string& Graph::name(NodeIndex node) const {
    TINC_ASSERT(exists(node));
    return *node_at(node).name;
}

bool Graph::exists(NodeIndex node) const {
    return to_index(node) < nodes_.size() && node_at(node).name != nullptr;
}

void Graph::remove_node(NodeIndex node) {
    TINC_ASSERT(exists(node) && node != self);
    auto& removed = node_at(node);
    while (!removed.edges.empty()) remove_edge(node, removed.edges.begin()->second.edge.to);
    while (!removed.edges_from.empty()) remove_edge(*removed.edges_from.begin(), node);
    while (!removed.subnets.empty()) remove_subnet(node, wire::Subnet(*removed.subnets.begin()));
    std::erase(tree_neighbours_, node);
    names_.erase(names_.find(*removed.name));
    removed = Node{};
    free_slots_.push_back(node);
    topology_changed();
}

std::vector<NodeIndex> Graph::nodes() const {
    std::vector<NodeIndex> all;
    all.reserve(names_.size());
    for (const auto& [name, node] : names_) all.push_back(node);
    return all;
}

std::size_t Graph::node_count() const { return names_.size(); }

const Edge* Graph::find_edge(NodeIndex from, NodeIndex to) const {
    const auto* record = find_record(from, to);
    return record != nullptr ? &record->edge : nullptr;
}

Result<void> Graph::set_edge(Edge edge) {
    const auto [from, to] = std::pair(edge.from, edge.to);
    TINC_ASSERT(exists(from) && exists(to) && from != to);
    auto& edges = node_at(from).edges;
    if (const auto known = edges.find(name(to)); known != edges.end()) {
        if (known->second.edge == edge) return {};
        known->second.edge = std::move(edge);
        topology_changed();
        return {};
    }
    if (edge_count_ >= limits::edges)
        return failure(Errc::exhausted,
                       fmt::format("too many edges to add {} to {}: the limit is {}", name(from),
                                   name(to), limits::edges));
    const bool has_reverse = find_edge(to, from) != nullptr;
    edges.emplace(name(to), EdgeRecord{.edge = std::move(edge), .has_reverse = has_reverse});
    node_at(to).edges_from.insert(from);
    mark_reverse(to, from, true);
    ++edge_count_;
    topology_changed();
    return {};
}

bool Graph::remove_edge(NodeIndex from, NodeIndex to) {
    if (find_record(from, to) == nullptr) return false;
    node_at(from).edges.erase(name(to));
    node_at(to).edges_from.erase(from);
    mark_reverse(to, from, false);
    --edge_count_;
    topology_changed();
    return true;
}

std::vector<const Edge*> Graph::edges_from(NodeIndex from) const {
    TINC_ASSERT(exists(from));
    std::vector<const Edge*> edges;
    edges.reserve(node_at(from).edges.size());
    for (const auto& [to, record] : node_at(from).edges) edges.push_back(&record.edge);
    return edges;
}

bool Graph::has_edge_to(NodeIndex to) const {
    TINC_ASSERT(exists(to));
    return !node_at(to).edges_from.empty();
}

std::vector<const Edge*> Graph::edges_by_weight() const {
    std::vector<const Edge*> edges;
    edges.reserve(edge_count_);
    for (const auto* record : records_by_weight()) edges.push_back(&record->edge);
    return edges;
}

std::size_t Graph::edge_count() const { return edge_count_; }

Result<bool> Graph::add_subnet(NodeIndex owner, const wire::Subnet& subnet) {
    if (has_subnet(owner, subnet)) return false;
    if (subnet_count() >= limits::subnets)
        return failure(Errc::exhausted,
                       fmt::format("too many subnets to add {} of {}: the limit is {}",
                                   wire::subnet_text(subnet), name(owner), limits::subnets));
    node_at(owner).subnets.insert(subnet);
    listed_subnets_.insert({.subnet = subnet, .owner_name = name(owner), .owner = owner});
    table_.reset();
    return true;
}

bool Graph::remove_subnet(NodeIndex owner, const wire::Subnet& subnet) {
    if (!has_subnet(owner, subnet)) return false;
    node_at(owner).subnets.erase(subnet);
    listed_subnets_.erase({.subnet = subnet, .owner_name = name(owner), .owner = owner});
    table_.reset();
    return true;
}

bool Graph::has_subnet(NodeIndex owner, const wire::Subnet& subnet) const {
    return subnets_of(owner).contains(subnet);
}

const std::set<wire::Subnet>& Graph::subnets_of(NodeIndex owner) const {
    TINC_ASSERT(exists(owner));
    return node_at(owner).subnets;
}

std::vector<OwnedSubnet> Graph::subnets() const {
    std::vector<OwnedSubnet> all;
    all.reserve(listed_subnets_.size());
    for (const auto& [subnet, name, owner] : listed_subnets_)
        all.push_back({.subnet = subnet, .owner = owner});
    return all;
}

std::size_t Graph::subnet_count() const { return listed_subnets_.size(); }

void Graph::set_broadcast_subnets(std::vector<wire::Subnet> subnets) {
    broadcast_subnets_ = std::move(subnets);
    table_.reset();
}

bool Graph::is_dirty() const { return dirty_; }

std::vector<ReachabilityChange> Graph::recompute() {
    if (!dirty_) return {};
    const auto paths = shortest_paths();
    std::vector<ReachabilityChange> changes;
    for (const auto& [name, node] : names_) {
        const Path& path = paths[to_index(node)];
        if (path.reachable != node_at(node).path.reachable)
            changes.push_back({.node = node, .reachable = path.reachable});
        node_at(node).path = path;
    }
    tree_neighbours_ = spanning_tree_neighbours();
    dirty_ = false;
    table_.reset();
    return changes;
}

const Path& Graph::path(NodeIndex node) const {
    TINC_ASSERT(exists(node));
    return node_at(node).path;
}

const std::vector<NodeIndex>& Graph::tree_neighbours() const { return tree_neighbours_; }

std::shared_ptr<const ForwardingTable> Graph::forwarding_table() const {
    if (!table_) table_ = std::make_shared<const ForwardingTable>(make_forwarding_table());
    return table_;
}

bool Graph::ListedSubnet::operator<(const ListedSubnet& other) const {
    return std::tie(subnet, owner_name) < std::tie(other.subnet, other.owner_name);
}

Graph::Node& Graph::node_at(NodeIndex node) { return nodes_[to_index(node)]; }

const Graph::Node& Graph::node_at(NodeIndex node) const { return nodes_[to_index(node)]; }

NodeIndex Graph::free_slot() {
    if (free_slots_.empty()) {
        nodes_.emplace_back();
        return NodeIndex{static_cast<std::uint32_t>(nodes_.size() - 1)};
    }
    const NodeIndex slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
}

const Graph::EdgeRecord* Graph::find_record(NodeIndex from, NodeIndex to) const {
    if (!exists(from) || !exists(to)) return nullptr;
    const auto& edges = node_at(from).edges;
    const auto found = edges.find(name(to));
    return found != edges.end() ? &found->second : nullptr;
}

void Graph::mark_reverse(NodeIndex from, NodeIndex to, bool has_reverse) {
    auto& edges = node_at(from).edges;
    if (const auto found = edges.find(name(to)); found != edges.end())
        found->second.has_reverse = has_reverse;
}

std::vector<const Graph::EdgeRecord*> Graph::records_by_weight() const {
    std::vector<std::uint32_t> rank(nodes_.size());  // compares like the name, but faster
    std::uint32_t next_rank = 0;
    for (const auto& [name, node] : names_) rank[to_index(node)] = next_rank++;

    std::vector<std::tuple<std::int32_t, std::uint32_t, std::uint32_t, const EdgeRecord*>> keyed;
    keyed.reserve(edge_count_);
    for (const auto& node : nodes_)
        for (const auto& [name, record] : node.edges)
            keyed.emplace_back(record.edge.weight, rank[to_index(record.edge.from)],
                               rank[to_index(record.edge.to)], &record);
    std::ranges::sort(keyed);

    std::vector<const EdgeRecord*> records;
    records.reserve(keyed.size());
    for (const auto& key : keyed) records.push_back(std::get<const EdgeRecord*>(key));
    return records;
}

ForwardingTable Graph::make_forwarding_table() const {
    // A node that was removed since the last recompute() may be on the way to others. Its slot is
    // empty, or holds a new node; neither is reachable.
    const auto is_usable = [this](const Path& path) {
        return path.reachable && node_at(path.nexthop).path.reachable &&
               node_at(path.via).path.reachable;
    };
    std::vector<ForwardingTable::Hop> hops(nodes_.size());
    for (const auto& [name, node] : names_) {
        const Path& path = node_at(node).path;
        if (is_usable(path))
            hops[to_index(node)] = {.reachable = true,
                                    .nexthop = path.nexthop,
                                    .via = path.via,
                                    .options = path.options};
    }
    std::vector<ForwardingTable::Entry> entries;
    entries.reserve(broadcast_subnets_.size() + listed_subnets_.size());
    for (const auto& subnet : broadcast_subnets_)
        entries.push_back({.subnet = subnet, .owner = ForwardingTable::everybody});
    for (const auto& [subnet, name, owner] : listed_subnets_)
        entries.push_back({.subnet = subnet, .owner = owner});
    return {entries, std::move(hops), tree_neighbours_};
}

void Graph::topology_changed() {
    dirty_ = true;
    ++topology_version_;
    table_.reset();
}

}  // namespace tinc::graph
