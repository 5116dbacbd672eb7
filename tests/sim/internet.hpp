#pragma once

// The addresses of a simulated Internet: public hosts, and LANs behind NAT routers of four kinds.
// It only answers where a datagram would arrive and as what it would be seen there; when it does,
// and whether at all, is the Simulation's.

#include "tinc/base/endpoint.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinc::sim {

using HostIndex = std::size_t;

/// What a router does with UDP. A cone gives an inner endpoint one outer port for whomever it
/// speaks to; the kinds of cones differ in whom they let in.
enum class Nat : std::uint8_t {
    full_cone,        ///< everybody
    restricted,       ///< whose address was spoken to, from any port
    port_restricted,  ///< who was spoken to
    symmetric,        ///< who was spoken to, at an outer port that is for them alone
    udp_dropping,     ///< nobody, and nothing gets out
};
[[nodiscard]] std::string_view name_of(Nat kind);

class Internet {
  public:
    static constexpr std::uint16_t port = 655;

    /// A host with a public address of its own.
    HostIndex add_public();
    /// A host on the LAN of that number, made if new, behind a router with one public address.
    HostIndex add_behind_nat(std::size_t lan);
    /// Routers are port-restricted unless something else is said of them.
    void set_nat(std::size_t lan, Nat kind) { routers_.at(lan).kind = kind; }

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
    /// The host has an address of another network; nothing leads to the old one.
    void move_to_public(HostIndex host);
    void move_behind_nat(HostIndex host, std::size_t lan);

  private:
    struct Host {
        Address address;
        std::optional<std::size_t> lan;
    };
    /// An outer port, and whom was spoken to from there.
    struct Mapping {
        HostIndex host = 0;
        std::set<Endpoint> spoken_to;
    };
    /// Of whom, and for whom alone if the router is symmetric.
    using Inner = std::pair<HostIndex, std::optional<Endpoint>>;
    struct Router {
        Address outside;
        Nat kind = Nat::port_restricted;
        std::map<Inner, std::uint16_t> port_of = {};
        std::map<std::uint16_t, Mapping> mappings = {};
        std::uint16_t next_port = 20'000;

        [[nodiscard]] std::uint16_t let_out(HostIndex host, const Endpoint& remote);
        [[nodiscard]] bool lets_in(const Mapping& mapping, const Endpoint& source) const;
    };

    [[nodiscard]] Address next_public_address();
    [[nodiscard]] Address next_address_on(std::size_t lan);
    [[nodiscard]] std::vector<Arrival> route_on_lan(HostIndex from, const Endpoint& remote) const;

    std::vector<Host> hosts_;
    std::map<std::size_t, Router> routers_;
    std::size_t public_addresses_ = 0;
    std::map<std::size_t, std::size_t> lan_addresses_;
};

}  // namespace tinc::sim
