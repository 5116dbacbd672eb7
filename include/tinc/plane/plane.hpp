#pragma once

// The way of packets. Batches come in from the device or a socket; each frame is decided upon,
// sealed or opened in place, and left in an Outbox. Everything here is bounded, and nothing is
// remembered of a packet but counters.
//
//     from_device  --> route --> send --> wait --> seal_waiting --> outbox.datagrams
//     from_network --> identify --> open --> probe? | route --> deliver (outbox.frames)
//                                                   '-> send  (relay: sealed anew)
//     from_peer    --> route
//
// Where several Planes share the nodes, what one of them cannot seal or open itself goes to
// outbox.errands, and comes into the other by take_over().
//
// Ciphers are several times faster on many packets of one key than on one. So frames wait, for the
// rest of the batch alone, until those for the same node are sealed together; and datagrams that
// came from one address are opened together.
//
// Packets of and for nodes of protocol 1.1 take their own way (sealed.cpp): they are sealed for
// their last node, so that relays pass them on as they are, and every datagram names both ends.
//
//     send --> wait --> seal_records --> transmit --> outbox.datagrams | Event: SptpsByTcp
//     from_network --> from_hop -+-> open_records --> probe? | route
//                                '-> transmit             (relay: not opened)
//
// What a packet cannot decide by itself (no key, only TCP, a new address, a probe's answer) becomes
// an Event for the control side, which answers by the set_ functions.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/local_addresses.hpp"
#include "tinc/base/log.hpp"
#include "tinc/base/node_id.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/graph/forwarding_table.hpp"
#include "tinc/legacy/datagram.hpp"
#include "tinc/packet/compression.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/icmp.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/drop.hpp"
#include "tinc/plane/outbox.hpp"
#include "tinc/plane/recent_macs.hpp"
#include "tinc/plane/share.hpp"
#include "tinc/plane/trial_budget.hpp"
#include "tinc/sptps/datagram.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace tinc::plane {

enum class Mode : std::uint8_t { router, switching, hub };
enum class Forwarding : std::uint8_t { off, internal, kernel };
enum class Broadcast : std::uint8_t {
    no,      ///< they are routed like all others
    tree,    ///< along the spanning tree
    direct,  ///< from us to all that are reached directly
    local,   ///< to our own device only
};

struct PlaneSettings {
    Mode mode = Mode::router;
    Forwarding forwarding = Forwarding::internal;
    Broadcast broadcast = Broadcast::tree;
    bool tcp_only = false;
    bool direct_only = false;
    bool decrement_ttl = false;
    bool priority_inheritance = false;
    bool clamp_mss = true;
    std::uint16_t own_mtu = limits::frame_bytes;
    std::string device;  ///< as the log calls it
    bool speaks_sptps = false;
    int compression = 0;  ///< that nodes of 1.1 send to us with
};

/// A packet waits for a key of this node. Reported for each such packet; the control side limits
/// how often it asks.
struct KeyWanted {
    NodeIndex node{};
};
/// An MTU probe came back.
struct ProbeReply {
    NodeIndex node{};
    std::size_t frame_bytes = 0;
};
/// An authenticated packet of this node came from another address than it had.
struct SourceMoved {
    NodeIndex node{};
    Endpoint remote;
    SocketIndex socket{};
};
/// Packets go to this node of 1.1, or would if there was a session. Reported for each such node at
/// most every limits::tunnel_report_pause.
struct TunnelUsed {
    NodeIndex node{};
};
/// Packets of this node of 1.1 reach us over relays; reported as rarely.
struct RelayedFrom {
    NodeIndex node{};
};
/// Many datagrams that name this node as their origin cannot be opened, and none between them. Or
/// they can, and their numbers come near their end.
struct SessionDoubted {
    NodeIndex node{};
};
/// A sealed datagram for the meta connection of a neighbour.
struct SptpsByTcp {
    NodeIndex neighbour{};
    NodeIndex from{};
    NodeIndex to{};
    std::vector<std::byte> packet;  ///< begins with the IDs of `to` and `from`
};
/// A frame for the meta connection of a neighbour.
struct SendByTcp {
    NodeIndex neighbour{};
    std::vector<std::byte> frame;
};
/// A host behind our device has sent something, in switch mode. Not for each of its frames: one
/// that goes on sending is reported every limits::mac_report_pause, or after unlearn().
struct MacSeen {
    MacAddress mac{};
};
/// A receive counter has come near its end: all keys we gave out must be new.
struct KeysWornOut {};

