#pragma once

// The whole daemon as one object. Events and the time go in; Effects, bytes for connections and
// packets for the network and the device come out. It has no descriptor, no clock and no thread,
// so a simulation can run hundreds of them.
//
// After every call floor 5 does three things: carries out take_effects(), drains outbox(), and
// arms its one timer for deadline().

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/local_addresses.hpp"
#include "tinc/base/log.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/crypto/own_keys.hpp"
#include "tinc/node/effect.hpp"
#include "tinc/node/plane_order.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/outbox.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::mesh {
class Mesh;
}

namespace tinc::node {

/// How the device is called in the log and in dumps.
struct DeviceInfo {
    std::string description;  ///< "Linux tun/tap device (tun mode)"
    std::string device;       ///< "/dev/net/tun"
};

/// How a reload changes things that are not in Settings.
struct Reload {
    config::Settings settings;
    /// Nodes whose host file is gone or was changed since the last reload or start; their
    /// connections are closed.
    std::vector<std::string> changed_hosts;
};

class Node {
  public:
    /// Errc::refused with the operator's words if Cipher, Digest or another value cannot be used.
    [[nodiscard]] static Result<std::unique_ptr<Node>> create(config::Settings settings,
                                                              crypto::OwnKeys own_keys,
                                                              DeviceInfo device,
                                                              RandomSource& random, LogSink& log);
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    ~Node();

    // --- life ----------------------------------------------------------------------------------
    /// Who tells our address towards others, for answers that say where a packet's hops were used
    /// up. Outlives the Node.
    void use(LocalAddresses& addresses);
    /// The device is open: wants tinc-up and the subnet-up of our own subnets run. With
    /// DeviceStandby tinc-up waits for the first node that can be reached, and tinc-down follows
    /// the last one.
    void device_opened(Time now);
    /// The device was lost and is there again, without addresses.
    void device_reopened(Time now);
    /// Sockets are bound, in this order; the port of the first is announced where none was
    /// configured. Begins to connect.
    void start(std::span<const Endpoint> listening, Time now);
    /// Takes over what config::reloaded() takes over, and nothing else. Connections stay, except
    /// those of changed hosts and those that are still being made.
    void reload(const Reload& reload, Time now);
    /// Closes all connections and wants all -down scripts up to the own subnets' run. tinc-down
    /// is wanted by device_closing(), after floor 5 has closed its sockets, if tinc-up was.
    void stop(Time now);
    void device_closing(Time now);

    /// How many sockets there can be; strangers get no more than a quarter of them.
    void set_descriptor_limit(std::size_t most);

    // --- meta connections ----------------------------------------------------------------------
    /// A TCP connection came in. The new connection, or why it is not wanted (Errc::exhausted:
    /// too many from there; the socket goes to the tarpit). `descriptor` only appears in dumps.
    [[nodiscard]] Result<PeerId> accepted(const Endpoint& remote, int descriptor, Time now);
    void connected(PeerId peer, int descriptor, Time now);
    /// Our end of a connection, told before connected(): others on its network may reach us there.
    void set_local_address(PeerId peer, const Address& local);
    /// `reason` as the system words it: "Connection refused".
    void connect_failed(PeerId peer, std::string_view reason, Time now);
    void receive(PeerId peer, Bytes bytes, Time now);
    /// The remote end or the system ended the connection. `reason` is empty at an orderly end.
    void closed(PeerId peer, std::string_view reason, Time now);
    /// Bytes to write next, at most limits::write_chunk_bytes; empty: wait for Wake. They count as
    /// unsent until written() says otherwise.
    [[nodiscard]] std::vector<std::byte> take_outgoing(PeerId peer);
    void written(PeerId peer, std::size_t count, Time now);

    // --- a data plane elsewhere ----------------------------------------------------------------
    /// From here on, and before anything else, the Node has no Plane: what is wanted of those who
    /// carry the packets comes out of take_orders() after every call, and what they meet with goes
    /// into met().
    void give_away_plane();
    [[nodiscard]] std::vector<PlaneOrder> take_orders();
    void met(std::vector<plane::Event> events, Time now);
    /// What they have carried so far, for statistics.
    void set_device_bytes(const plane::DeviceBytes& carried);

    // --- answers -------------------------------------------------------------------------------
    void resolved(QueryId query, Result<std::vector<Endpoint>> endpoints, Time now);
    void host_loaded(QueryId query, Result<config::HostSettings> host, Time now);

    /// The names of those, our own or not. Nothing of an earlier scan counts any more.
    void hosts_scanned(std::vector<std::string> with_address, Time now);
    /// Most recent first; none if nothing is known.
    void recalled(QueryId query, const std::vector<Endpoint>& recent, Time now);

    // --- packets -------------------------------------------------------------------------------
    // Not of a Node that has given its Plane away.
    /// Frames read from the device, Ethernet header included.
    void from_device(packet::Batch& frames, Time now);
    /// Datagrams of one socket; `sources[i]` sent `datagrams[i]`.
    void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                      SocketIndex socket, Time now);
    [[nodiscard]] plane::Outbox& outbox();
    /// The system refused a datagram for its size (EMSGSIZE).
    void datagram_too_big(NodeIndex node, std::size_t frame_bytes, Time now);

    // --- time ----------------------------------------------------------------------------------
    [[nodiscard]] Time deadline() const;
    void on_time(Time now);
    [[nodiscard]] std::vector<Effect> take_effects();

    // --- the operator --------------------------------------------------------------------------
    void dump_connections() const;  ///< SIGUSR1
    void dump_state() const;        ///< SIGUSR2: device statistics, nodes, edges, subnets
    void dump_statistics() const;   ///< device statistics alone, at exit
    void purge(Time now);           ///< SIGWINCH
    void retry(Time now);           ///< SIGALRM: all retries and pings are due

    // --- for those who watch -------------------------------------------------------------------
    /// Names of all nodes there is a way to, our own included, in order.
    [[nodiscard]] std::vector<std::string> reachable_nodes() const;
    [[nodiscard]] const mesh::Mesh& mesh() const;
    /// Not of a Node that has given it away.
    [[nodiscard]] const plane::Plane& plane() const;

  private:
    struct State;
    explicit Node(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace tinc::node
