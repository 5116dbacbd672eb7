#include "tinc/mesh/mesh.hpp"

namespace tinc::mesh {

namespace {

/// Bits of a node's status word, as tinc 1.0.36 prints it.
constexpr unsigned status_valid_key = 0x2;
constexpr unsigned status_visited = 0x8;
constexpr unsigned status_reachable = 0x10;
constexpr unsigned status_indirect = 0x20;

}  // namespace

void Mesh::dump() const {
    const auto print = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
        log_.print(Level::always, Severity::debug, format, std::forward<Args>(args)...);
    };
    legacy::PacketSuite no_suite;
    no_suite.mac_bytes = 0;
    print("Nodes:");
    for (const auto node : graph_.nodes()) {
        const auto& path = graph_.path(node);
        const auto* known = find_member(node);
        const Member nobody;
        const auto& target = known == nullptr ? nobody : *known;
        const auto suite = target.sealing.value_or(no_suite);
        const unsigned status = (target.sealing ? status_valid_key : 0U) |
                                (path.reachable ? status_visited | status_reachable : 0U) |
                                (path.indirect ? status_indirect : 0U);
        print(
            " {} at {} cipher {} digest {} maclength {} compression {} options {:x} status "
            "{:04x} nexthop {} via {} pmtu {} (min {} max {})",
            graph_.name(node), host_text(node), suite.cipher.nid, suite.digest.nid, suite.mac_bytes,
            suite.compression, target.options, status,
            path.reachable ? graph_.name(path.nexthop) : "-",
            path.reachable ? graph_.name(path.via) : "-", target.path_mtu.mtu(),
            target.path_mtu.min_mtu(), target.path_mtu.max_mtu());
    }
    print("End of nodes.");
    print("Edges:");
    for (const auto* edge : graph_.edges_by_weight())
        print(" {} to {} at {} port {} options {:x} weight {}", graph_.name(edge->from),
              graph_.name(edge->to), edge->address.host, edge->address.port, edge->options,
              edge->weight);
    print("End of edges.");
    print("Subnet list:");
    for (const auto& entry : graph_.subnets())
        print(" {} owner {}", wire::subnet_text(entry.subnet), graph_.name(entry.owner));
    print("End of subnet list.");
}

}  // namespace tinc::mesh
