#include "tinc/config/option_table.hpp"
#include "tinc/config/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <string_view>

namespace tinc::config {

namespace {

using S = Settings;

/// A variable and whether two Settings agree about it.
struct Compared {
    std::string_view variable;
    bool (*agrees)(const Settings& a, const Settings& b);
};

template <auto... members>
bool same(const Settings& a, const Settings& b) {
    return ((a.*members == b.*members) && ...);
}

// clang-format off
constexpr auto compared = std::to_array<Compared>({
    {"AddressFamily", same<&S::address_family>},
    {"BindToAddress", same<&S::bind_to_address>},
    {"BindToInterface", same<&S::bind_to_interface>},
    {"Broadcast", same<&S::broadcast>},
    {"Cipher", same<&S::cipher>},
    {"ClampMSS", same<&S::clamp_mss>},
    {"Compression", same<&S::compression>},
    {"ConnectTo", same<&S::connect_to>},
    {"DecrementTTL", same<&S::decrement_ttl>},
    {"Device", same<&S::device>},
    {"DeviceType", same<&S::device_type>},
    {"Digest", same<&S::digest>},
    {"DirectOnly", same<&S::direct_only>},
    {"Forwarding", same<&S::forwarding>},
    {"GraphDumpFile", same<&S::graph_dump_file>},
    {"Hostnames", same<&S::hostnames>},
    {"IffOneQueue", same<&S::iff_one_queue>},
    {"IndirectData", same<&S::indirect_data>},
    {"Interface", same<&S::interface>},
    {"KeyExpire", same<&S::key_expire>},
    {"LocalDiscovery", same<&S::local_discovery>},
    {"MACExpire", same<&S::mac_expire>},
    {"MACLength", same<&S::mac_length_bytes>},
    {"MaxOutputBufferSize", same<&S::max_output_buffer_bytes>},
    {"MaxTimeout", same<&S::max_timeout>},
    {"MinTimeout", same<&S::min_timeout>},
    {"Mode", same<&S::mode>},
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
    {"Proxy", same<&S::proxy_type, &S::proxy, &S::proxy_user, &S::proxy_password,
                   &S::proxy_command>},
    {"PublicKey", same<&S::public_key_hex>},
    {"ReplayWindow", same<&S::replay_window_bytes>},
    {"ScriptsInterpreter", same<&S::scripts_interpreter>},
    {"StrictSubnets", same<&S::strict_subnets>},
    {"Subnet", same<&S::subnets>},
    {"TCPOnly", same<&S::tcp_only>},
    {"TunnelServer", same<&S::tunnel_server>},
    {"UDPRcvBuf", same<&S::udp_rcvbuf>},
    {"UDPSndBuf", same<&S::udp_sndbuf>},
});
// clang-format on

}  // namespace

Difference difference(const Settings& old, const Settings& fresh) {
    Difference found;
    for (const auto& [variable, agrees] : compared) {
        if (agrees(old, fresh)) continue;
        auto& list = option(variable).reloadable ? found.applied : found.needs_restart;
        list.emplace_back(variable);
    }
    return found;
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
