#pragma once

// The addresses of a simulated Internet: public hosts, LANs behind port-restricted NAT routers.
// It only answers where a datagram would arrive and as what it would be seen there; when it does,
// and whether at all, is the Simulation's.

#include "tinc/base/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tinc::sim {

using HostIndex = std::size_t;

class Internet {
  public:
    static constexpr std::uint16_t port = 655;

    /// A host with a public address of its own.
    HostIndex add_public();
    /// A host on the LAN of that number, made if new, behind a router with one public address.
    HostIndex add_behind_nat(std::size_t lan);

    [[nodiscard]] Address address(HostIndex host) const { return hosts_[host].address; }
    /// As others on the Internet see its TCP connections.
    [[nodiscard]] Address outer_address(HostIndex host) const;

    struct Arrival {
        HostIndex host = 0;
        Endpoint source;  ///< as the receiver sees it
        bool crossed_router = false;
    };
    /// Where a datagram to `remote` arrives; several for a LAN broadcast.
    [[nodiscard]] std::vector<Arrival> route_udp(HostIndex from, const Endpoint& remote);
    /// Whose TCP listener an address belongs to, from there.
    [[nodiscard]] std::optional<HostIndex> route_tcp(HostIndex from, const Endpoint& remote) const;
    /// The router of a LAN loses its memory of whom its hosts talk to.
    void forget_mappings(std::size_t lan);

  private:
    struct Host {
        Address address;
        std::optional<std::size_t> lan;
    };
    struct Router {
        Address outside;
        std::map<HostIndex, std::uint16_t> port_of;
        std::map<HostIndex, std::set<Endpoint>> spoken_to;
        std::uint16_t next_port = 20'000;
    };

    std::vector<Host> hosts_;
    std::map<std::size_t, Router> routers_;
};

}  // namespace tinc::sim
