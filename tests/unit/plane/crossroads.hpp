#pragma once

#include "support/frames.hpp"
#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"
#include "tinc/plane/plane.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinc::plane {

inline constexpr NodeIndex self{0};
inline constexpr NodeIndex beta{1};     ///< a neighbour
inline constexpr NodeIndex gamma{2};    ///< behind beta; UDP goes there directly
inline constexpr NodeIndex delta{3};    ///< behind beta, which relays UDP as well
inline constexpr NodeIndex omega{4};    ///< known, not reachable
inline constexpr NodeIndex epsilon{5};  ///< another neighbour

/// A Plane in the middle of a small mesh whose other ends the test holds. Node N has the subnets
/// 10.N+1.0.0/16 and fd0N+1::/16 (our own are 10.1 and fd01) and the MAC address test::mac(N+1),
/// and lives at 192.0.2.N port 655.
class Crossroads {
  public:
    explicit Crossroads(PlaneSettings settings = {}, Share share = {})
        : plane(settings, "me", random, log, share) {
        set_table(0xc);
        for (const auto node : {beta, gamma, delta, epsilon}) {
            plane.set_name(node, name(node));
            exchange_keys(node);
            plane.set_address(node, home(node), SocketIndex{0});
            plane.set_mtu(node, 1'518, 1'518);
        }
        plane.set_name(omega, "omega");
    }

