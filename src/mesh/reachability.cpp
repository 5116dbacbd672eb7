#include "ourselves.hpp"

#include "tinc/mesh/mesh.hpp"

#include <algorithm>

namespace tinc::mesh {

namespace {

constexpr std::chrono::seconds first_look_pause{1};

}  // namespace

/// A node that has no UDP address yet takes the one its neighbours announce.
void Mesh::adopt_announced_addresses() {
    for (const auto node : graph_.nodes()) {
        if (node == self) continue;
        const auto& path = graph_.path(node);
        const bool was_sptps = is_sptps(node);
        member(node).options = path.options;
        if (was_sptps != is_sptps(node)) change_protocol(node);
        if (path.reachable && path.announced_address && !member(node).remote)
            set_remote(node, path.announced_address);
    }
}

void Mesh::reachability_changed(std::span<const graph::ReachabilityChange> changes, Time now) {
    const auto had_company = has_company_;
    has_company_ = std::ranges::any_of(graph_.nodes(), [&](const NodeIndex node) {
        return node != self && graph_.path(node).reachable;
    });
    if (has_company_ && !had_company) effects_.emplace_back(CompanyChanged{true});
    for (const auto& change : changes)
        change.reachable ? became_reachable(change.node, now)
                         : became_unreachable(change.node, now);
    if (had_company && !has_company_) effects_.emplace_back(CompanyChanged{false});
}

void Mesh::became_reachable(NodeIndex node, Time now) {
    log_.print(Level::traffic, Severity::debug, "Node {} became reachable", label(node));
    auto& target = member(node);
    target.last_key_request = Time::min();
    // Its key may have come in the same breath as the edge that leads to it, and is kept.
    if (target.sealing && (target.options & wire::option::pmtu_discovery) != 0)
        target.path_mtu.start(now);
    arm_probes(node);
    publish_mtu(node);
    call_host_scripts(node, "up");
    for (const auto& subnet : graph_.subnets_of(node)) call_subnet_script(node, subnet, "up");
    if (is_sptps(node)) {
        next_look_ = std::min(next_look_, now + first_look_pause);
        // One side is first: two requests that cross cost time.
        if (target.connection && settings_.name < graph_.name(node))
            try_tunnel(node, Measure::reach, now);
    } else if (target.connection) {
        give_key(node);
    }
}

/// What was agreed upon with the other protocol is worth nothing.
void Mesh::change_protocol(NodeIndex node) {
    auto& target = member(node);
    lose_key(node);
    if (std::exchange(target.has_our_key, false))
        effects_.emplace_back(SetOpener{node, nullptr, 0});
    lose_session(node);
    target.path_mtu.reset();
    target.udp_path.reset();
    arm_probes(node);
}

void Mesh::became_unreachable(NodeIndex node, Time now) {
    log_.print(Level::traffic, Severity::debug, "Node {} became unreachable", label(node));
    auto& target = member(node);
    lose_key(node);
    target.has_our_key = false;
    effects_.emplace_back(SetOpener{node, nullptr, 0});
    lose_session(node);
    target.path_mtu.reset();
    target.udp_path.reset();
    arm_probes(node);
    publish_mtu(node);
    call_host_scripts(node, "down");
    for (const auto& subnet : graph_.subnets_of(node)) call_subnet_script(node, subnet, "down");
    target.options = 0;
    target.unreachable_since = now;
    set_remote(node, std::nullopt);
    retract_edge_to_us(node);
}

void Mesh::call_host_scripts(NodeIndex node, std::string_view suffix) {
    const auto& remote = member(node).remote;
    const std::vector<std::pair<std::string, std::string>> environment = {
        {"NODE", graph_.name(node)},
        {"REMOTEADDRESS", remote ? remote->address.text() : "unknown"},
        {"REMOTEPORT", remote ? fmt::format("{}", remote->port) : "unknown"},
    };
    effects_.emplace_back(CallScript{fmt::format("host-{}", suffix), environment});
    effects_.emplace_back(
        CallScript{fmt::format("hosts/{}-{}", graph_.name(node), suffix), environment});
}

void Mesh::call_subnet_script(NodeIndex owner, const wire::Subnet& subnet,
                              std::string_view suffix) {
    std::vector<std::pair<std::string, std::string>> environment = {
        {"NODE", graph_.name(owner)},
        {"SUBNET", wire::subnet_text_without_weight(subnet)},
        {"WEIGHT", fmt::format("{}", subnet.weight)},
    };
    if (owner != self) {
        const auto& remote = member(owner).remote;
        environment.emplace_back("REMOTEADDRESS", remote ? remote->address.text() : "unknown");
        environment.emplace_back("REMOTEPORT",
                                 remote ? fmt::format("{}", remote->port) : "unknown");
    }
    effects_.emplace_back(CallScript{fmt::format("subnet-{}", suffix), std::move(environment)});
}

/// A neighbour that died cannot retract its edge to us; we do, once no other way leads to it.
void Mesh::retract_edge_to_us(NodeIndex node) {
    if (!graph_.remove_edge(node, self)) return;
    retell(wire::Request::del_edge, del_edge_line(graph_.name(node), settings_.name));
}

}  // namespace tinc::mesh
