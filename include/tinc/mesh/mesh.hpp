#pragma once

// The life of the mesh as one node sees it. Lines of authenticated connections and news of the data
// plane come in; lines, settings of the data plane and script calls go out as Effects.
//
//     mesh.cpp        connections, time, dispatch of requests
//     floods.cpp      ADD/DEL_SUBNET, ADD/DEL_EDGE, contradictions, purge
//     learned_macs.cpp  MAC addresses of hosts behind our device, in switch mode
//     host_subnets.cpp  what our files say of subnets
//     gossip_policy.cpp  what of all that counts: StrictSubnets, TunnelServer
//     keys.cpp        REQ_KEY, ANS_KEY, KEY_CHANGED of 1.0, expiry
//     sessions.cpp    SPTPS sessions and Ed25519 keys of nodes of 1.1
//     reachability.cpp  what follows when nodes come and go: scripts, addresses, keys
//     discovery.cpp   MTU probes, UDP addresses, local discovery of 1.0
//     tunnels.cpp     the same of 1.1, where relays are tried, too
//     path_news.cpp   UDP_INFO, MTU_INFO
//     dump.cpp        what SIGUSR2 shows
//
// Paths are not found anew for each line but once per turn, in settle(), and in a storm of changes
// at most every recompute_pause.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/local_addresses.hpp"
#include "tinc/base/log.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/graph/graph.hpp"
#include "tinc/legacy/datagram.hpp"
#include "tinc/mesh/effect.hpp"
#include "tinc/mesh/gossip_policy.hpp"
#include "tinc/mesh/path_mtu.hpp"
#include "tinc/mesh/rate_limit.hpp"
#include "tinc/mesh/seen_requests.hpp"
#include "tinc/mesh/udp_path.hpp"
#include "tinc/sptps/datagram.hpp"
#include "tinc/wire/messages.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::mesh {

struct MeshSettings {
    std::string name;
    std::vector<wire::Subnet> subnets;
    std::vector<wire::Subnet> broadcast_subnets;  ///< that are for everybody
    legacy::PacketSuite suite;                    ///< what others use to send to us
    std::size_t replay_window_bytes = 16;
    std::uint32_t options = 0;  ///< our own option bits, as dumps show them
    std::uint16_t pmtu = limits::frame_bytes;
    std::chrono::seconds ping_interval{60};
    std::chrono::seconds ping_timeout{5};
    std::chrono::seconds key_expire{3600};
    std::chrono::seconds mac_expire{600};
    bool local_discovery = false;  ///< by broadcasts, of nodes of 1.0
    Trust trust = Trust::everybody;
    config::HostSubnets host_subnets;  ///< what others may have, unless everybody is trusted

    // Protocol 1.1.
    std::shared_ptr<const crypto::Ed25519PrivateKey> key;  ///< none: 1.0 alone is spoken
    bool strict_keys = false;  ///< keys that other nodes tell are not believed
    std::uint32_t session_records = sptps::many_records;  ///< see there
    UdpDiscovery udp_discovery;
    bool seeks_local_addresses = false;  ///< that edges tell, of nodes of 1.1
    std::chrono::seconds udp_info_interval{5};
    std::chrono::seconds mtu_info_interval{5};
};

/// A connection whose authentication ended well.
struct Activation {
    PeerId peer{};
    std::string name;
    std::string label;          ///< "beta (10.99.1.2 port 42705)"
    Endpoint address;           ///< its TCP address with the port it announced
    std::uint32_t options = 0;  ///< of both ends, merged
    std::int32_t weight = 0;
    std::optional<std::uint16_t> pmtu;                           ///< from its host file
    std::optional<crypto::Ed25519PublicKey> key = std::nullopt;  ///< that it has proven
    std::optional<Endpoint> local = std::nullopt;                ///< our end, with our UDP port
};

class Mesh {
  public:
    static constexpr std::chrono::milliseconds recompute_pause{50};
    static constexpr std::chrono::seconds key_request_pause{10};
    /// A node nobody can reach for this long makes room for another when the table is full.
    static constexpr std::chrono::minutes unreachable_at_least{5};
    static constexpr std::size_t most_corrections = 1'024;  ///< of different things in a second
    /// Gossip has no order between different paths: news of an edge's end that took a long way can
    /// arrive behind the news of its return and win. So when changes have rested for this long (or
    /// have gone on for the second), neighbours are told once more all we know. Who knows it
    /// ignores it; who missed it passes it on; who owns what is not true contradicts.
    static constexpr std::chrono::seconds refresh_after_rest{10};
    static constexpr std::chrono::seconds refresh_at_least{60};

