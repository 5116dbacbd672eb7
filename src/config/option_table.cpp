#include "tinc/config/option_table.hpp"

#include "tinc/base/error.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace tinc::config {

namespace {

using Form = Kind::Form;

constexpr Kind yes_or_no = Kind::of(Form::yes_or_no, "yes|no");
constexpr Kind any_text = Kind::of(Form::text, "text");
constexpr Kind file = Kind::of(Form::text, "file");
constexpr Kind hexadecimal = Kind::of(Form::key_material, "digits");

/// 8 packets each: at 10 million packets a second still a twentieth of a second.
constexpr std::int64_t most_window_bytes = 65'536;

/// The rest of a queue is for requests, which are never dropped.
constexpr std::int64_t most_output_bytes = limits::meta_outgoing_bytes / 2;

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

constexpr bool comes_before(std::string_view a, std::string_view b) {
    return std::ranges::lexicographical_compare(a, b, {}, lower, lower);
}

// Source: legacy protocol 8.5; configuration of tinc 1.1, 2.
// clang-format off
constexpr auto table = std::to_array<Option>({
    {.name = "Address", .scope = Scope::others, .kind = Kind::of(Form::host_port, "host [port]"),
     .repeats = true, .reloadable = true,
     .help = "Where this node can be reached from outside."},
    {.name = "AddressFamily", .kind = Kind::choice("any|ipv4|ipv6"), .fallback = "any",
     .complaint = "Invalid address family!",
     .help = "The kind of addresses that sockets use."},
    {.name = "AutoConnect", .kind = yes_or_no, .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "Make meta connections without ConnectTo."},
    {.name = "BindToAddress", .kind = Kind::of(Form::host_port, "address [port]"), .repeats = true,
     .help = "A local address to listen on; * is any."},
    {.name = "BindToInterface", .kind = Kind::of(Form::text, "interface"), .reloadable = true,
     .help = "The network interface that all sockets are bound to."},
    {.name = "Broadcast", .kind = Kind::choice("no|mst|direct|yes"), .fallback = "mst",
     .reloadable = true, .complaint = "Invalid broadcast mode!",
     .help = "How broadcast packets travel; yes means mst."},
    {.name = "BroadcastSubnet", .kind = Kind::of(Form::subnet, "subnet"), .repeats = true,
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "A further range of addresses to treat as broadcast."},
    {.name = "Cipher", .scope = Scope::host, .kind = Kind::of(Form::text, "cipher"),
     .fallback = "aes-256-cbc", .complaint = "Unrecognized cipher type!",
     .help = "The cipher of packets sent to this node, as OpenSSL calls it, or none."},
    {.name = "ClampMSS", .scope = Scope::both, .kind = yes_or_no, .fallback = "yes",
     .help = "Lower the segment size of TCP connections to what fits the path."},
    {.name = "Compression", .scope = Scope::host, .kind = Kind::integer("level", 0, 12),
     .fallback = "0", .complaint = "Bogus compression level!",
     .help = "0: off; 1 to 9: zlib, fast to small; 10 and 11: LZO, fast and small; 12: LZ4."},
    {.name = "ConnectTo", .kind = Kind::of(Form::node_name, "name"), .repeats = true,
     .reloadable = true,
     .help = "A node to keep a meta connection with."},
    {.name = "DataWorkers", .kind = Kind::integer("threads", 0, limits::data_workers),
     .origin = Origin::tincpp,
     .help = "Threads that carry packets beside the one that does all else."},
    {.name = "DecrementTTL", .kind = yes_or_no, .fallback = "no",
     .reloadable = true,
     .help = "Count this node as a hop of the packets it forwards."},
    {.name = "Device", .kind = Kind::of(Form::text, "device"),
     .help = "The device file of the virtual network interface."},
    {.name = "DeviceOffload", .kind = yes_or_no, .fallback = "yes",
     .origin = Origin::tincpp,
     .help = "Exchange many packets of a flow with the kernel as one."},
    {.name = "DeviceStandby", .kind = yes_or_no, .fallback = "no",
     .origin = Origin::tinc_1_1,
     .help = "Run tinc-up only while a node is reachable."},
    {.name = "DeviceType", .kind = Kind::choice("tun|tap|dummy|raw_socket|multicast|uml|vde|fd"),
     .complaint = "Unknown device type {}!",
     .help = "The kind of the virtual network interface."},
    {.name = "Digest", .scope = Scope::host, .kind = Kind::of(Form::text, "digest"),
     .fallback = "sha256", .complaint = "Unrecognized digest type!",
     .help = "The digest that authenticates packets to this node, as OpenSSL calls it, or none."},
    {.name = "DirectOnly", .kind = yes_or_no, .fallback = "no",
     .reloadable = true,
     .help = "Drop packets that would need another node to relay them."},
    {.name = "DisableBuggyPeers", .kind = yes_or_no, .standing = Standing::idle,
     .origin = Origin::tinc_1_1,
     .help = "Provoke a known defect of old peers."},
    {.name = "Ed25519PrivateKeyFile", .kind = file,
     .origin = Origin::tinc_1_1,
     .help = "Our Ed25519 private key."},
    {.name = "Ed25519PublicKey", .scope = Scope::host, .kind = Kind::of(Form::text, "key"),
     .origin = Origin::tinc_1_1,
     .help = "The Ed25519 public key of this node."},
    {.name = "Ed25519PublicKeyFile", .scope = Scope::others, .kind = file,
     .origin = Origin::tinc_1_1,
     .help = "A file with the Ed25519 public key of this node."},
    {.name = "ExperimentalProtocol", .kind = yes_or_no,
     .origin = Origin::tinc_1_1,
     .help = "Speak the protocol of tinc 1.1; if absent, with an Ed25519 key."},
    {.name = "Forwarding", .kind = Kind::choice("off|internal|kernel"), .fallback = "internal",
     .reloadable = true, .complaint = "Invalid forwarding mode!",
     .help = "What happens to packets from one node to another through this one."},
    {.name = "FWMark", .kind = Kind::integer("mark", 0), .fallback = "0",
     .origin = Origin::tinc_1_1,
     .help = "The firewall mark of all sockets."},
    {.name = "GraphDumpFile", .kind = Kind::of(Form::text, "file"), .reloadable = true,
     .help = "Where to write the graph of the network."},
    {.name = "Hostnames", .kind = yes_or_no, .fallback = "no", .reloadable = true,
     .help = "Show names in place of addresses in the log."},
    {.name = "IffOneQueue", .kind = yes_or_no, .fallback = "no",
     .help = "Set IFF_ONE_QUEUE on the device."},
    {.name = "IndirectData", .scope = Scope::both, .kind = yes_or_no, .fallback = "no",
     .help = "Only nodes with a meta connection to this one send packets to it directly."},
    {.name = "Interface", .kind = Kind::of(Form::text, "interface"),
     .help = "The name of the virtual network interface."},
    {.name = "InvitationExpire", .kind = Kind::integer("seconds", 0),
     .standing = Standing::idle,
     .origin = Origin::tinc_1_1,
     .help = "How long an invitation is valid."},
    {.name = "KeyExpire", .kind = Kind::integer("seconds", 1), .fallback = "3600",
     .reloadable = true,
     .help = "Seconds after which session keys are replaced."},
    {.name = "ListenAddress", .kind = Kind::of(Form::host_port, "address [port]"), .repeats = true,
     .origin = Origin::tinc_1_1,
     .help = "A local address to listen on only."},
    {.name = "LocalDiscovery", .kind = yes_or_no, .reloadable = true,
     .help = "Look for nodes on the local network; if absent, only for those of tinc 1.1."},
    {.name = "LogLevel", .kind = Kind::integer("level", 0), .fallback = "0",
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "The debug level without -d."},
    {.name = "MACExpire", .kind = Kind::integer("seconds", 1), .fallback = "600",
     .reloadable = true,
     .help = "Seconds after which a silent MAC address is forgotten."},
    {.name = "MACLength", .scope = Scope::host, .kind = Kind::integer("bytes", 0), .fallback = "4",
     .complaint = "Bogus MAC length!",
     .help = "Bytes of the digest that each packet to this node carries."},
    {.name = "MaxConnectionBurst", .kind = Kind::integer("count", 1),
     .complaint = "MaxConnectionBurst cannot be negative!",
     .origin = Origin::tinc_1_1,
     .help = "Connections taken from one address at once; further ones at one a second."},
    {.name = "MaxOutputBufferSize", .kind = Kind::integer("bytes", 1, most_output_bytes),
     .fallback = "15180", .reloadable = true, .lowers = true,
     .help = "Unsent bytes of a meta connection beyond which packets for it are dropped."},
    {.name = "MaxTimeout", .kind = Kind::integer("seconds", 1), .fallback = "900",
     .reloadable = true, .complaint = "Bogus maximum timeout!",
     .help = "The longest pause between two attempts to connect."},
    {.name = "MinTimeout", .kind = Kind::integer("seconds", 0), .fallback = "0",
     .reloadable = true, .complaint = "Bogus minimum timeout!",
     .help = "The shortest pause between two attempts to connect."},
    {.name = "Mode", .kind = Kind::choice("router|switch|hub"), .fallback = "router",
     .complaint = "Invalid routing mode!",
     .help = "How packets find their node."},
    {.name = "MTUInfoInterval", .kind = Kind::integer("seconds", 0), .fallback = "5",
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "The pause between two MTU_INFO messages."},
    {.name = "Name", .kind = Kind::of(Form::node_name, "name"),
     .complaint = "Invalid name for myself!",
     .help = "The name of this node."},
    {.name = "PingInterval", .kind = Kind::integer("seconds", 1), .fallback = "60",
     .reloadable = true,
     .help = "Seconds between pings on an idle meta connection."},
    {.name = "PingTimeout", .kind = Kind::integer("seconds", 1), .fallback = "5",
     .reloadable = true,
     .help = "Seconds to wait for an answer before a connection counts as dead."},
    {.name = "PMTU", .scope = Scope::both, .kind = Kind::integer("bytes", 64), .fallback = "1518",
     .reloadable = true,
     .help = "The largest packet that is sent to this node, in bytes."},
    {.name = "PMTUDiscovery", .scope = Scope::host, .kind = yes_or_no, .fallback = "yes",
     .help = "Find out how large a packet each path takes; no with TCPOnly."},
    {.name = "Port", .scope = Scope::host, .kind = Kind::of(Form::port, "port"), .fallback = "655",
     .help = "The port of this node, TCP and UDP."},
    {.name = "PriorityInheritance", .kind = yes_or_no, .fallback = "no",
     .help = "Copy the type of service of packets to the packets that carry them."},
    {.name = "PrivateKey", .kind = hexadecimal, .secret = true, .standing = Standing::obsolete,
     .complaint = "Invalid PrivateKey for myself!",
     .help = "Our RSA private exponent, for public exponent 65535; needs PublicKey."},
    {.name = "PrivateKeyFile", .kind = file,
     .help = "The file of our RSA private key."},
    {.name = "ProcessPriority", .kind = Kind::choice("low|normal|high"),
     .complaint = "Invalid priority `{}`!",
     .help = "The scheduling priority of the daemon."},
    {.name = "Proxy", .kind = Kind::of(Form::proxy, "type ..."), .fallback = "none",
     .reloadable = true, .secret = true,
     .help = "The proxy that outgoing connections go through."},
    {.name = "PublicKey", .scope = Scope::host, .kind = hexadecimal,
     .standing = Standing::obsolete, .complaint = "Invalid PublicKey for myself!",
     .help = "The RSA modulus of this node, for public exponent 65535."},
    {.name = "PublicKeyFile", .scope = Scope::others, .kind = file,
     .help = "The file of this node's RSA public key, if it is not in the host file."},
    {.name = "ReplayWindow", .kind = Kind::integer("bytes", 0, most_window_bytes), .fallback = "16",
     .lowers = true,
     .complaint = "ReplayWindow cannot be negative!",
     .help = "Bytes of memory for late packets, 8 packets each; 0 takes replayed packets."},
    {.name = "Sandbox", .kind = Kind::choice("off|normal|high"), .fallback = "off",
     .complaint = "Bad sandbox value {}!",
     .origin = Origin::tinc_1_1,
     .help = "How far the daemon locks itself in; there is no sandbox in this version."},
    {.name = "ScriptsExtension", .kind = any_text, .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "What the names of scripts end in."},
    {.name = "ScriptsInterpreter", .kind = Kind::of(Form::text, "command"), .reloadable = true,
     .help = "The command that runs scripts."},
    {.name = "StrictKeys", .kind = yes_or_no, .fallback = "no", .reloadable = true,
     .origin = Origin::tincpp,
     .help = "Believe only those Ed25519 keys of other nodes that are in their host files here."},
    {.name = "StrictSubnets", .kind = yes_or_no, .fallback = "no",
     .help = "Believe only those subnets of other nodes that are in their host files here."},
    {.name = "Subnet", .scope = Scope::host, .kind = Kind::of(Form::subnet, "subnet"),
     .repeats = true, .reloadable = true,
     .complaint = "Subnet expected for configuration variable",
     .help = "A subnet that this node answers for."},
    {.name = "TCPOnly", .scope = Scope::both, .kind = yes_or_no, .fallback = "no",
     .help = "Send packets over the meta connection; implies IndirectData."},
    {.name = "TunnelServer", .kind = yes_or_no, .fallback = "no",
     .help = "Do not pass on what peers say about other nodes."},
    {.name = "UDPDiscovery", .kind = yes_or_no, .fallback = "yes", .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "Look for a way to reach nodes with UDP."},
    {.name = "UDPDiscoveryInterval", .kind = Kind::integer("seconds", 1), .fallback = "2",
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "The pause between UDP probes while looking."},
    {.name = "UDPDiscoveryKeepaliveInterval", .kind = Kind::integer("seconds", 1),
     .fallback = "10", .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "The pause between UDP probes once found."},
    {.name = "UDPDiscoveryTimeout", .kind = Kind::integer("seconds", 1), .fallback = "30",
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "When UDP counts as lost."},
    {.name = "UDPInfoInterval", .kind = Kind::integer("seconds", 0), .fallback = "5",
     .reloadable = true,
     .origin = Origin::tinc_1_1,
     .help = "The pause between two UDP_INFO messages."},
    {.name = "UDPOffload", .kind = yes_or_no, .fallback = "yes",
     .origin = Origin::tincpp,
     .help = "Send and receive many UDP packets as one."},
    {.name = "UDPRcvBuf", .kind = Kind::integer("bytes", 1),
     .complaint = "UDPRcvBuf cannot be negative!",
     .help = "The receive buffer of UDP sockets."},
    {.name = "UDPSndBuf", .kind = Kind::integer("bytes", 1),
     .complaint = "UDPSndBuf cannot be negative!",
     .help = "The send buffer of UDP sockets."},
    {.name = "UPnP", .kind = Kind::choice("no|yes|udponly"), .fallback = "no",
     .complaint = "Invalid UPnP mode!",
     .origin = Origin::tinc_1_1,
     .help = "Ask the local router to forward our port."},
    {.name = "UPnPDiscoverWait", .kind = Kind::integer("seconds", 1, 60), .fallback = "5",
     .lowers = true,
     .origin = Origin::tinc_1_1,
     .help = "How long to look for the router."},
    {.name = "UPnPRefreshPeriod", .kind = Kind::integer("seconds", 1, 86400), .fallback = "60",
     .lowers = true,
     .origin = Origin::tinc_1_1,
     .help = "How often to repeat the request."},
    {.name = "VDEGroup", .kind = Kind::of(Form::text, "group"),
     .help = "The group of the VDE socket."},
    {.name = "VDEPort", .kind = Kind::integer("port", 0), .fallback = "0",
     .help = "The port of the VDE switch."},
    {.name = "Weight", .scope = Scope::others, .kind = Kind::integer("weight",
         std::numeric_limits<std::int32_t>::min()),
     .help = "The cost of the edge to this node; measured when absent."},
});
// clang-format on

constexpr bool is_sorted_and_unique() {
    return std::ranges::adjacent_find(table, [](const Option& a, const Option& b) {
               return !comes_before(a.name, b.name);
           }) == table.end();
}
static_assert(is_sorted_and_unique(), "lookup is a binary search");

/// Edits that turn `a` into `b`; a swap of neighbours is one edit.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto same = [&](std::size_t x, std::size_t y) {
                return lower(a[x - 1]) == lower(b[y - 1]);
            };
            row[j] = std::min({last[j] + 1, row[j - 1] + 1,
                               last[j - 1] + (same(i, j) ? std::size_t{0} : std::size_t{1})});
            if (i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j))
                row[j] = std::min(row[j], before_last[j - 2] + 1);
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::span<const Option> option_table() { return table; }

const Option* find_option(std::string_view name) {
    const auto found = std::ranges::lower_bound(table, name, comes_before, &Option::name);
    return found != table.end() && equal_ignoring_case(found->name, name) ? &*found : nullptr;
}

const Option& option(std::string_view name) {
    const auto* found = find_option(name);
    TINC_ASSERT(found != nullptr);
    return *found;
}

std::optional<std::string_view> nearest_option(std::string_view name) {
    constexpr std::size_t longest = 40;  // Longer than any name and its faults.
    if (name.size() > longest) return std::nullopt;
    std::optional<std::string_view> nearest;
    auto nearest_distance = name.size() / 3 + 1;
    for (const auto& candidate : table) {
        const auto [shorter, longer] = std::minmax({name.size(), candidate.name.size()});
        if (longer - shorter >= nearest_distance) continue;
        const auto distance = edit_distance(name, candidate.name);
        if (distance >= nearest_distance) continue;
        nearest = candidate.name;
        nearest_distance = distance;
    }
    return nearest;
}

}  // namespace tinc::config
