#include "tinc/mesh/gossip_policy.hpp"

namespace tinc::mesh {

bool GossipPolicy::hears_of_edge(std::string_view neighbour, std::string_view from,
                                 std::string_view to) const {
    // What is said of an edge of ours is heard in order to be contradicted.
    return trust_ != Trust::neighbours || from == own_name_ || from == neighbour || to == neighbour;
}

bool GossipPolicy::hears_of_subnets(std::string_view neighbour, std::string_view owner) const {
    return trust_ != Trust::neighbours || owner == own_name_ || owner == neighbour;
}

bool GossipPolicy::withdraw(const std::string& owner, const wire::Subnet& subnet) {
    return withdrawn_.emplace(owner, subnet).second;
}

bool GossipPolicy::restore(const std::string& owner, const wire::Subnet& subnet) {
    return withdrawn_.erase({owner, subnet}) > 0;
}

bool GossipPolicy::is_withdrawn(const std::string& owner, const wire::Subnet& subnet) const {
    return withdrawn_.contains({owner, subnet});
}

}  // namespace tinc::mesh
