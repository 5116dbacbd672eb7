#include "tinc/mesh/mesh.hpp"

namespace tinc::mesh {

namespace {

/// Bits of a node's status word, as tinc 1.0.36 prints it.
constexpr unsigned status_valid_key = 0x2;
constexpr unsigned status_visited = 0x8;
constexpr unsigned status_reachable = 0x10;
constexpr unsigned status_indirect = 0x20;
// And, for nodes of 1.1, as that does.
constexpr unsigned status_sptps = 0x40;
constexpr unsigned status_udp_confirmed = 0x80;

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
        const bool is_modern = is_sptps(node);
        const auto& old_way = target.path_mtu;
        const auto& way = target.udp_path;
        const bool has_key_for_it = target.sealing || target.has_session;
        const unsigned status = (has_key_for_it ? status_valid_key : 0U) |
                                (is_modern ? status_sptps : 0U) |
                                (is_modern && way.is_confirmed() ? status_udp_confirmed : 0U) |
                                (path.reachable ? status_visited | status_reachable : 0U) |
                                (path.indirect ? status_indirect : 0U);
        print(
            " {} at {} cipher {} digest {} maclength {} compression {} options {:x} status "
            "{:04x} nexthop {} via {} pmtu {} (min {} max {})",
            graph_.name(node), host_text(node), suite.cipher.nid, suite.digest.nid, suite.mac_bytes,
            is_modern ? target.compression : suite.compression, target.options, status,
            path.reachable ? graph_.name(path.nexthop) : "-",
            path.reachable ? graph_.name(path.via) : "-", is_modern ? way.mtu() : old_way.mtu(),
            is_modern ? way.min_mtu() : old_way.min_mtu(),
            is_modern ? way.max_mtu() : old_way.max_mtu());
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