    static std::string name(NodeIndex node) {
        constexpr std::array names = {"me", "beta", "gamma", "delta", "omega", "epsilon"};
        const auto index = to_index(node);
        return index < names.size() ? names[index] : fmt::format("node{}", index);
    }
    static Endpoint home(NodeIndex node) {
        return {Address::parse(fmt::format("192.0.2.{}", to_index(node))).value(), 655};
    }
    static Endpoint elsewhere() { return {Address::parse("203.0.113.9").value(), 4'000}; }

    void set_table(std::uint32_t options) {
        using Hop = graph::ForwardingTable::Hop;
        std::vector<graph::ForwardingTable::Entry> entries;
        for (const auto* text : {"2:0:0:0:0:{}", "10.{}.0.0/16", "fd0{}::/16"})
            for (std::uint32_t node = 0; node < 6; ++node)
                entries.push_back(
                    {wire::parse_subnet(fmt::format(fmt::runtime(text), node + 1)).value(),
                     NodeIndex{node}});
        plane.set_table(std::make_shared<const graph::ForwardingTable>(
            entries,
            std::vector<Hop>{{true, self, self, 0},
                             {true, beta, beta, options},
                             {true, beta, gamma, options},
                             {true, beta, beta, options},
                             {false, self, self, 0},
                             {true, epsilon, epsilon, options}},
            std::vector{beta, epsilon}));
    }

    static legacy::PacketSuite usual_suite() {
        return {crypto::cipher_by_name("aes-256-cbc").value(),
                crypto::digest_by_name("sha256").value(), 4, 0};
    }
    void exchange_keys(NodeIndex node) {
        const auto theirs = legacy::make_packet_key(usual_suite(), random);
        plane.set_sealer(node, legacy::Sealer::create(theirs).value());
        openers_.insert_or_assign(node, legacy::Opener::create(theirs, 16).value());
        give_new_key(node);
    }
    /// A new key of ours for a node, which uses it from now on and has used `sequence` numbers.
    void give_new_key(NodeIndex node, std::uint32_t sequence = 0) {
        const auto ours = legacy::make_packet_key(suite, random);
        plane.set_opener(node, legacy::Opener::create(ours, 16).value(), now);
        sealers_.insert_or_assign(node, legacy::Sealer::create(ours, sequence).value());
    }
    /// A datagram that `node` makes of a frame.
    test::Frame sealed_by(NodeIndex node, Bytes frame) {
        packet::Packet packet;
        packet.assign(frame);
        TINC_ASSERT(sealers_.at(node).seal(packet, compression_));
        return {packet.bytes().begin(), packet.bytes().end()};
    }
    /// What the receiver makes of a datagram we sent; empty if it cannot open it.
    test::Frame opened(const Sending& sending) {
        packet::Packet packet;
        packet.assign(std::as_const(*sending.packet).bytes());
        const auto verdict = openers_.at(sending.node).open(packet, compression_, nullptr);
        if (verdict != legacy::Opener::Verdict::opened) return {};
        return {packet.bytes().begin(), packet.bytes().end()};
    }

    void from_device(Bytes frame) {
        begin();
        batch_.add().assign(frame);
        plane.from_device(batch_, now, out);
        end();
    }
    void from_network(Bytes datagram, const Endpoint& source) {
        begin();
        batch_.add().assign(datagram);
        const std::array sources = {source};
        plane.from_network(batch_, sources, SocketIndex{0}, now, out);
        end();
    }
    void from_peer(NodeIndex node, Bytes frame, Transport transport = Transport::any) {
        begin();
        plane.from_peer(node, frame, transport, now, out);
        end();
    }
    /// As if `source` had sent the frame by UDP, or our device.
    void from(NodeIndex source, Bytes frame) {
        if (source == self) return from_device(frame);
        from_network(sealed_by(source, frame), home(source));
    }
    void begin() {
        batch_.clear();
        out.clear();
    }
    void end() { events = plane.take_events(); }

    /// All that came of the last packet: "device", "device icmp 3/4", "udp beta", "tcp beta",
    /// "wants beta", "probe beta 100", "moved beta", "doubted beta", "saw 02..01" (a MAC), "worn";
    /// joined by ", ".
    std::string outcome() {
        std::vector<std::string> all;
        for (const auto* frame : out.frames()) all.push_back("device" + kind_of(frame->bytes()));
        for (const auto& sending : out.datagrams())
            all.push_back("udp " + name(sending.node) + kind_of(opened(sending)));
        for (const auto& event : events) all.push_back(text_of(event));
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
    legacy::PacketSuite suite = usual_suite();  ///< of keys we give
    Plane plane;
    Outbox out;
    std::vector<Event> events;

  private:
    static std::string kind_of(Bytes frame) {
        if (frame.size() < 60) return "";
        const auto number = [&](std::size_t at) { return std::to_integer<int>(frame[at]); };
        if (packet::ethertype(frame) == packet::ethertype_ipv4 && number(23) == 1)
            return fmt::format(" icmp {}/{}", number(34), number(35));
        if (packet::ethertype(frame) == packet::ethertype_ipv6 && number(20) == 58)
            return fmt::format(" icmp {}/{}", number(54), number(55));
        return "";
    }
    static std::string text_of(const Event& event) {
        if (const auto* wanted = std::get_if<KeyWanted>(&event))
            return "wants " + name(wanted->node);
        if (const auto* reply = std::get_if<ProbeReply>(&event))
            return fmt::format("probe {} {}", name(reply->node), reply->frame_bytes);
        if (const auto* moved = std::get_if<SourceMoved>(&event))
            return "moved " + name(moved->node);
        if (const auto* doubted = std::get_if<SessionDoubted>(&event))
            return "doubted " + name(doubted->node);
        if (const auto* tcp = std::get_if<SendByTcp>(&event))
            return "tcp " + name(tcp->neighbour) + kind_of(tcp->frame);
        if (const auto* seen = std::get_if<MacSeen>(&event))
            return fmt::format("saw {:02x}..{:02x}", std::to_integer<int>(seen->mac.front()),
                               std::to_integer<int>(seen->mac.back()));
        return "worn";
    }

    packet::Compression compression_;
    std::map<NodeIndex, legacy::Sealer> sealers_;  ///< theirs
    std::map<NodeIndex, legacy::Opener> openers_;
    packet::Batch batch_;
};

}  // namespace tinc::plane
