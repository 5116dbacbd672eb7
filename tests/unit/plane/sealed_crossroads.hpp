#pragma once

#include "support/frames.hpp"
#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"
#include "tinc/crypto/node_id.hpp"
#include "tinc/packet/record.hpp"
#include "tinc/plane/plane.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::plane::sealed {

inline constexpr NodeIndex self{0};
inline constexpr NodeIndex beta{1};     ///< a neighbour
inline constexpr NodeIndex gamma{2};    ///< behind beta; UDP goes there directly
inline constexpr NodeIndex delta{3};    ///< behind beta, which relays UDP as well
inline constexpr NodeIndex omega{4};    ///< known, not reachable
inline constexpr NodeIndex epsilon{5};  ///< another neighbour
inline constexpr NodeIndex old{6};      ///< a neighbour of 17.3, which knows no IDs

inline constexpr std::uint32_t option_bits = wire::option::pmtu_discovery | wire::option::clamp_mss;
inline constexpr std::uint32_t options_of(int minor) {
    return static_cast<std::uint32_t>(minor) << 24U | option_bits;
}

/// A Plane in the middle of a mesh of 1.1 whose other ends the test holds. Node N has the subnet
/// 10.N+1.0.0/16 (our own is 10.1) and lives at 192.0.2.N port 655.
class Crossroads {
  public:
    static PlaneSettings usual() { return {.device = {}, .speaks_sptps = true}; }

    explicit Crossroads(PlaneSettings settings = usual(), Share share = {})
        : plane(settings, "me", random, log, share) {
        set_table(options_of(7));
        for (const auto node : {beta, gamma, delta, omega, epsilon, old}) {
            plane.set_name(node, name(node));
            if (node == omega) continue;
            exchange_keys(node);
            plane.set_address(node, home(node), SocketIndex{0});
            plane.set_mtu(node, limits::frame_bytes, limits::frame_bytes);
        }
    }

