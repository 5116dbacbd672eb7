#pragma once

// The inside of the Node: its parts, and how news travels between them.

#include "tinc/mesh/auto_connect.hpp"
#include "tinc/mesh/connector.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/node/admission.hpp"
#include "tinc/node/node.hpp"
#include "tinc/node/plane_order.hpp"
#include "tinc/peer/peer.hpp"
#include "tinc/plane/plane.hpp"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::node {

struct Node::State {
    /// A meta connection and what the outside calls it.
    struct Entry {
        peer::Peer peer;
        int descriptor = -1;
        bool is_woken = false;  ///< Wake was wanted and take_outgoing() has not come yet
        Time active_since{};
        std::optional<Address> local{};  ///< our end of the connection
        std::deque<Endpoint> proxies{};  ///< that of the proxy in use, and those still to try
    };

    State(config::Settings given_settings, peer::PeerSettings given_peer_settings,
          mesh::MeshSettings mesh_settings, plane::PlaneSettings plane_settings,
          DeviceInfo given_device, RandomSource& given_random, LogSink& given_log);

    // --- one turn (turn.cpp) -------------------------------------------------------------------
    /// Carries news between the parts until all are quiet.
    void turn(Time now);
    void apply(mesh::Effect& effect, Time now);
    void order(PlaneOrder wanted, Time now);
    void apply(plane::Event& event, Time now);
    void send_sealed_by_tcp(plane::SptpsByTcp sealed, Time now);
    void apply(mesh::ConnectorEffect& effect, Time now);
    enum class Bring : std::uint8_t { up, down };
    /// By its script, unless it is so already.
    void bring_device(Bring bring);
    void publish_table();
    void tell_more();
    void wake_writers();

    // --- outgoing connections (dialling.cpp) ---------------------------------------------------
    void dial(mesh::Dial dial, Time now);
    void dial_by_proxy(PeerId id, mesh::Dial dial, Time now);
    /// What each Dial depends on: after start and reload.
    void proxy_changed();
    void proxy_resolved(PeerId id, Result<std::vector<Endpoint>> endpoints, Time now);
    /// False if the attempt is over.
    [[nodiscard]] bool try_next_proxy(PeerId id);
    /// If the proxy did not hear all of what it was told at once: begins anew, more slowly.
    [[nodiscard]] bool ask_proxy_again(PeerId id, Time now);

    // --- whom to connect to, and where (outgoing.cpp) ------------------------------------------
    /// At start and reload.
    void auto_connect_changed(Time now);
    void auto_connect_on_time(Time now);
    void end_connection_with(const std::string& name, Time now);
    [[nodiscard]] std::vector<mesh::AutoConnect::Candidate> candidates();
    void read_host_of_target(const std::string& name);
    void recalled(const std::string& name, const std::vector<Endpoint>& recent);
    void remember_address(const std::string& name, const Destination& remote);

    // --- connections (connections.cpp) ---------------------------------------------------------
    void drain(PeerId id, Time now);
    [[nodiscard]] Result<void> on_event(PeerId id, peer::Event& event, Time now);
    [[nodiscard]] Result<void> provide_host(Entry& entry, Result<config::HostSettings> host,
                                            Time now);
    [[nodiscard]] Result<void> on_activated(PeerId id, const peer::Activated& activated, Time now);
    [[nodiscard]] bool is_crossed_by_better(const Entry& fresh, Time now);
    void on_packet(PeerId id, peer::PacketArrived& packet, Time now);
    void on_sptps_packet(PeerId id, peer::SptpsPacketArrived& packet, Time now);
    void on_key(PeerId id, const peer::KeyLearned& learned);
    [[nodiscard]] std::optional<Endpoint> local_end(PeerId id) const;
    /// Ends a connection for what it did.
    void fail(PeerId id, const Error& error, Time now);
    /// Forgets a connection. Who wants its socket closed says so by an effect.
    void forget(PeerId id, Time now);
    [[nodiscard]] Entry* find(PeerId id);

    config::Settings settings;
    peer::PeerSettings peer_settings;
    DeviceInfo device;
    RandomSource& random;
    LogSink& log;

    mesh::Mesh mesh;
    mesh::Connector connector;
    mesh::AutoConnect auto_connect;
    std::optional<plane::Plane> plane;  ///< none: the data plane is elsewhere
    std::vector<PlaneOrder> orders;     ///< for that
    plane::DeviceBytes device_bytes;    ///< of that
    Admission admission;
    plane::Outbox outbox;
    mesh::RateLimit activations{limits::activations_per_member, std::chrono::seconds(10)};

    std::map<PeerId, Entry> peers;
    std::map<QueryId, PeerId> host_queries;            ///< of accepted connections
    std::map<QueryId, std::string> connector_queries;  ///< of a ConnectTo, by its name
    std::map<QueryId, PeerId> proxy_queries;           ///< of outgoing connections
    std::map<QueryId, std::string> recall_queries;     ///< of a target, by its name
    std::set<std::string> hosts_with_address;          ///< as of the last scan
    std::map<QueryId, std::string> key_queries;        ///< of nodes whose key the mesh seeks
    peer::ProxyHandshake::Pace proxy_pace = peer::ProxyHandshake::Pace::at_once;
    std::uint64_t last_peer = 0;
    std::uint64_t last_query = 0;
    std::vector<Effect> effects;
    Time now{};  ///< of the event being handled
    Time retreat_until = Time::min();
    bool is_device_up = false;  ///< tinc-up was wanted last, not tinc-down
    bool is_stopping = false;
};

}  // namespace tinc::node