    Mesh(MeshSettings settings, RandomSource& random, LogSink& log);

    /// Our own subnets are up: their scripts.
    void announce_own_subnets();
    /// The sockets we listen on; keys begin to age.
    void start(std::span<const Endpoint> listening, Time now);
    /// New subnets of our files are announced, gone ones retracted; other settings are taken over.
    /// Name, suite, key and trust are as they were.
    void reload(MeshSettings settings, Time now);
    /// What was read of these nodes' Ed25519 keys does not count any more.
    void forget_keys_of(std::span<const std::string> names);
    /// Everything goes away without a word to the others: the -down scripts.
    void stop();

    // --- connections ---------------------------------------------------------------------------
    /// The newest connection of a node wins; an older one is closed. Errc::exhausted at a limit.
    [[nodiscard]] Result<void> activated(const Activation& activation, Time now);
    void connection_lost(PeerId peer, Time now);
    /// One request of an active connection, numbers 10 to 16. An error closes the connection.
    [[nodiscard]] Result<void> receive(PeerId peer, wire::Request request, std::string_view line,
                                       Time now);
    /// A new neighbour is told all we know piece by piece, lest it fills its queue: whether there
    /// is more for it, who there is more for, and the next piece of some ten thousand bytes.
    [[nodiscard]] bool is_telling(PeerId peer) const { return news_.contains(peer); }
    [[nodiscard]] std::vector<PeerId> telling() const;
    void tell_more(PeerId peer);
    /// The connection that leads to a node, if it is reachable.
    [[nodiscard]] std::optional<PeerId> connection_towards(NodeIndex node) const;
    [[nodiscard]] std::optional<NodeIndex> node_of(PeerId peer) const;
    [[nodiscard]] std::optional<PeerId> connection_of(std::string_view name) const;

    // --- news of the data plane ----------------------------------------------------------------
    void key_wanted(NodeIndex node, Time now);
    /// Packets of ours, or that we relay, go to this node: its way may have to be looked after.
    void tunnel_used(NodeIndex node, Time now);
    /// Packets of this node come over relays.
    void relayed_from(NodeIndex node, Time now);
    /// Many datagrams in the name of this node cannot be opened.
    void session_doubted(NodeIndex node, Time now);
    void probe_replied(NodeIndex node, std::size_t frame_bytes, Time now);
    /// False if the node has gone meanwhile.
    bool source_moved(NodeIndex node, const Endpoint& remote, SocketIndex socket, Time now);
    void datagram_too_big(NodeIndex node, std::size_t frame_bytes);
    /// A host behind our device sends; heard of once per limits::mac_report_pause at most. Its
    /// address becomes a subnet of ours until it has been silent for MACExpire, or is at another
    /// node. At limits::learned_macs further ones are not learned.
    void mac_seen(const MacAddress& mac, Time now);
    /// A receive counter has come near its end: all our keys are renewed at the next housekeeping.
    void keys_worn_out() { are_keys_worn_ = true; }

    /// The answer to ReadKey.
    void key_loaded(const std::string& name, const Result<config::HostSettings>& host, Time now);
    /// Who can tell how large the packets are that the first link on the way to an address takes.
    /// Outlives the Mesh.
    void use(LocalAddresses& addresses) { local_addresses_ = &addresses; }
    /// The request that carries a sealed datagram, given with the IDs of both ends in front.
    [[nodiscard]] std::string packet_request(NodeIndex from, NodeIndex to, Bytes packet) const;
    /// Whether sessions of 1.1 are held with this node.
    [[nodiscard]] bool is_sptps(NodeIndex node) const;

    // --- time ----------------------------------------------------------------------------------
    [[nodiscard]] Time deadline() const;
    void on_time(Time now);
    /// Ends a turn: finds paths anew if something changed. Call after every other call.
    void settle(Time now);
    [[nodiscard]] std::vector<Effect> take_effects();

    // --- the operator --------------------------------------------------------------------------
    /// SIGWINCH: forget unreachable nodes and tell the others.
    void purge();
    void dump() const;
    /// SIGALRM: probes and housekeeping are due.
    void flush(Time now);