using Event = std::variant<KeyWanted, ProbeReply, SourceMoved, SendByTcp, MacSeen, KeysWornOut,
                           TunnelUsed, RelayedFrom, SessionDoubted, SptpsByTcp>;

/// Which nodes the mesh says are at an address. Ordered, like all that members may fill: they could
/// choose keys that collide in a table of hashes.
using AnnouncedAddresses = std::map<Address, std::vector<NodeIndex>>;

/// Bytes of frames read from and written to the device.
struct DeviceBytes {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
};

/// A node as the log calls it: "beta (10.99.1.2 port 655)". Costs nothing until it is printed.
struct NodeLabel {
    const std::string& name;
    const std::optional<Endpoint>& remote;
    bool is_self = false;
};

class Plane {
  public:
    static constexpr NodeIndex self{0};
    /// How long the key before the present one still opens packets that were on their way.
    static constexpr std::chrono::seconds old_key_grace{10};

    Plane(PlaneSettings settings, std::string own_name, RandomSource& random, LogSink& log,
          Share share = {});

    // --- set by the control side ---------------------------------------------------------------
    void set_settings(PlaneSettings settings) { settings_ = std::move(settings); }
    [[nodiscard]] const PlaneSettings& settings() const { return settings_; }
    void set_table(std::shared_ptr<const graph::ForwardingTable> table);
    void set_name(NodeIndex node, std::string name);
    void set_sealer(NodeIndex node, std::optional<legacy::Sealer> sealer);
    /// The opener before it is kept for old_key_grace.
    void set_opener(NodeIndex node, std::optional<legacy::Opener> opener, Time now);
    void set_address(NodeIndex node, const std::optional<Endpoint>& remote, SocketIndex socket);
    /// Another Plane has opened a packet of the node, which came from there.
    void set_proven_address(NodeIndex node, const Endpoint& remote, SocketIndex socket);
    /// `mtu` limits what is routed there, `min_mtu` what is known to pass by UDP; frame bytes.
    void set_mtu(NodeIndex node, std::size_t mtu, std::size_t min_mtu);
    /// Whether an answer has come from its address.
    void set_confirmed(NodeIndex node, bool is_confirmed);
    void set_sptps_sealer(NodeIndex node, std::optional<sptps::Sealer> sealer, int compression);
    /// The opener before it is kept for old_key_grace.
    void set_sptps_opener(NodeIndex node, std::optional<sptps::Opener> opener, Time now);
    void expect_key(NodeIndex node, Bytes key);
    void use_expected_key(NodeIndex node, Time now);
    /// Edge addresses of the mesh, where packets from unknown ports may come from.
    void set_announced_addresses(std::shared_ptr<const AnnouncedAddresses> addresses);
    /// Who tells under which address we answer that a packet's hops are used up. It outlives the
    /// Plane. Without it such answers bear the address that the packet was for.
    void use(LocalAddresses& addresses) { local_addresses_ = &addresses; }
    /// The host is not known to be behind our device any more: its next frame makes a MacSeen.
    void unlearn(const MacAddress& mac) { recent_macs_.forget(mac); }
    /// Nothing of the node remains; its slot may be used for another.
    void forget(NodeIndex node);

