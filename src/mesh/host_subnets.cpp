// The subnets our own files give out: ours, and with StrictSubnets those of all others.

#include "ourselves.hpp"

#include "tinc/mesh/mesh.hpp"

#include <set>

namespace tinc::mesh {

namespace {

using wire::Request;

}  // namespace

/// Each node a host file speaks of has its subnets from the beginning, whether it is there or not.
void Mesh::adopt_host_subnets() {
    if (!policy_.is_strict()) return;
    for (const auto& [name, subnets] : settings_.host_subnets)
        if (name != settings_.name) replace_subnets_of(name, {}, subnets);
}

void Mesh::replace_host_subnets(const config::HostSubnets& fresh) {
    if (!policy_.is_strict()) return;
    static const std::vector<wire::Subnet> none;
    const auto& old = settings_.host_subnets;
    for (const auto& [name, subnets] : old)
        if (name != settings_.name && !fresh.contains(name))
            replace_subnets_of(name, subnets, none);
    for (const auto& [name, subnets] : fresh) {
        const auto before = old.find(name);
        if (name != settings_.name)
            replace_subnets_of(name, before == old.end() ? none : before->second, subnets);
    }
}

void Mesh::replace_subnets_of(const std::string& name, const std::vector<wire::Subnet>& old,
                              const std::vector<wire::Subnet>& fresh) {
    const auto is_new = !graph_.find(name).has_value();
    const auto node = graph_.add_node(name);
    if (!node) {
        log_.print(Level::always, Severity::error, "{}", node.error().what);
        return;
    }
    if (is_new) effects_.emplace_back(SetName{*node, name});
    replace_subnets(*node, old, fresh);
}

/// The others hear what changed. They are not told that a subnet is gone which its owner has taken
/// back already.
void Mesh::replace_subnets(NodeIndex owner, const std::vector<wire::Subnet>& old,
                           const std::vector<wire::Subnet>& fresh) {
    const bool is_up = owner == self || graph_.path(owner).reachable;
    const auto tell = [&](Request request, const wire::Subnet& subnet) {
        if (owner == self || policy_.passes_on())
            broadcast(request, subnet_line(request, owner, subnet));
    };
    const std::set<wire::Subnet> staying(fresh.begin(), fresh.end());
    for (const auto& subnet : old) {
        if (staying.contains(subnet) || !graph_.has_subnet(owner, subnet)) continue;
        if (!policy_.restore(graph_.name(owner), subnet)) tell(Request::del_subnet, subnet);
        if (is_up) call_subnet_script(owner, subnet, "down");
        graph_.remove_subnet(owner, subnet);
        table_is_stale_ = true;
    }
    for (const auto& subnet : fresh) {
        // What we had learned never expires once it is ours by a file.
        if (owner == self && is_learned(subnet)) learned_macs_.erase(*wire::mac_of(subnet));
        const auto added = graph_.add_subnet(owner, subnet);
        if (!added) log_.print(Level::always, Severity::error, "{}", added.error().what);
        if (!added.value_or(false)) continue;
        if (is_up) call_subnet_script(owner, subnet, "up");
        tell(Request::add_subnet, subnet);
        table_is_stale_ = true;
    }
}

}  // namespace tinc::mesh
