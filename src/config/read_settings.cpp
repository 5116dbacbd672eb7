// Our own configuration: from Assignments to Settings, one function for each group of Settings.

#include "tinc/base/text.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/config/value_reader.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"
#include "tinc/crypto/weakness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

namespace tinc::config {

namespace {

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void append(std::vector<Assignment>& all, std::vector<Assignment> more) {
    std::ranges::move(more, std::back_inserter(all));
}

void append_options(std::vector<Assignment>& all, const std::vector<CommandLineOption>& options,
                    std::string_view host) {
    for (const auto& given : options)
        if (given.host == host) all.push_back(given.assignment);
}

/// `$VAR` as the environment has it, with `_` for what a name cannot hold.
std::optional<std::string> name_from_environment(const std::string& variable,
                                                 const Sources& sources) {
    constexpr std::size_t host_name_bytes = 31;  // Source: legacy protocol 8.5, Name.
    auto value = sources.environment ? sources.environment(variable) : std::nullopt;
    if (!value && variable == "HOST") value = sources.host_name.substr(0, host_name_bytes);
    if (value) std::ranges::replace_if(*value, [](char c) { return !is_alphanumeric(c); }, '_');
    return value;
}

/// Empty if there is none that can be used.
std::string read_name(const Sources& sources, ValueReader& reader, Report& report) {
    const auto* given = reader.find("Name");
    auto name = given == nullptr ? std::optional<std::string>("") : given->value;
    if (given != nullptr && given->value.starts_with('$')) {
        name = name_from_environment(given->value.substr(1), sources);
        if (!name)
            reader.fault(*given, fmt::format("Invalid Name: environment variable {} does not exist",
                                             shown(std::string_view(given->value).substr(1))));
    }
    if (name && is_node_name(*name)) return *name;
    if (given != nullptr && name) reader.fault(*given, option("Name").complaint);
    report.errors.push_back(
        given != nullptr
            ? "Name for tinc daemon required!"
            : fmt::format("Name for tinc daemon required! ({} has none)", sources.tinc_conf.path));
    return {};
}

std::chrono::seconds seconds_of(ValueReader& reader, std::string_view variable) {
    return std::chrono::seconds(reader.integer(variable));
}

/// By its number, where there is somebody to ask for that of a service.
std::string read_port(ValueReader& reader, const Sources& sources) {
    auto port = reader.port();
    if (parse_number<std::uint16_t>(port) || !sources.service_port) return port;
    if (auto number = sources.service_port(port)) return *std::move(number);
    reader.fault(*reader.find("Port"), "Neither a number nor a service that /etc/services knows");
    return port;
}

void read_sockets(ValueReader& reader, const Sources& sources, Settings& settings) {
    settings.address_family = static_cast<AddressFamily>(reader.choice("AddressFamily"));
    settings.bind_to_address = reader.host_ports("BindToAddress");
    settings.listen_address = reader.host_ports("ListenAddress");
    settings.bind_to_interface = reader.text("BindToInterface");
    settings.firewall_mark = static_cast<std::uint32_t>(reader.integer("FWMark"));
    settings.port = read_port(reader, sources);
    settings.has_port = reader.find("Port") != nullptr;
    settings.udp_offload = reader.yes_or_no("UDPOffload");
    if (const auto workers = reader.given_integer("DataWorkers"))
        settings.data_workers = static_cast<std::size_t>(*workers);
    settings.udp_rcvbuf = static_cast<int>(reader.integer("UDPRcvBuf"));
    settings.udp_sndbuf = static_cast<int>(reader.integer("UDPSndBuf"));
    if (const auto burst = reader.given_integer("MaxConnectionBurst"))
        settings.max_connection_burst = static_cast<std::uint32_t>(*burst);
    settings.upnp = static_cast<PortForwarding>(reader.choice("UPnP"));
    settings.upnp_discover_wait = seconds_of(reader, "UPnPDiscoverWait");
    settings.upnp_refresh_period = seconds_of(reader, "UPnPRefreshPeriod");
}

std::string lower_case(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

/// Some types need more than their name.
void check_device_type(ValueReader& reader, const Settings& settings) {
    const auto* given = reader.find("DeviceType");
    const auto words = split_words(settings.device, 3);
    if (settings.device_type == "fd" && settings.mode != RoutingMode::router)
        reader.fault(*given,
                     "Switch mode not supported (requires unsupported TAP device)! DeviceType = "
                     "fd carries bare IP packets and needs Mode = router");
    if (settings.device_type == "fd" && words.empty())
        reader.fault(*given,
                     "Could not read device from configuration! DeviceType = fd needs Device = "
                     "NUMBER or SOCKET");
    if (settings.device_type != "multicast" || words.size() >= 2) return;
    reader.fault(*given,
                 fmt::format("{} required for multicast socket: Device = ADDRESS PORT [TTL], for "
                             "example 239.1.2.3 5000",
                             words.empty() ? "Device variable" : "Port number"));
}

void read_device(ValueReader& reader, Settings& settings) {
    settings.device = reader.text("Device");
    settings.interface = reader.text("Interface");
    if (reader.given_choice("DeviceType"))
        settings.device_type = lower_case(reader.text("DeviceType"));
    settings.device_offload = reader.yes_or_no("DeviceOffload");
    settings.device_standby = reader.yes_or_no("DeviceStandby");
    settings.iff_one_queue = reader.yes_or_no("IffOneQueue");
    settings.vde_port = static_cast<int>(reader.integer("VDEPort"));
    settings.vde_group = reader.text("VDEGroup");
    check_device_type(reader, settings);
}

std::vector<std::string> read_connect_to(ValueReader& reader, const std::string& own_name,
                                         Report& report) {
    std::vector<std::string> names;
    std::set<std::string_view> seen;
    for (const auto* given : reader.all("ConnectTo")) {
        if (!is_node_name(given->value))
            report.warnings.push_back(fmt::format("Invalid name for outgoing connection in {}: {}",
                                                  place_of(*given), shown(given->value)));
        else if (given->value == own_name)
            reader.warn(*given, "ConnectTo with our own name is ignored");
        else if (seen.insert(given->value).second)
            names.push_back(given->value);
    }
    return names;
}

void read_retries(ValueReader& reader, Settings& settings) {
    settings.max_timeout = seconds_of(reader, "MaxTimeout");
    settings.min_timeout = seconds_of(reader, "MinTimeout");
    if (settings.min_timeout <= settings.max_timeout) return;
    reader.warn(*reader.find("MinTimeout"),
                fmt::format("Minimum timeout ({} s) cannot be larger than maximum timeout ({} s). "
                            "Correcting !",
                            settings.min_timeout.count(), settings.max_timeout.count()));
    settings.min_timeout = settings.max_timeout;
}

/// Too small an interval means "hardly ever"; a timeout that makes no sense means the interval.
void read_pings(ValueReader& reader, Settings& settings) {
    constexpr std::int64_t hardly_ever = 86400;
    auto interval = reader.given_number("PingInterval");
    if (interval && *interval < option("PingInterval").kind.least) {
        reader.warn(*reader.find("PingInterval"),
                    fmt::format("PingInterval is too small, {} is used", hardly_ever));
        interval = hardly_ever;
    }
    settings.ping_interval = interval ? std::chrono::seconds(*interval) : settings.ping_interval;

    const auto timeout = reader.given_number("PingTimeout");
    settings.ping_timeout = timeout ? std::chrono::seconds(*timeout) : settings.ping_timeout;
    if (settings.ping_timeout >= std::chrono::seconds(option("PingTimeout").kind.least) &&
        settings.ping_timeout <= settings.ping_interval)
        return;
    if (timeout)
        reader.warn(*reader.find("PingTimeout"),
                    fmt::format("PingTimeout is not between 1 and PingInterval, {} is used",
                                settings.ping_interval.count()));
    settings.ping_timeout = settings.ping_interval;
}

void read_mesh(ValueReader& reader, Settings& settings, Report& report) {
    settings.connect_to = read_connect_to(reader, settings.name, report);
    settings.auto_connect = reader.given_yes_or_no("AutoConnect");
    settings.remembers_addresses = settings.auto_connect.value_or(false);
    read_retries(reader, settings);
    read_pings(reader, settings);
    settings.key_expire = seconds_of(reader, "KeyExpire");
    settings.mac_expire = seconds_of(reader, "MACExpire");
    settings.max_output_buffer_bytes =
        static_cast<std::size_t>(reader.integer("MaxOutputBufferSize"));
    settings.tunnel_server = reader.yes_or_no("TunnelServer");
    settings.strict_subnets = reader.yes_or_no("StrictSubnets") || settings.tunnel_server;
    settings.strict_keys = reader.yes_or_no("StrictKeys");
    settings.direct_only = reader.yes_or_no("DirectOnly");
    settings.hostnames = reader.yes_or_no("Hostnames");
    settings.local_discovery = reader.given_yes_or_no("LocalDiscovery");
}

void read_udp_discovery(ValueReader& reader, Settings& settings) {
    settings.udp_discovery = reader.yes_or_no("UDPDiscovery");
    settings.udp_discovery_interval = seconds_of(reader, "UDPDiscoveryInterval");
    settings.udp_discovery_keepalive_interval = seconds_of(reader, "UDPDiscoveryKeepaliveInterval");
    settings.udp_discovery_timeout = seconds_of(reader, "UDPDiscoveryTimeout");
    settings.mtu_info_interval = seconds_of(reader, "MTUInfoInterval");
    settings.udp_info_interval = seconds_of(reader, "UDPInfoInterval");
}

void read_routing(ValueReader& reader, Settings& settings) {
    settings.mode = static_cast<RoutingMode>(reader.choice("Mode"));
    settings.forwarding = static_cast<Forwarding>(reader.choice("Forwarding"));
    constexpr std::size_t yes = 3;  // Another word for the tree.
    const auto broadcast = reader.choice("Broadcast");
    settings.broadcast = broadcast == yes ? Broadcast::mst : static_cast<Broadcast>(broadcast);
    settings.broadcast_subnets = reader.subnets("BroadcastSubnet");
    settings.decrement_ttl = reader.yes_or_no("DecrementTTL");
    settings.priority_inheritance = reader.yes_or_no("PriorityInheritance");
}

/// That the algorithm of packets to us is a bad choice, or none at all.
template <class Spec>
void warn_of_algorithm(ValueReader& reader, std::string_view variable, const Spec& spec) {
    const auto* given = reader.find(variable);
    if (given == nullptr) return;
    if (const auto why = crypto::obstacle(spec); !why.empty())
        reader.warn(*given, fmt::format("Packets to this node can only come by TCP: {}", why));
    else if (const auto reason = crypto::weakness(spec); !reason.empty())
        reader.warn(*given, fmt::format("{} is weak, {}: better {}", spec.name, reason,
                                        option(variable).fallback));
}

void read_packet_format(ValueReader& reader, Settings& settings) {
    settings.cipher = reader.text("Cipher");
    if (const auto cipher = crypto::cipher_by_name(settings.cipher))
        warn_of_algorithm(reader, "Cipher", *cipher);
    else
        reader.fault(*reader.find("Cipher"), option("Cipher").complaint);

    settings.digest = reader.text("Digest");
    const auto digest = crypto::digest_by_name(settings.digest);
    if (digest)
        warn_of_algorithm(reader, "Digest", *digest);
    else
        reader.fault(*reader.find("Digest"), option("Digest").complaint);

    settings.mac_length_bytes = static_cast<std::size_t>(reader.integer("MACLength"));
    const auto is_too_long =
        digest && !digest->is_none() && settings.mac_length_bytes > digest->bytes;
    if (const auto* given = reader.find("MACLength"); given != nullptr && is_too_long)
        reader.fault(*given, "MAC length exceeds size of digest!");

    settings.compression = static_cast<int>(reader.integer("Compression"));
}

void read_own_host_part(ValueReader& reader, Settings& settings) {
    read_packet_format(reader, settings);
    settings.clamp_mss = reader.yes_or_no("ClampMSS");
    settings.tcp_only = reader.yes_or_no("TCPOnly");
    settings.indirect_data = reader.yes_or_no("IndirectData") || settings.tcp_only;
    settings.pmtu_discovery = reader.given_yes_or_no("PMTUDiscovery").value_or(!settings.tcp_only);
    settings.pmtu =
        static_cast<std::uint16_t>(std::min<std::int64_t>(reader.integer("PMTU"), settings.pmtu));
    settings.subnets = reader.subnets("Subnet");
    settings.replay_window_bytes = static_cast<std::size_t>(reader.integer("ReplayWindow"));
}

bool is_hexadecimal(std::string_view text) {
    return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

/// Our public key: the obsolete PublicKey, or else the PEM block of our host file.
void read_own_public_key(ValueReader& reader, const SourceFile& host_file, Settings& settings,
                         Report& report) {
    const auto* given = reader.find("PublicKey");
    auto key = given == nullptr
                   ? crypto::RsaPublicKey::from_pem(host_file.text, host_file.path)
                   : crypto::RsaPublicKey::from_hex_modulus(given->value, place_of(*given));
    if (key) {
        settings.own_public_key = *std::move(key);
    } else if (given != nullptr && !settings.private_key_hex.empty()) {
        reader.fault(*given, option("PublicKey").complaint);
    } else if (given != nullptr || key.error().code != Errc::refused) {
        report.warnings.push_back(std::move(key.error().what));
    }
}

/// Likewise: Ed25519PublicKey, or else the block of our host file.
void read_own_ed25519_key(ValueReader& reader, const SourceFile& host_file, Settings& settings,
                          Report& report) {
    if (const auto* given = reader.find("Ed25519PublicKey")) {
        auto key = crypto::Ed25519PublicKey::parse(given->value);
        if (key)
            settings.own_ed25519_public_key = *key;
        else
            reader.warn(*given, key.error().what);
        return;
    }
    auto key = crypto::find_public_key(host_file.text, host_file.path);
    if (key)
        settings.own_ed25519_public_key = *key;
    else
        report.warnings.push_back(std::move(key.error().what));
}

void read_keys(ValueReader& reader, const SourceFile& host_file, Settings& settings,
               Report& report) {
    settings.private_key_file = reader.text("PrivateKeyFile");
    settings.ed25519_private_key_file = reader.text("Ed25519PrivateKeyFile");
    settings.experimental_protocol = reader.given_yes_or_no("ExperimentalProtocol");
    settings.private_key_hex = reader.text("PrivateKey");
    settings.public_key_hex = reader.text("PublicKey");
    const auto* given = reader.find("PrivateKey");
    if (given != nullptr && settings.public_key_hex.empty())
        reader.fault(*given, "PrivateKey used but no PublicKey found!");
    if (given != nullptr && !is_hexadecimal(settings.private_key_hex))
        reader.fault(*given, option("PrivateKey").complaint);
    read_own_public_key(reader, host_file, settings, report);
    read_own_ed25519_key(reader, host_file, settings, report);
}

/// The type of a proxy as it may stand in a message: a URL with a password may be in its place.
std::string shown_type(std::string_view type) {
    const auto end = type.find_first_of(":/@");
    return end == std::string_view::npos ? shown(type) : shown(type.substr(0, end)) + "...";
}

std::optional<ProxyType> proxy_type_by_name(std::string_view name) {
    static constexpr std::pair<std::string_view, ProxyType> types[] = {
        {"none", ProxyType::none},       {"socks4", ProxyType::socks4},
        {"socks4a", ProxyType::socks4a}, {"socks5", ProxyType::socks5},
        {"http", ProxyType::http},       {"exec", ProxyType::exec}};
    for (const auto& [word, type] : types)
        if (equal_ignoring_case(name, word)) return type;
    return std::nullopt;
}

void read_proxy(ValueReader& reader, Settings& settings) {
    /// SOCKS5 counts each in one byte.
    constexpr std::size_t longest_credential = 255;
    const auto* given = reader.find("Proxy");
    if (given == nullptr) return;
    const auto type_word = split_words(given->value, 2).front();
    const auto type = proxy_type_by_name(type_word);
    if (!type)
        return reader.fault(*given, fmt::format("Unknown proxy type {}!", shown_type(type_word)));
    ProxySettings proxy;
    proxy.type = *type;
    if (proxy.type == ProxyType::exec) {
        const auto words = split_words(given->value, 2);
        if (words.size() < 2) return reader.fault(*given, "Argument expected for proxy type exec!");
        proxy.command = words[1];
    } else if (proxy.type != ProxyType::none) {
        const auto words = split_words(given->value, 5);
        if (words.size() < 3 || !is_port(words[2]))
            return reader.fault(*given, "Host and port argument expected for proxy!");
        proxy.server = {std::string(words[1]), std::string(words[2])};
        if (words.size() > 3) proxy.user = words[3];
        if (words.size() > 4) proxy.password = words[4];
        if (std::max(proxy.user.size(), proxy.password.size()) > longest_credential)
            return reader.fault(*given, "User and password of a proxy have at most 255 bytes!");
    }
    settings.proxy = std::move(proxy);
}

void read_process(ValueReader& reader, Settings& settings) {
    if (reader.given_choice("ProcessPriority"))
        settings.process_priority = lower_case(reader.text("ProcessPriority"));
    settings.scripts_interpreter = reader.text("ScriptsInterpreter");
    settings.scripts_extension = reader.text("ScriptsExtension");
    settings.graph_dump_file = reader.text("GraphDumpFile");
    settings.log_level = static_cast<int>(reader.integer("LogLevel"));
    constexpr std::size_t off = 0;
    if (reader.choice("Sandbox") != off)
        reader.warn(*reader.find("Sandbox"), "There is no sandbox in this version");
}

/// Our host file, or an empty one: the daemon starts without it all the same.
SourceFile own_host_file(const Sources& sources, Settings& settings, Report& report) {
    if (settings.name.empty() || !sources.own_host_file) return {};
    auto file = sources.own_host_file(settings.name);
    settings.has_own_host_file = file.has_value();
    if (file) return *std::move(file);
    auto& lines = sources.needs_own_host_file ? report.errors : report.warnings;
    lines.push_back(std::move(file.error().what));
    return {};
}

}  // namespace

std::optional<Settings> read_settings(const Sources& sources, Report& report) {
    const auto errors_before = report.errors.size();
    std::vector<Assignment> assignments;
    append_options(assignments, sources.options, "");
    append(assignments, assignments_of(sources.tinc_conf, OnFault::error, report));
    for (const auto& file : sources.conf_d)
        append(assignments, assignments_of(file, OnFault::error, report));

    Settings settings;
    ValueReader without_host(assignments, ValueReader::Whose::ours, report);
    settings.name = read_name(sources, without_host, report);
    without_host.check_scope();
    const auto host_file = own_host_file(sources, settings, report);
    const auto on_fault = sources.needs_own_host_file ? OnFault::error : OnFault::warning;
    append(assignments, assignments_of(host_file, on_fault, report));
    if (!settings.name.empty()) append_options(assignments, sources.options, settings.name);

    ValueReader reader(std::move(assignments), ValueReader::Whose::ours, report);
    reader.check_names();
    settings.places = reader.places();
    read_sockets(reader, sources, settings);
    read_routing(reader, settings);
    read_device(reader, settings);
    read_mesh(reader, settings, report);
    read_udp_discovery(reader, settings);
    read_own_host_part(reader, settings);
    read_keys(reader, host_file, settings, report);
    read_proxy(reader, settings);
    read_process(reader, settings);
    if (report.errors.size() > errors_before) return std::nullopt;
    return settings;
}

}  // namespace tinc::config
