#include "sim/internet.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tinc::sim {

namespace {

Address numeric(const std::string& text) { return Address::parse(text).value(); }

const Address lan_broadcast = numeric("255.255.255.255");

}  // namespace

std::string_view name_of(Nat kind) {
    switch (kind) {
        case Nat::full_cone:
            return "full_cone";
        case Nat::restricted:
            return "restricted";
        case Nat::port_restricted:
            return "port_restricted";
        case Nat::symmetric:
            return "symmetric";
        case Nat::udp_dropping:
            return "udp_dropping";
    }
    return "";
}

HostIndex Internet::add_public() {
    hosts_.push_back({next_public_address(), {}});
    return hosts_.size() - 1;
}

HostIndex Internet::add_behind_nat(std::size_t lan) {
    hosts_.push_back({next_address_on(lan), lan});
    return hosts_.size() - 1;
}

void Internet::move_to_public(HostIndex host) { hosts_[host] = {next_public_address(), {}}; }

void Internet::move_behind_nat(HostIndex host, std::size_t lan) {
    hosts_[host] = {next_address_on(lan), lan};
}

Address Internet::next_public_address() {
    const auto number = public_addresses_++;
    return numeric(fmt::format("100.64.{}.{}", number / 200, number % 200 + 1));
}

Address Internet::next_address_on(std::size_t lan) {
    routers_.try_emplace(lan, Router{.outside = numeric(fmt::format("100.127.0.{}", lan + 1))});
    return numeric(fmt::format("192.168.{}.{}", lan, ++lan_addresses_[lan]));
}

Address Internet::outer_address(HostIndex host) const {
    const auto& lan = hosts_[host].lan;
    return lan ? routers_.at(*lan).outside : hosts_[host].address;
}

std::vector<Internet::Arrival> Internet::route_udp(HostIndex from, const Endpoint& remote) {
    auto arrivals = route_on_lan(from, remote);
    if (!arrivals.empty() || remote.address == lan_broadcast) return arrivals;

    // Out through our router.
    const auto& sender = hosts_[from];
    Endpoint source{sender.address, port};
    if (sender.lan) {
        auto& router = routers_.at(*sender.lan);
        if (router.kind == Nat::udp_dropping) return {};
        source = {router.outside, router.let_out(from, remote)};
    }
    for (HostIndex host = 0; host < hosts_.size(); ++host)
        if (!hosts_[host].lan && Endpoint{hosts_[host].address, port} == remote)
            arrivals.push_back({host, source, sender.lan.has_value()});

    // In through another one.
    for (const auto& [lan, router] : routers_) {
        if (router.outside != remote.address || sender.lan == lan) continue;
        const auto mapping = router.mappings.find(remote.port);
        if (mapping != router.mappings.end() && router.lets_in(mapping->second, source))
            arrivals.push_back({mapping->second.host, source, true});
    }
    return arrivals;
}

std::vector<Internet::Arrival> Internet::route_on_lan(HostIndex from,
                                                      const Endpoint& remote) const {
    const auto& sender = hosts_[from];
    std::vector<Arrival> arrivals;
    if (!sender.lan || remote.port != port) return arrivals;
    for (HostIndex host = 0; host < hosts_.size(); ++host) {
        if (host == from || hosts_[host].lan != sender.lan) continue;
        if (remote.address == lan_broadcast || remote.address == hosts_[host].address)
            arrivals.push_back({host, {sender.address, port}, false});
    }
    return arrivals;
}

std::uint16_t Internet::Router::let_out(HostIndex host, const Endpoint& remote) {
    const Inner inner{host, kind == Nat::symmetric ? std::optional(remote) : std::nullopt};
    const auto [mapped, is_new] = port_of.try_emplace(inner, next_port);
    if (is_new) ++next_port;
    auto& mapping = mappings[mapped->second];
    mapping.host = host;
    mapping.spoken_to.insert(remote);
    return mapped->second;
}

bool Internet::Router::lets_in(const Mapping& mapping, const Endpoint& source) const {
    switch (kind) {
        case Nat::full_cone:
            return true;
        case Nat::restricted:
            return std::ranges::any_of(mapping.spoken_to, [&](const Endpoint& remote) {
                return remote.address == source.address;
            });
        case Nat::port_restricted:
        case Nat::symmetric:
            return mapping.spoken_to.contains(source);
        case Nat::udp_dropping:
            return false;
    }
    return false;
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
    router.mappings.clear();
}

}  // namespace tinc::sim