    static std::string name(NodeIndex node) {
        constexpr std::array names = {"me", "beta", "gamma", "delta", "omega", "epsilon", "old"};
        const auto index = to_index(node);
        return index < names.size() ? names[index] : fmt::format("node{}", index);
    }
    static NodeId id(NodeIndex node) { return crypto::node_id_of(name(node)); }
    static Endpoint home(NodeIndex node) {
        return {Address::parse(fmt::format("192.0.2.{}", to_index(node))).value(), 655};
    }
    static Endpoint elsewhere() { return {Address::parse("203.0.113.9").value(), 4'000}; }

    /// `options` of all but "old" and, if it is given its own, beta.
    void set_table(std::uint32_t options) { set_table(options, options); }
    void set_table(std::uint32_t options, std::uint32_t of_beta) {
        using Hop = graph::ForwardingTable::Hop;
        std::vector<graph::ForwardingTable::Entry> entries;
        for (const auto* text : {"2:0:0:0:0:{}", "10.{}.0.0/16"})
            for (std::uint32_t node = 0; node < 7; ++node)
                entries.push_back(
                    {wire::parse_subnet(fmt::format(fmt::runtime(text), node + 1)).value(),
                     NodeIndex{node}});
        plane.set_table(std::make_shared<const graph::ForwardingTable>(
            entries,
            std::vector<Hop>{{true, self, self, 0},
                             {true, beta, beta, of_beta},
                             {true, beta, gamma, options},
                             {true, beta, beta, options},
                             {false, self, self, 0},
                             {true, epsilon, epsilon, options},
                             {true, old, old, options_of(3)}},
            std::vector{beta, epsilon, old}));
    }

    /// New keys both ways, used from now on. The node has used `sequence` numbers.
    void exchange_keys(NodeIndex node, int compression = 0, std::uint32_t sequence = 2) {
        const auto to_node = key();
        const auto to_us = key();
        plane.set_sptps_sealer(
            node, sptps::Sealer(to_node, std::make_shared<sptps::SequenceCounter>(2)), compression);
        openers_.insert_or_assign(node, sptps::Opener(to_node, 16));
        plane.set_sptps_opener(node, sptps::Opener(to_us, 16), now);
        sealers_.insert_or_assign(
            node, sptps::Sealer(to_us, std::make_shared<sptps::SequenceCounter>(sequence)));
    }

    // --- what others send
    // -------------------------------------------------------------------------
    /// A sealed record of `node`, without IDs.
    test::Frame record(NodeIndex node, std::uint8_t type, Bytes data) {
        packet::Packet packet;
        packet.assign(data);
        TINC_ASSERT(sealers_.at(node).seal(packet, type));
        return {packet.bytes().begin(), packet.bytes().end()};
    }
    /// The same as a datagram; `to` is all zero if it comes straight from its origin.
    test::Frame datagram(NodeIndex node, std::uint8_t type, Bytes data, const NodeId& to = {}) {
        return with_ids(to, id(node), record(node, type, data));
    }
    static test::Frame with_ids(const NodeId& to, const NodeId& from, const test::Frame& record) {
        test::Frame all(to.bytes.begin(), to.bytes.end());
        all.insert(all.end(), from.bytes.begin(), from.bytes.end());
        all.insert(all.end(), record.begin(), record.end());
        return all;
    }
    void from_network(Bytes datagram, const Endpoint& source) {
        begin();
        batch_.add().assign(datagram);
        const std::array sources = {source};
        plane.from_network(batch_, sources, SocketIndex{0}, now, out);
        end();
    }
    void from_device(Bytes frame) {
        begin();
        batch_.add().assign(frame);
        plane.from_device(batch_, now, out);
        end();
    }
    void from_peer(NodeIndex node, Bytes frame) {
        begin();
        plane.from_peer(node, frame, Transport::any, now, out);
        end();
    }
    void carry(NodeIndex neighbour, Bytes packet) {
        begin();
        plane.carry(neighbour, packet, now, out);
        end();
    }
    void carry(NodeIndex neighbour, NodeIndex from, NodeIndex to, Bytes record) {
        begin();
        plane.carry(neighbour, from, to, record, now, out);
        end();
    }

    // --- what came of it
    // --------------------------------------------------------------------------
    struct Opened {
        NodeId to;
        NodeId from;
        std::uint8_t type = 0;
        test::Frame data;
    };
    /// What a datagram of ours for `node` says, if it is right.
    std::optional<Opened> opened(Bytes datagram, NodeIndex node) {
        Opened all;
        const auto ids = id_bytes(node);
        if (datagram.size() < ids) return std::nullopt;
        if (ids > 0) {
            std::ranges::copy(datagram.first(6), all.to.bytes.begin());
            std::ranges::copy(datagram.subspan(6, 6), all.from.bytes.begin());
        }
        packet::Packet packet;
        packet.assign(datagram.subspan(ids));
        if (openers_.at(node).open(packet, all.type) != sptps::Opener::Verdict::opened)
            return std::nullopt;
        all.data.assign(packet.bytes().begin(), packet.bytes().end());
        return all;
    }
    /// Of the only datagram that was sent.
    std::optional<Opened> opened(NodeIndex node) {
        if (out.datagrams().size() != 1) return std::nullopt;
        return opened(std::as_const(*out.datagrams().front().packet).bytes(), node);
    }

    /// All that came of the last call: "device", "udp beta", "frame beta" (by TCP), "record beta"
    /// (sealed, by TCP), "probe beta 100", "moved beta", "used beta", "relayed beta", "doubted
    /// beta", "worn"; joined by ", ".
    std::string outcome() const {
        std::vector<std::string> all;
        for (std::size_t i = 0; i < out.frames().size(); ++i) all.emplace_back("device");
        for (const auto& sending : out.datagrams()) all.push_back("udp " + name(sending.node));
        for (const auto& event : events) all.push_back(text_of(event));
        return fmt::format("{}", fmt::join(all, ", "));
    }
    /// The same without what is told once in a while.
    std::string way() const {
        std::vector<std::string> all;
        for (std::size_t i = 0; i < out.frames().size(); ++i) all.emplace_back("device");
        for (const auto& sending : out.datagrams()) all.push_back("udp " + name(sending.node));
        for (const auto& event : events)
            if (!std::holds_alternative<TunnelUsed>(event)) all.push_back(text_of(event));
        return fmt::format("{}", fmt::join(all, ", "));
    }
    template <class Kind>
    std::vector<Kind> all() const {
        std::vector<Kind> found;
        for (const auto& event : events)
            if (const auto* kind = std::get_if<Kind>(&event)) found.push_back(*kind);
        return found;
    }

    Time now = Time{} + std::chrono::seconds(100);
    test::SeededRandom random{1};
    test::RecordedLog log{Level::everything};
    Plane plane;
    Outbox out;
    std::vector<Event> events;

  private:
    void begin() {
        batch_.clear();
        out.clear();
    }
    void end() { events = plane.take_events(); }
    std::vector<std::byte> key() {
        std::vector<std::byte> bytes(64);
        random.fill(bytes);
        return bytes;
    }
    static std::size_t id_bytes(NodeIndex node) { return node == old ? 0 : 12; }
    static std::string text_of(const Event& event) {
        if (const auto* wanted = std::get_if<KeyWanted>(&event))
            return "wants " + name(wanted->node);
        if (const auto* reply = std::get_if<ProbeReply>(&event))
            return fmt::format("probe {} {}", name(reply->node), reply->frame_bytes);
        if (const auto* moved = std::get_if<SourceMoved>(&event))
            return "moved " + name(moved->node);
        if (const auto* used = std::get_if<TunnelUsed>(&event)) return "used " + name(used->node);
        if (const auto* relayed = std::get_if<RelayedFrom>(&event))
            return "relayed " + name(relayed->node);
        if (const auto* doubted = std::get_if<SessionDoubted>(&event))
            return "doubted " + name(doubted->node);
        if (const auto* record = std::get_if<SptpsByTcp>(&event))
            return "record " + name(record->neighbour);
        if (const auto* tcp = std::get_if<SendByTcp>(&event))
            return "frame " + name(tcp->neighbour);
        return std::holds_alternative<MacSeen>(event) ? "saw" : "worn";
    }

    std::map<NodeIndex, sptps::Sealer> sealers_;  ///< theirs
    std::map<NodeIndex, sptps::Opener> openers_;
    packet::Batch batch_;
};

}  // namespace tinc::plane::sealed