    [[nodiscard]] const graph::Graph& graph() const { return graph_; }
    /// Largest frame that is routed to a node, and the largest that was proven to pass by UDP.
    [[nodiscard]] const PathMtu* path_mtu(NodeIndex node) const;
    [[nodiscard]] std::optional<Endpoint> udp_address(NodeIndex node) const;
    [[nodiscard]] bool has_key(NodeIndex node) const;
    /// For who watches both ends of a session: what the keys are known by. Nothing while there is
    /// no session, or new keys are being agreed upon.
    [[nodiscard]] const sptps::KeyMarks* settled_keys(NodeIndex node) const;
    /// Whether something of ours was proven to arrive by UDP.
    [[nodiscard]] bool has_udp_contact(NodeIndex node) const;

  private:
    /// A subnet of a node, or its edge to another one.
    struct Fact {
        NodeIndex node{};
        std::variant<wire::Subnet, NodeIndex> what;
    };
    struct Connection {
        NodeIndex node{};
        std::string label;
        std::uint32_t options = 0;
    };
    /// How far the search for a node's Ed25519 key is.
    enum class KeySearch : std::uint8_t {
        none,
        in_file,  ///< its host file is being read: what anybody tells meanwhile does not count
        at_node,  ///< the file has none, so the node's word is taken
        in_vain,  ///< the file is broken or must be enough; over when it has changed
    };

    /// What we remember of a node besides the graph.
    struct Member {
        std::optional<PeerId> connection;
        std::optional<Endpoint> remote;
        SocketIndex socket{};
        std::optional<legacy::PacketSuite> sealing;  ///< of the key we have for sending
        bool has_our_key = false;
        std::optional<NodeIndex> announcer;  ///< the neighbour we first heard of it from
        std::size_t announced_nodes = 0;     ///< whose announcer this neighbour is
        Time unreachable_since{};
        Time last_key_request = Time::min();
        PathMtu path_mtu;
        Time armed = never;  ///< when the next probes are due
        std::uint32_t options = 0;
        int last_cipher = 0;  ///< number of the last cipher of `sealing`

        // Of nodes of 1.1.
        std::optional<crypto::Ed25519PublicKey> key;
        KeySearch key_search = KeySearch::none;
        bool has_session = false;
        bool is_renewing = false;  ///< a new key exchange, not a re-key, is under way
        std::optional<sptps::Session> session;
        std::optional<sptps::Session> given_up;  ///< ours, when the other's crossed it
        std::string early_request;  ///< for a session, that came before its key was known
        Time last_session_start = Time::min();
        Time last_key_renewal = Time::min();
        Time last_exchange{};                ///< when something of it was said
        Time last_key_search = Time::min();  ///< in its file or at the node itself
        int compression = 0;                 ///< that it wants
        UdpPath udp_path;
        Time last_udp_info = Time::min();
        Time last_mtu_info = Time::min();
    };

    /// What somebody may be wrong about: our edge to the node of that name, or a subnet of ours.
    using OwnFact = std::variant<std::string, wire::Subnet>;
    struct OwedCorrection {
        PeerId peer{};
        OwnFact fact;
    };

    // floods.cpp
    Result<void> on_add_subnet(PeerId peer, std::string_view line, Time now);
    Result<void> on_del_subnet(PeerId peer, std::string_view line, Time now);
    Result<void> on_add_edge(PeerId peer, std::string_view line, Time now);
    Result<void> on_del_edge(PeerId peer, std::string_view line, Time now);
    void ignore_unauthorised(PeerId peer, const wire::AddSubnet& message, std::string_view line,
                             Time now);
    void correct(PeerId peer, const OwnFact& fact, Time now);
    void send_owed_corrections(Time now);
    [[nodiscard]] std::string truth_about(const OwnFact& fact);
    void check_contradictions(Time now);
    void send_everything(PeerId peer);
    void forget_unreachable();
    void forget_long_unreachable(Time now);
    void forget_node(NodeIndex node);
    void retract_unreachable();
    [[nodiscard]] std::vector<NodeIndex> targets_of(NodeIndex node) const;
    [[nodiscard]] Result<NodeIndex> known_or_new(PeerId peer, std::string_view name, Time now);
    [[nodiscard]] std::string add_edge_line(const graph::Edge& edge);
    [[nodiscard]] std::string del_edge_line(const std::string& from, const std::string& to);
    [[nodiscard]] std::string subnet_line(wire::Request request, NodeIndex owner,
                                          const wire::Subnet& subnet);
    [[nodiscard]] std::uint32_t nonce() { return random_.next_u32() & 0x7fffffffU; }

