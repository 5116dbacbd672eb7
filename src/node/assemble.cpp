#include "tinc/node/assemble.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tinc::node {

namespace {

Result<legacy::PacketSuite> packet_suite(const config::Settings& settings) {
    auto cipher = crypto::cipher_by_name(settings.cipher);
    if (!cipher) return failure(Errc::refused, "Unrecognized cipher type! " + cipher.error().what);
    auto digest = crypto::digest_by_name(settings.digest);
    if (!digest) return failure(Errc::refused, "Unrecognized digest type! " + digest.error().what);
    if (!digest->is_none() && settings.mac_length_bytes > digest->bytes)
        return failure(Errc::refused,
                       fmt::format("MAC length exceeds size of digest! MACLength = {}, {} has {}",
                                   settings.mac_length_bytes, digest->name, digest->bytes));
    return legacy::PacketSuite{std::move(*cipher), std::move(*digest), settings.mac_length_bytes,
                               settings.compression};
}

plane::Mode mode_of(config::RoutingMode mode) {
    switch (mode) {
        case config::RoutingMode::router:
            return plane::Mode::router;
        case config::RoutingMode::switching:
            return plane::Mode::switching;
        case config::RoutingMode::hub:
            return plane::Mode::hub;
    }
    return plane::Mode::router;
}

plane::Forwarding forwarding_of(config::Forwarding forwarding) {
    switch (forwarding) {
        case config::Forwarding::off:
            return plane::Forwarding::off;
        case config::Forwarding::internal:
            return plane::Forwarding::internal;
        case config::Forwarding::kernel:
            return plane::Forwarding::kernel;
    }
    return plane::Forwarding::internal;
}

plane::Broadcast broadcast_of(const config::Settings& settings) {
    if (settings.tunnel_server && settings.broadcast != config::Broadcast::no)
        return plane::Broadcast::local;
    switch (settings.broadcast) {
        case config::Broadcast::no:
            return plane::Broadcast::no;
        case config::Broadcast::mst:
            return plane::Broadcast::tree;
        case config::Broadcast::direct:
            return plane::Broadcast::direct;
    }
    return plane::Broadcast::tree;
}

std::uint32_t own_options(const config::Settings& settings, bool speaks_sptps) {
    namespace option = wire::option;
    std::uint32_t options = 0;
    if (settings.indirect_data || settings.tcp_only) options |= option::indirect;
    if (settings.tcp_only) options |= option::tcp_only;
    if (settings.pmtu_discovery) options |= option::pmtu_discovery;
    if (settings.clamp_mss) options |= option::clamp_mss;
    if (speaks_sptps) options = option::with_minor(options, wire::protocol_minor);
    return options;
}

mesh::Trust trust_of(const config::Settings& settings) {
    if (settings.tunnel_server) return mesh::Trust::neighbours;
    return settings.strict_subnets ? mesh::Trust::host_files : mesh::Trust::everybody;
}

mesh::UdpDiscovery udp_discovery(const config::Settings& settings) {
    return {.is_on = settings.udp_discovery,
            .interval = settings.udp_discovery_interval,
            .keepalive = settings.udp_discovery_keepalive_interval,
            .timeout = settings.udp_discovery_timeout,
            .ping_interval = settings.ping_interval};
}

mesh::MeshSettings mesh_settings(const config::Settings& settings, legacy::PacketSuite suite,
                                 std::shared_ptr<const crypto::Ed25519PrivateKey> key) {
    // Without broadcasts these are addresses like others.
    const bool has_broadcasts = settings.broadcast != config::Broadcast::no;
    return {.name = settings.name,
            .subnets = settings.subnets,
            .broadcast_subnets =
                has_broadcasts ? settings.broadcast_subnets : std::vector<wire::Subnet>(),
            .suite = std::move(suite),
            .replay_window_bytes = settings.replay_window_bytes,
            .options = own_options(settings, key != nullptr),
            .pmtu = settings.pmtu,
            .ping_interval = settings.ping_interval,
            .ping_timeout = settings.ping_timeout,
            .key_expire = std::max(settings.key_expire, std::chrono::seconds(1)),
            .mac_expire = std::max(settings.mac_expire, std::chrono::seconds(1)),
            .local_discovery = settings.local_discovery.value_or(false),
            .trust = trust_of(settings),
            .host_subnets = settings.host_subnets,
            .key = std::move(key),
            .strict_keys = settings.strict_keys,
            .udp_discovery = udp_discovery(settings),
            .seeks_local_addresses = settings.local_discovery.value_or(true),
            .udp_info_interval = settings.udp_info_interval,
            .mtu_info_interval = settings.mtu_info_interval};
}

plane::PlaneSettings plane_settings(const config::Settings& settings, std::string device,
                                    bool speaks_sptps) {
    return {.mode = mode_of(settings.mode),
            .forwarding = forwarding_of(settings.forwarding),
            .broadcast = broadcast_of(settings),
            .tcp_only = settings.tcp_only,
            .direct_only = settings.direct_only,
            .decrement_ttl = settings.decrement_ttl,
            .priority_inheritance = settings.priority_inheritance,
            .clamp_mss = settings.clamp_mss,
            .own_mtu = settings.pmtu,
            .device = std::move(device),
            .speaks_sptps = speaks_sptps,
            .compression = settings.compression};
}

}  // namespace

Result<Parts> assemble(const config::Settings& settings, crypto::OwnKeys own_keys,
                       const std::string& device_description) {
    TINC_TRY(auto suite, packet_suite(settings));
    peer::PeerSettings peer{.name = settings.name,
                            .own_keys = std::move(own_keys),
                            .meta_cipher = legacy::meta_cipher_for(suite.cipher),
                            .indirect_data = settings.indirect_data,
                            .tcp_only = settings.tcp_only,
                            .pmtu_discovery = settings.pmtu_discovery,
                            .clamp_mss = settings.clamp_mss,
                            .bypass_security = settings.bypass_security,
                            .ping_interval = settings.ping_interval,
                            .ping_timeout = settings.ping_timeout,
                            .max_output_buffer_bytes = settings.max_output_buffer_bytes};
    const auto key = peer.own_keys.ed25519;
    return Parts{std::move(peer), mesh_settings(settings, std::move(suite), key),
                 plane_settings(settings, device_description, key != nullptr)};
}

}  // namespace tinc::node
