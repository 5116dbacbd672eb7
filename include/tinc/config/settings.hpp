#pragma once

// What the configuration files mean. Text becomes Assignments (config/parser.hpp), Assignments are
// checked against the option table (config/option_table.hpp) and become these typed values. Floor
// 5 reads the files; nothing here opens one.

#include "tinc/base/error.hpp"
#include "tinc/config/places.hpp"
#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/rsa.hpp"
#include "tinc/wire/subnet.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tinc::config {

enum class AddressFamily : std::uint8_t { any, ipv4, ipv6 };
enum class RoutingMode : std::uint8_t { router, switching, hub };
enum class Forwarding : std::uint8_t { off, internal, kernel };
enum class Broadcast : std::uint8_t { no, mst, direct };

/// What a router is asked to forward to us.
enum class PortForwarding : std::uint8_t { no, yes, udp_only };

enum class ProxyType : std::uint8_t { none, socks4, socks4a, socks5, http, exec };

/// `host [port]` as written; still to be resolved. An empty port means the default one.
struct HostPort {
    std::string host;
    std::string port;
    friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// `Proxy`: what outgoing meta connections go through. User, password and command are secret.
struct ProxySettings {
    ProxyType type = ProxyType::none;
    HostPort server;       ///< of all but none and exec
    std::string user;      ///< at most 255 bytes
    std::string password;  ///< at most 255 bytes; SOCKS5 logs in only with both
    std::string command;   ///< of exec, for the shell
    friend bool operator==(const ProxySettings&, const ProxySettings&) = default;
};

/// What we read of another node: `-o NAME.KEY=VALUE` and hosts/NAME.
struct HostSettings {
    std::vector<HostPort> addresses;
    std::string port = "655";
    bool indirect_data = false;
    bool tcp_only = false;
    std::optional<bool> clamp_mss;
    std::optional<std::uint16_t> pmtu;
    std::optional<std::int32_t> weight;
    std::vector<wire::Subnet> subnets;
    /// The node's RSA key, or why there is none that can be used.
    Result<crypto::RsaPublicKey> public_key = failure(Errc::refused, "No public key specified");
    /// The node's Ed25519 key, if it has one, or why what stands there is none. Whoever has one is
    /// not talked to without it.
    Result<std::optional<crypto::Ed25519PublicKey>> ed25519_key =
        std::optional<crypto::Ed25519PublicKey>();
};

/// What subnets host files give to whom, by the names of the nodes.
using HostSubnets = std::map<std::string, std::vector<wire::Subnet>>;

/// Everything tinc.conf, conf.d, our own host file and -o say, with defaults filled in.
struct Settings {
    std::string name;
    bool has_own_host_file = false;  ///< it could be read
    bool bypass_security = false;    ///< --bypass-security: no keys, everything in clear
    Places places;                   ///< of all that is written, by its variable

    // Sockets.
    AddressFamily address_family = AddressFamily::any;
    std::vector<HostPort> bind_to_address;  ///< host "*": any
    std::vector<HostPort> listen_address;   ///< not for outgoing connections; both empty: any
    std::string bind_to_interface;          ///< empty: none
    std::uint32_t firewall_mark = 0;        ///< of all sockets; 0: none
    std::string port = "655";
    bool has_port = false;  ///< Port is given; if not, that of the first socket is announced
    bool udp_offload = true;
    std::optional<std::size_t> data_workers;  ///< none: as the processors suggest
    int udp_rcvbuf = 0;  ///< bytes; 0: the system's default, or more with udp_offload
    int udp_sndbuf = 0;
    std::optional<std::uint32_t> max_connection_burst;  ///< of one source; none: no limit
    PortForwarding upnp = PortForwarding::no;
    std::chrono::seconds upnp_discover_wait{5};
    std::chrono::seconds upnp_refresh_period{60};

    // Device.
    std::string device;       ///< empty: the type's default
    std::string interface;    ///< empty: the netname
    std::string device_type;  ///< lower case; empty: by mode
    bool device_offload = true;
    bool device_standby = false;
    bool iff_one_queue = false;
    int vde_port = 0;       ///< 0: any
    std::string vde_group;  ///< empty: as the switch says

