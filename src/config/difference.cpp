#include "tinc/config/option_table.hpp"
#include "tinc/config/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>

namespace tinc::config {

namespace {

using S = Settings;

/// What can be done with the values of one variable in two Settings.
struct Handling {
    bool (*agrees)(const Settings& a, const Settings& b);
    void (*take)(Settings& to, const Settings& from);
};

struct Compared {
    std::string_view variable;
    Handling values;
};

template <auto... members>
constexpr Handling same = {
    [](const Settings& a, const Settings& b) { return ((a.*members == b.*members) && ...); },
    [](Settings& to, const Settings& from) { ((to.*members = from.*members), ...); },
};

// clang-format off
constexpr auto compared = std::to_array<Compared>({
    {"AddressFamily", same<&S::address_family>},
    {"AutoConnect", same<&S::auto_connect>},
    {"BindToAddress", same<&S::bind_to_address>},
    {"BindToInterface", same<&S::bind_to_interface>},
    {"Broadcast", same<&S::broadcast>},
    {"BroadcastSubnet", same<&S::broadcast_subnets>},
    {"Cipher", same<&S::cipher>},
    {"ClampMSS", same<&S::clamp_mss>},
    {"Compression", same<&S::compression>},
    {"ConnectTo", same<&S::connect_to>},
    {"DataWorkers", same<&S::data_workers>},
    {"DecrementTTL", same<&S::decrement_ttl>},
    {"Device", same<&S::device>},
    {"DeviceOffload", same<&S::device_offload>},
    {"DeviceStandby", same<&S::device_standby>},
    {"DeviceType", same<&S::device_type>},
    {"Digest", same<&S::digest>},
    {"DirectOnly", same<&S::direct_only>},
    {"Ed25519PrivateKeyFile", same<&S::ed25519_private_key_file>},
    {"ExperimentalProtocol", same<&S::experimental_protocol>},
    {"Forwarding", same<&S::forwarding>},
    {"FWMark", same<&S::firewall_mark>},
    {"GraphDumpFile", same<&S::graph_dump_file>},
    {"Hostnames", same<&S::hostnames>},
    {"IffOneQueue", same<&S::iff_one_queue>},
    {"IndirectData", same<&S::indirect_data>},
    {"Interface", same<&S::interface>},
    {"KeyExpire", same<&S::key_expire>},
    {"ListenAddress", same<&S::listen_address>},
    {"LocalDiscovery", same<&S::local_discovery>},
    {"LogLevel", same<&S::log_level>},
    {"MACExpire", same<&S::mac_expire>},
    {"MACLength", same<&S::mac_length_bytes>},
    {"MaxConnectionBurst", same<&S::max_connection_burst>},
    {"MaxOutputBufferSize", same<&S::max_output_buffer_bytes>},
    {"MaxTimeout", same<&S::max_timeout>},
    {"MinTimeout", same<&S::min_timeout>},
    {"Mode", same<&S::mode>},
    {"MTUInfoInterval", same<&S::mtu_info_interval>},
    {"Name", same<&S::name>},
    {"PingInterval", same<&S::ping_interval>},
    {"PingTimeout", same<&S::ping_timeout>},
    {"PMTU", same<&S::pmtu>},
    {"PMTUDiscovery", same<&S::pmtu_discovery>},
    {"Port", same<&S::port>},
    {"PriorityInheritance", same<&S::priority_inheritance>},
    {"PrivateKey", same<&S::private_key_hex>},
    {"PrivateKeyFile", same<&S::private_key_file>},
    {"ProcessPriority", same<&S::process_priority>},
    {"Proxy", same<&S::proxy>},
    {"PublicKey", same<&S::public_key_hex>},
    {"ReplayWindow", same<&S::replay_window_bytes>},
    {"ScriptsExtension", same<&S::scripts_extension>},
    {"ScriptsInterpreter", same<&S::scripts_interpreter>},
    {"StrictKeys", same<&S::strict_keys>},
    {"StrictSubnets", same<&S::strict_subnets>},
    {"Subnet", same<&S::subnets, &S::host_subnets>},
    {"TCPOnly", same<&S::tcp_only>},
    {"TunnelServer", same<&S::tunnel_server>},
    {"UDPDiscovery", same<&S::udp_discovery>},
    {"UDPDiscoveryInterval", same<&S::udp_discovery_interval>},
    {"UDPDiscoveryKeepaliveInterval", same<&S::udp_discovery_keepalive_interval>},
    {"UDPDiscoveryTimeout", same<&S::udp_discovery_timeout>},
    {"UDPInfoInterval", same<&S::udp_info_interval>},
    {"UDPOffload", same<&S::udp_offload>},
    {"UDPRcvBuf", same<&S::udp_rcvbuf>},
    {"UDPSndBuf", same<&S::udp_sndbuf>},
    {"UPnP", same<&S::upnp>},
    {"UPnPDiscoverWait", same<&S::upnp_discover_wait>},
    {"UPnPRefreshPeriod", same<&S::upnp_refresh_period>},
    {"VDEGroup", same<&S::vde_group>},
    {"VDEPort", same<&S::vde_port>},
});
// clang-format on

}  // namespace

Difference difference(const Settings& old, const Settings& fresh) {
    Difference found;
    for (const auto& [variable, values] : compared) {
        if (values.agrees(old, fresh)) continue;
        auto& list = option(variable).reloadable ? found.applied : found.needs_restart;
        list.emplace_back(variable);
    }
    return found;
}

Settings reloaded(const Settings& running, const Settings& fresh) {
    auto settings = running;
    for (const auto& [variable, values] : compared)
        if (option(variable).reloadable) values.take(settings, fresh);
    settings.places = fresh.places;
    settings.has_own_host_file = fresh.has_own_host_file;
    settings.remembers_addresses = fresh.remembers_addresses;
    return settings;
}

std::vector<std::string> Difference::messages() const {
    std::vector<std::string> lines;
    if (!applied.empty()) lines.push_back(fmt::format("Changed: {}", fmt::join(applied, ", ")));
    if (!needs_restart.empty())
        lines.push_back(fmt::format("Changed, but without effect until the next start: {}",
                                    fmt::join(needs_restart, ", ")));
    return lines;
}

}  // namespace tinc::config