    // learned_macs.cpp
    [[nodiscard]] bool is_own_mac(const MacAddress& mac) const;
    [[nodiscard]] bool is_learned(const wire::Subnet& subnet) const;
    void expire_macs(Time now);
    void mac_moved(const MacAddress& mac);
    void forget_learned(const MacAddress& mac);

    // host_subnets.cpp
    void adopt_host_subnets();
    void replace_host_subnets(const config::HostSubnets& fresh);
    void replace_subnets_of(const std::string& name, const std::vector<wire::Subnet>& old,
                            const std::vector<wire::Subnet>& fresh);
    void replace_subnets(NodeIndex owner, const std::vector<wire::Subnet>& old,
                         const std::vector<wire::Subnet>& fresh);

    // keys.cpp
    Result<void> on_key_changed(PeerId peer, std::string_view line, Time now);
    Result<void> on_req_key(PeerId peer, std::string_view line, Time now);
    Result<void> on_ans_key(PeerId peer, std::string_view line, Time now);
    void settle_for_key(Time now);
    void expire_keys(Time now);
    void take_key(NodeIndex from, const wire::AnsKey& message, Time now);
    void give_key(NodeIndex to);
    void renew_key(NodeIndex node, Time now);
    void warn_of_cipher(NodeIndex node);
    void lose_key(NodeIndex node);
    [[nodiscard]] bool speaks_for(PeerId peer, NodeIndex node) const;
    [[nodiscard]] bool may_relay(PeerId from_peer, const std::string& from, const std::string& to,
                                 NodeIndex target, Time now);

    // sessions.cpp
    [[nodiscard]] static bool is_for_sptps(const wire::ReqKey& message);
    void carry_packet(PeerId peer, NodeIndex from, NodeIndex to, const std::string& payload);
    void on_session_request(PeerId peer, NodeIndex from, const wire::ReqKey& message, Time now);
    void accept_session(NodeIndex from, const std::string& payload, Time now);
    void key_found(NodeIndex node, const crypto::Ed25519PublicKey& key, Time now);
    void continue_session(NodeIndex from, const wire::AnsKey& message, Time now);
    void want_session(NodeIndex node, Time now);
    void start_session(NodeIndex node, Time now);
    void seek_key(NodeIndex node, Time now);
    void ask_for_public_key(NodeIndex node, Time now);
    void restart_key_searches();
    void tell_public_key(NodeIndex to);
    void learn_public_key(PeerId teller, NodeIndex node, const std::string& text, Time now);
    void carry_out(NodeIndex node, std::vector<sptps::Session::Step> steps, Time now);
    void send_exchange(NodeIndex to, const sptps::Session& session, Bytes datagram);
    void session_begins(NodeIndex node, Time now);
    void lose_session(NodeIndex node);
    void renew_sessions(bool are_all_due, Time now);
    void send_request(NodeIndex to, int extension, std::string payload);
    [[nodiscard]] sptps::Parties parties(NodeIndex node, sptps::Role role) const;

    // tunnels.cpp
    enum class Measure : std::uint8_t { reach, size };
    void try_tunnel(NodeIndex node, Measure measure, Time now);
    void probe_path(NodeIndex node, Measure measure, Time now);
    void probe_local_address(NodeIndex node, std::size_t frame_bytes);
    [[nodiscard]] std::optional<Endpoint> some_address(NodeIndex node);
    [[nodiscard]] bool is_by_tcp(NodeIndex node) const;
    void look_after_tunnels(Time now);
    void restart_path(NodeIndex node);

    // path_news.cpp
    Result<void> on_udp_info(PeerId peer, std::string_view line, Time now);
    Result<void> on_mtu_info(PeerId peer, std::string_view line, Time now);
    void send_udp_info(NodeIndex from, NodeIndex to, PeerId heard_from, Time now);
    void send_mtu_info(NodeIndex from, NodeIndex to, std::size_t mtu, PeerId heard_from, Time now);
    [[nodiscard]] int minor_of(NodeIndex node) const;