    // Mesh.
    std::vector<std::string> connect_to;
    std::optional<bool> auto_connect;  ///< not given: no
    /// Addresses that were good before, kept in the folder `cache`, and those that other nodes
    /// announce are tried ahead of Address. With AutoConnect, or if there is such a folder.
    bool remembers_addresses = false;
    std::chrono::seconds max_timeout{900};
    std::chrono::seconds min_timeout{0};
    std::chrono::seconds ping_interval{60};
    std::chrono::seconds ping_timeout{5};
    std::chrono::seconds key_expire{3600};
    std::chrono::seconds mac_expire{600};
    std::size_t max_output_buffer_bytes = 10 * 1518;
    bool strict_subnets = false;  ///< implied by tunnel_server
    HostSubnets host_subnets;     ///< of all others' host files; only read with strict_subnets
    bool tunnel_server = false;
    bool direct_only = false;
    bool hostnames = false;
    std::optional<bool> local_discovery;  ///< not given: only of nodes of protocol 1.1

    // Protocol 1.1.
    std::optional<bool> experimental_protocol;  ///< not given: if there is an Ed25519 key
    bool strict_keys = false;
    bool udp_discovery = true;
    std::chrono::seconds udp_discovery_interval{2};
    std::chrono::seconds udp_discovery_keepalive_interval{10};
    std::chrono::seconds udp_discovery_timeout{30};
    std::chrono::seconds mtu_info_interval{5};
    std::chrono::seconds udp_info_interval{5};

    // Routing.
    RoutingMode mode = RoutingMode::router;
    Forwarding forwarding = Forwarding::internal;
    Broadcast broadcast = Broadcast::mst;
    std::vector<wire::Subnet> broadcast_subnets;
    bool decrement_ttl = false;
    bool priority_inheritance = false;

    // Our own host part.
    std::string cipher = "aes-256-cbc";
    std::string digest = "sha256";
    std::size_t mac_length_bytes = 4;
    int compression = 0;
    bool clamp_mss = true;
    bool indirect_data = false;
    bool tcp_only = false;  ///< implies indirect_data
    std::uint16_t pmtu = 1518;
    bool pmtu_discovery = true;  ///< default no with tcp_only
    std::vector<wire::Subnet> subnets;
    std::size_t replay_window_bytes = 16;

    // Keys.
    std::string private_key_file;          ///< empty: BASE/rsa_key.priv
    std::string ed25519_private_key_file;  ///< empty: BASE/ed25519_key.priv
    std::string private_key_hex;           ///< obsolete PrivateKey; wipe after use
    std::string public_key_hex;  ///< obsolete PublicKey, the modulus that PrivateKey needs
    /// The public key of our own host file, if it has one: checked against the private key.
    std::optional<crypto::RsaPublicKey> own_public_key;
    std::optional<crypto::Ed25519PublicKey> own_ed25519_public_key;  ///< likewise

    // Process.
    std::string process_priority;  ///< low, normal, high or empty
    std::string scripts_interpreter;
    std::string scripts_extension;  ///< behind the names of all scripts
    int log_level = 0;              ///< where the command line asks for none
    std::string graph_dump_file;
    ProxySettings proxy;
};

/// Which variables have other values, by name.
struct Difference {
    std::vector<std::string> applied;        ///< a reload is enough
    std::vector<std::string> needs_restart;  ///< without effect until the next start

    [[nodiscard]] bool is_empty() const { return applied.empty() && needs_restart.empty(); }
    /// A sentence for each list that is not empty: "Changed: ConnectTo, Subnet".
    [[nodiscard]] std::vector<std::string> messages() const;
};

/// What a reload brings. Values stay out of it: some are secret.
[[nodiscard]] Difference difference(const Settings& old, const Settings& fresh);

/// The settings after a reload: those that difference() calls applied are taken from `fresh`, all
/// others stay.
[[nodiscard]] Settings reloaded(const Settings& running, const Settings& fresh);

}  // namespace tinc::config
