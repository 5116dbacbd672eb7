// A switch learns where hosts are by listening. What we learn of our own side of it becomes a
// subnet of ours, which all others are told of, and which ends when the host falls silent or turns
// up behind another node. Source: legacy protocol 3.3 and 6.8.

#include "ourselves.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/mesh/mesh.hpp"

#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace tinc::mesh {

namespace {

using wire::Request;

}  // namespace

void Mesh::mac_seen(const MacAddress& mac, Time now) {
    // A host that goes on sending is not reported all the time, and is not silent meanwhile.
    const auto expiry = now + settings_.mac_expire + limits::mac_report_pause;
    if (const auto known = learned_macs_.find(mac); known != learned_macs_.end()) {
        known->second = expiry;
        return;
    }
    const auto subnet = wire::mac_subnet(mac);
    const auto text = wire::subnet_text_without_weight(subnet);
    if (is_own_mac(mac) || !new_macs_.allows(text, now)) return;
    if (learned_macs_.size() >= limits::learned_macs) {
        if (!std::exchange(told_of_full_macs_, true))
            log_.print(Level::always, Severity::warning,
                       "Not learning MAC address {}: {} are known, which is the limit", text,
                       limits::learned_macs);
        return;
    }
    if (const auto added = graph_.add_subnet(self, subnet); !added) {
        log_.print(Level::protocol, Severity::warning, "{}", added.error().what);
        return;
    }
    log_.print(Level::traffic, Severity::info, "Learned new MAC address {}", text);
    learned_macs_.emplace(mac, expiry);
    table_is_stale_ = true;
    broadcast(Request::add_subnet, subnet_line(Request::add_subnet, self, subnet));
    call_subnet_script(self, subnet, "up");
}

/// Whether we answer for it, with whatever weight.
bool Mesh::is_own_mac(const MacAddress& mac) const {
    auto lightest = wire::mac_subnet(mac);
    lightest.weight = std::numeric_limits<std::int32_t>::min();
    const auto& ours = graph_.subnets_of(self);
    const auto found = ours.lower_bound(lightest);
    return found != ours.end() && wire::mac_of(*found) == mac;
}

bool Mesh::is_learned(const wire::Subnet& subnet) const {
    const auto mac = wire::mac_of(subnet);
    return mac && subnet == wire::mac_subnet(*mac) && learned_macs_.contains(*mac);
}

void Mesh::expire_macs(Time now) {
    std::vector<MacAddress> silent;
    for (const auto& [mac, expiry] : learned_macs_)
        if (expiry <= now) silent.push_back(mac);
    for (const auto& mac : silent) forget_learned(mac);
}

/// Another node says it is there. If both were right, frames for it would go two ways; the later
/// news wins, and if the host is here after all, its next frame says so.
void Mesh::mac_moved(const MacAddress& mac) {
    if (learned_macs_.contains(mac)) forget_learned(mac);
}

void Mesh::forget_learned(const MacAddress& mac) {
    const auto subnet = wire::mac_subnet(mac);
    log_.print(Level::traffic, Severity::info, "Subnet {} expired", wire::subnet_text(subnet));
    broadcast(Request::del_subnet, subnet_line(Request::del_subnet, self, subnet));
    call_subnet_script(self, subnet, "down");
    graph_.remove_subnet(self, subnet);
    learned_macs_.erase(mac);
    effects_.emplace_back(UnlearnMac{mac});
    told_of_full_macs_ = false;
    table_is_stale_ = true;
}

}  // namespace tinc::mesh