    // reachability.cpp
    void reachability_changed(std::span<const graph::ReachabilityChange> changes, Time now);
    void became_reachable(NodeIndex node, Time now);
    void became_unreachable(NodeIndex node, Time now);
    void call_host_scripts(NodeIndex node, std::string_view suffix);
    void call_subnet_script(NodeIndex owner, const wire::Subnet& subnet, std::string_view suffix);
    void adopt_announced_addresses();
    void retract_edge_to_us(NodeIndex node);
    void change_protocol(NodeIndex node);

    // discovery.cpp
    void run_probes(NodeIndex node, Time now);
    void probe_locally(NodeIndex node, std::size_t frame_bytes);
    void set_remote(NodeIndex node, const std::optional<Endpoint>& remote);
    void publish_mtu(NodeIndex node);
    void arm_probes(NodeIndex node);
    [[nodiscard]] SocketIndex socket_for(Family family) const;

    // mesh.cpp
    void send(PeerId peer, std::string line);
    void broadcast(wire::Request request, const std::string& line);
    /// To others about others; not if we are a tunnel server.
    void retell(wire::Request request, const std::string& line);
    void forward(PeerId from, wire::Request request, std::string_view line);
    void housekeeping(Time now);
    void note_change(Time now);
    void refresh_neighbours();
    [[nodiscard]] Member& member(NodeIndex node);
    [[nodiscard]] const Member* find_member(NodeIndex node) const;
    [[nodiscard]] const std::string& neighbour_name(PeerId peer) const;
    [[nodiscard]] std::string host_text(NodeIndex node) const;  ///< "10.0.0.1 port 655"
    [[nodiscard]] std::string label(NodeIndex node) const;      ///< "beta (10.0.0.1 port 655)"

    MeshSettings settings_;
    RandomSource& random_;
    LogSink& log_;
    graph::Graph graph_;
    GossipPolicy policy_;
    std::vector<Member> members_;
    LocalAddresses* local_addresses_ = nullptr;
    std::map<PeerId, Connection> connections_;
    /// Still to be told, if true by then; the next one last. Nobody's is empty.
    std::map<PeerId, std::vector<Fact>> news_;
    std::map<MacAddress, Time> learned_macs_;  ///< subnets of ours, and when they expire
    bool told_of_full_macs_ = false;
    std::vector<Endpoint> listening_;
    std::vector<Effect> effects_;
    SeenRequests seen_;
    RateLimit corrections_{1, std::chrono::seconds(1), most_corrections};
    std::map<std::string, OwedCorrection> owed_corrections_;
    Time corrections_due_ = never;
    /// A host that is at two nodes at once would have them contradict each other without end.
    RateLimit new_macs_{3, std::chrono::seconds(1)};
    RateLimit given_keys_{10, std::chrono::seconds(1)};
    RateLimit relayed_keys_{10, std::chrono::seconds(1)};
    RateLimit relays_of_peer_{1'000, std::chrono::seconds(1)};
    RateLimit bad_keys_{1, std::chrono::minutes(1)};
    RateLimit early_recomputes_{20, std::chrono::seconds(1), 1};
    RateLimit key_news_{1, std::chrono::seconds(1)};
    RateLimit session_faults_{1, std::chrono::minutes(1)};  ///< in the log, of each node
    Time next_look_ = never;                                ///< after tunnels of 1.1
    std::uint32_t address_turn_ = 0;
    bool are_keys_worn_ = false;
    RateLimit told_refusals_{10, std::chrono::minutes(1)};  ///< in the log, of each neighbour
    bool table_is_stale_ = false;
    bool has_company_ = false;  ///< some other node is reachable
    Time next_recompute_ = Time::min();
    Time next_housekeeping_ = never;
    Time first_change_{};  ///< since the last refresh
    Time refresh_due_ = never;
    Time keys_expire_ = never;
    std::uint32_t contradicting_adds_ = 0;  ///< since the last quiet round
    std::uint32_t contradicting_dels_ = 0;
    std::uint32_t adds_before_ = 0;  ///< as of the last round
    std::uint32_t dels_before_ = 0;
    Time retreat_over_{};
    std::chrono::seconds retreat_{10};
    std::set<std::pair<Time, NodeIndex>> probe_times_;  ///< exactly the members' `armed` times
};

}  // namespace tinc::mesh