    // --- packets -------------------------------------------------------------------------------
    void from_device(packet::Batch& frames, Time now, Outbox& out);
    void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                      SocketIndex socket, Time now, Outbox& out);
    /// What other Planes have left to this one: `errands[i]` is to be done with `packets[i]`.
    void take_over(packet::Batch& packets, std::span<const Errand> errands, Time now, Outbox& out);
    /// A PACKET of a directly connected node. `frame` may be larger than any VPN frame.
    void from_peer(NodeIndex neighbour, Bytes frame, Transport transport, Time now, Outbox& out);

    /// A sealed datagram that came over meta connections, for us or to be passed on.
    /// It is not passed on to the neighbour it came from.
    void carry(NodeIndex neighbour, NodeIndex from, NodeIndex to, Bytes datagram, Time now,
               Outbox& out);
    /// The same with the IDs of both ends in front.
    void carry(NodeIndex neighbour, Bytes packet, Time now, Outbox& out);

    /// An MTU probe of `frame_bytes` (64 to limits::frame_bytes). With `local` it goes there
    /// instead of to the node's address: a broadcast on the LAN.
    struct LocalTarget {
        Endpoint remote;
        SocketIndex socket{};
    };
    void send_probe(NodeIndex node, std::size_t frame_bytes,
                    const std::optional<LocalTarget>& local, Time now, Outbox& out);

    [[nodiscard]] std::vector<Event> take_events();

    [[nodiscard]] std::uint64_t dropped(Drop reason) const {
        return dropped_[static_cast<std::size_t>(reason)];
    }
    [[nodiscard]] const DeviceBytes& device_bytes() const { return device_bytes_; }

  private:
    /// A frame that is sealed with others for the same node.
    struct Waiting {
        packet::Packet* frame = nullptr;
        Way way;
    };

    /// All the data plane knows of a node.
    struct Slot {
        std::string name;
        std::optional<legacy::Sealer> sealer;
        std::optional<legacy::Opener> opener;
        std::optional<legacy::Opener> old_opener;
        Time old_opener_until{};
        std::optional<Endpoint> remote;
        SocketIndex socket{};
        std::size_t mtu = limits::frame_bytes;
        std::size_t min_mtu = 0;
        std::optional<std::size_t> place_in_keyed;
        std::vector<Waiting> waiting;  ///< empty between two calls

        // Of nodes of 1.1.
        NodeId id;
        std::optional<sptps::Sealer> sptps_sealer;
        int compression = 0;
        std::optional<sptps::Opener> sptps_opener;
        std::optional<sptps::Opener> old_sptps_opener;
        Time old_key_until{};
        bool is_confirmed = false;  ///< it has answered
        bool is_proven = false;     ///< it has sent something of its own from its address
        std::uint32_t forged = 0;   ///< since the last datagram that could be opened
        Time next_tunnel_report = Time::min();
        Time next_relay_report = Time::min();
        Time next_notice = Time::min();  ///< of what arrives, to the node
        std::size_t longest_arrived = 0;
    };

    /// Who seems to have sent a datagram, and whether its address is known to be theirs.
    struct Sender {
        NodeIndex node{};
        bool is_owner = false;
    };
    /// A few different nodes, first choice first.
    class Candidates {
      public:
        void add(NodeIndex node);
        /// Those added so far belong to the address; the others are there by turns.
        void end_of_announced() { announced_ = size_; }
        [[nodiscard]] bool is_announced(std::size_t i) const { return i < announced_; }
        [[nodiscard]] std::size_t size() const { return size_; }
        [[nodiscard]] bool is_full() const { return size_ == nodes_.size(); }
        [[nodiscard]] std::span<const NodeIndex> nodes() const {
            return std::span(nodes_).first(size_);
        }

      private:
        std::array<NodeIndex, limits::trials_per_datagram> nodes_{};
        std::size_t size_ = 0;
        std::size_t announced_ = 0;
    };
    enum class Claim : std::uint8_t { announced, proven };

    /// Of a datagram that was refused, and what had come before it.
    struct Numbers {
        std::uint32_t sequence = 0;
        std::uint32_t last = 0;  ///< the highest that was accepted
        std::uint32_t far = 0;   ///< refused since as too far in the future
    };
    /// Where a datagram came from.
    struct Origin {
        const Endpoint& source;
        SocketIndex socket{};
    };

    // Receiving (receive.cpp)
    void receive(std::span<packet::Packet* const> datagrams, const Origin& origin, Outbox& out);
    void open_from(Sender sender, std::span<packet::Packet* const> datagrams, const Origin& origin,
                   Outbox& out);
    void receive_one(packet::Packet& datagram, const Origin& origin, Outbox& out);
    void take_opened(Sender sender, packet::Packet& frame, const legacy::Opener::Opened& opened,
                     const Origin& origin, Outbox& out);
    [[nodiscard]] legacy::Opener& opener_for(Slot& sender, Bytes datagram, Time now);
    void doubt(NodeIndex node);
    void report_refusal(NodeIndex node, Drop reason, const Numbers& numbers);
    void answer_probe(NodeIndex node, packet::Packet& frame, std::size_t payload_bytes,
                      Outbox& out);

    // Knowing the sender (identify.cpp)
    [[nodiscard]] std::optional<Sender> identify(Bytes datagram, const Endpoint& source, Time now);
    [[nodiscard]] Candidates candidates(const Endpoint& source, Time now);
    [[nodiscard]] bool recognises(NodeIndex node, Bytes datagram, Time now);
    [[nodiscard]] static bool has_our_key(const Slot& node, Time now);
    void list_key(NodeIndex node);
    void unlist_key(NodeIndex node);
    void claim_address(NodeIndex node, const Endpoint& remote, Claim claim);
    void give_up_address(NodeIndex node);

    // Nodes of protocol 1.1 (sealed.cpp)
    [[nodiscard]] bool speaks_sptps(NodeIndex node) const;
    [[nodiscard]] int minor_of(NodeIndex node) const;
    [[nodiscard]] std::optional<NodeIndex> node_of(Bytes id) const;
    void send_sealed(NodeIndex node, packet::Packet& frame, Way way);
    void seal_records(NodeIndex node, std::span<const Waiting> frames, Outbox& out);
    [[nodiscard]] std::uint8_t make_record(const Slot& receiver, packet::Packet& frame);
    void transmit(NodeIndex from, NodeIndex to, NodeIndex came_from, packet::Packet& datagram,
                  Way way, Outbox& out);
    void send_directly(NodeIndex to, packet::Packet& datagram, std::size_t record_bytes,
                       const std::optional<LocalTarget>& target, Outbox& out);
    void put_ids(packet::Packet& datagram, const NodeId& to, const NodeId& from) const;
    void tunnel_used(NodeIndex node);
    [[nodiscard]] static bool names_its_origin(Bytes datagram);
    /// True if the datagram was one of a node of 1.1, whatever became of it.
    [[nodiscard]] bool receive_sealed(packet::Packet& datagram, const Origin& origin, Outbox& out);
    void take_straight(NodeIndex from, packet::Packet& datagram, const Origin& origin, Outbox& out);
    void from_hop(NodeIndex hop, std::span<packet::Packet* const> datagrams, const Origin& origin,
                  Outbox& out);
    [[nodiscard]] std::optional<NodeIndex> origin_of(packet::Packet& datagram);
    void from_relay(NodeIndex hop, packet::Packet& datagram, Outbox& out);
    void from_origin(NodeIndex from, std::span<packet::Packet* const> datagrams,
                     const Origin& origin, Outbox& out);
    [[nodiscard]] bool recognises_sealed(NodeIndex node, Bytes datagram);
    void open_records(NodeIndex from, std::span<packet::Packet* const> datagrams);
    void take_relayed(NodeIndex from, packet::Packet& datagram, Outbox& out);
    void take_record(NodeIndex from, std::uint8_t type, packet::Packet& record, Outbox& out);
    [[nodiscard]] bool rebuild_frame(std::uint8_t type, packet::Packet& record);
    void take_probe(NodeIndex from, packet::Packet& record, const Origin& origin, Outbox& out);
    void notice_arrival(NodeIndex from, std::size_t record_bytes, Outbox& out);
    void adopt_source(NodeIndex node, const Origin& origin, bool is_owner);
    void move_to(NodeIndex node, const Endpoint& source);

    // Routing (route.cpp)
    void route(NodeIndex source, packet::Packet& frame, Transport transport, Time now, Outbox& out);
    void route_in_router_mode(NodeIndex source, packet::Packet& frame, Transport transport,
                              Time now, Outbox& out);
    void route_ip(NodeIndex source, packet::Packet& frame, const packet::IpHeader& ip,
                  Transport transport, Time now, Outbox& out);
    void answer_arp(NodeIndex source, packet::Packet& frame, Outbox& out);
    void answer_solicitation(NodeIndex source, packet::Packet& frame, Outbox& out);
    [[nodiscard]] bool count_down(NodeIndex source, packet::Packet& frame, Time now, Outbox& out);
    void forward(NodeIndex source, NodeIndex owner, packet::Packet& frame,
                 const std::optional<packet::IpHeader>& ip, Transport transport, Time now,
                 Outbox& out);
    void broadcast(NodeIndex source, packet::Packet& frame, Transport transport, Time now,
                   Outbox& out);
    void refuse(NodeIndex source, packet::Packet& frame, packet::Unreachable reason,
                std::uint16_t mtu, Time now, Outbox& out);
    void too_big(NodeIndex source, NodeIndex owner, packet::Packet& frame, std::size_t limit,
                 const packet::IpHeader& ip, Way way, Time now, Outbox& out);

    // Switching (switching.cpp)
    void route_in_switch_mode(NodeIndex source, packet::Packet& frame, Transport transport,
                              Time now, Outbox& out);
    void notice_host(Bytes frame, Time now);

    // Sending (send.cpp)
    void send(NodeIndex node, packet::Packet& frame, Way way, Outbox& out);
    void send_udp(NodeIndex node, packet::Packet& frame, Way way, Outbox& out);
    void send_tcp(NodeIndex node, Bytes frame);
    void emit(NodeIndex node, packet::Packet& frame, Way way);
    void wait_for_sealing(NodeIndex node, packet::Packet& frame, Way way);
    void seal_waiting(Outbox& out);
    void seal_frames(NodeIndex node, std::span<const Waiting> frames, Outbox& out);
    void deliver(packet::Packet& frame, Outbox& out);

    // Between Planes (errands.cpp)
    void leave(packet::Packet& packet, const Errand& errand, Outbox& out) const;
    void run(const Errand& errand, packet::Packet& packet, Outbox& out);
    [[nodiscard]] std::size_t open_run(packet::Batch& packets, std::span<const Errand> errands,
                                       std::size_t first, Outbox& out);

    void begin(Time now);
    [[nodiscard]] Slot& slot(NodeIndex node);
    [[nodiscard]] const graph::ForwardingTable::Hop& hop(NodeIndex node) const {
        return table_->hop(node);
    }
    [[nodiscard]] NodeLabel label(NodeIndex node);
    void drop(Drop reason) { ++dropped_[static_cast<std::size_t>(reason)]; }
    void post(Event event);

    PlaneSettings settings_;
    RandomSource& random_;
    LogSink& log_;
    Share share_;
    packet::Compression compression_;
    crypto::PacketEngine engine_;
    std::shared_ptr<const graph::ForwardingTable> table_;
    std::vector<Slot> slots_;
    std::map<Endpoint, std::vector<NodeIndex>> by_remote_;  ///< its owner first
    std::map<NodeId, NodeIndex> by_id_;
    Time now_{};  ///< of the batch being handled
    std::shared_ptr<const AnnouncedAddresses> announced_;
    std::vector<NodeIndex> keyed_;  ///< nodes that have a key of ours, in no order
    RecentMacs recent_macs_;
    LocalAddresses* local_addresses_ = nullptr;
    std::size_t announced_turn_ = 0;
    std::size_t keyed_turn_ = 0;
    TrialBudget announced_trials_;
    TrialBudget other_trials_;
    std::vector<Event> events_;

    // Of the batch being handled; members only to keep their memory.
    std::vector<NodeIndex> receivers_;       ///< whose slots have frames waiting
    std::vector<packet::Packet*> arrived_;   ///< from one address
    std::vector<packet::Packet*> straight_;  ///< of those, what one node of 1.1 has sealed
    std::vector<legacy::Opener::Opened> opened_;
    std::vector<sptps::Opener::Opened> opened_records_;
    std::vector<std::optional<std::uint8_t>> types_;  ///< of opened records

    bool told_of_worn_keys_ = false;  ///< in this turn
    std::array<std::uint64_t, drop_count> dropped_{};
    DeviceBytes device_bytes_;
    Time icmp_second_{};
    std::uint32_t icmp_sent_ = 0;
    std::optional<Time> unknown_logged_;
};

}  // namespace tinc::plane

template <>
struct fmt::formatter<tinc::plane::NodeLabel> {
    constexpr auto parse(format_parse_context& context) { return context.begin(); }
    auto format(const tinc::plane::NodeLabel& label, format_context& context) const
        -> format_context::iterator;
};
