#include "sim/internet.hpp"

#include <fmt/format.h>

namespace tinc::sim {

namespace {

Address numeric(const std::string& text) { return Address::parse(text).value(); }

const Address lan_broadcast = numeric("255.255.255.255");

}  // namespace

HostIndex Internet::add_public() {
    const auto index = hosts_.size();
    hosts_.push_back({numeric(fmt::format("100.64.{}.{}", index / 200, index % 200 + 1)), {}});
    return index;
}

HostIndex Internet::add_behind_nat(std::size_t lan) {
    const auto index = hosts_.size();
    routers_.try_emplace(lan, Router{.outside = numeric(fmt::format("100.127.0.{}", lan + 1)),
                                     .port_of = {},
                                     .spoken_to = {}});
    hosts_.push_back({numeric(fmt::format("192.168.{}.{}", lan, index + 1)), lan});
    return index;
}

Address Internet::outer_address(HostIndex host) const {
    const auto& lan = hosts_[host].lan;
    return lan ? routers_.at(*lan).outside : hosts_[host].address;
}

std::vector<Internet::Arrival> Internet::route_udp(HostIndex from, const Endpoint& remote) {
    const auto& sender = hosts_[from];
    std::vector<Arrival> arrivals;
    const auto arrives_at = [&](HostIndex host) {
        arrivals.push_back({host, {sender.address, port}, false});
    };
    // On the LAN.
    for (HostIndex host = 0; host < hosts_.size(); ++host) {
        if (!sender.lan || host == from || hosts_[host].lan != sender.lan) continue;
        if (remote.port != port) continue;
        if (remote.address == lan_broadcast || remote.address == hosts_[host].address)
            arrives_at(host);
    }
    if (!arrivals.empty() || remote.address == lan_broadcast) return arrivals;

    // Out through our router, which gives us one outer port and remembers whom we spoke to.
    Endpoint source{sender.address, port};
    if (sender.lan) {
        auto& router = routers_.at(*sender.lan);
        const auto [mapped, is_new] = router.port_of.try_emplace(from, router.next_port);
        if (is_new) ++router.next_port;
        router.spoken_to[from].insert(remote);
        source = {router.outside, mapped->second};
    }
    for (HostIndex host = 0; host < hosts_.size(); ++host)
        if (!hosts_[host].lan && Endpoint{hosts_[host].address, port} == remote)
            arrivals.push_back({host, source, sender.lan.has_value()});

    // In through another router, only as an answer.
    for (const auto& [lan, router] : routers_) {
        if (router.outside != remote.address || sender.lan == lan) continue;
        for (const auto& [host, outer_port] : router.port_of) {
            const auto spoken = router.spoken_to.find(host);
            if (outer_port == remote.port && spoken != router.spoken_to.end() &&
                spoken->second.contains(source))
                arrivals.push_back({host, source, true});
        }
    }
    return arrivals;
}

std::optional<HostIndex> Internet::route_tcp(HostIndex from, const Endpoint& remote) const {
    for (HostIndex host = 0; host < hosts_.size(); ++host) {
        if (host == from || Endpoint{hosts_[host].address, port} != remote) continue;
        if (!hosts_[host].lan || hosts_[host].lan == hosts_[from].lan) return host;
    }
    return std::nullopt;
}

void Internet::forget_mappings(std::size_t lan) {
    auto& router = routers_.at(lan);
    router.port_of.clear();
    router.spoken_to.clear();
}

}  // namespace tinc::sim
