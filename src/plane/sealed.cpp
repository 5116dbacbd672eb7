// Packets between nodes of protocol 1.1. Each is sealed by its origin for its destination, and a
// datagram begins with the IDs of both:
//
//     destination (6) || origin (6) || number (4) || sealed record || tag (16)
//
// All zero in place of the destination: for the one who gets it, straight from the origin. Only
// then does the address it comes from tell where the origin is. What is relayed cannot be checked,
// so it is taken from those alone who have sent something of their own from that address.
// Source: protocol 1.1, 4.1 to 6.

#include "tinc/packet/record.hpp"
#include "tinc/plane/plane.hpp"
#include "tinc/wire/messages.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace tinc::plane {

namespace {

namespace option = wire::option;
namespace record = packet::record;

constexpr std::size_t ids_bytes = 2 * NodeId::size_bytes;
constexpr int first_sptps_minor = 2;
constexpr int first_minor_with_short_replies = 3;
constexpr int first_minor_with_ids = 4;

// The first byte of a probe.
constexpr std::byte probe_request{0};
constexpr std::byte probe_echo{1};
constexpr std::byte probe_size{2};
/// A reply that only tells how long the probe was.
constexpr std::size_t short_reply_bytes = 18;
/// A peer counts on hearing from us every ten seconds.
constexpr std::chrono::seconds notice_pause{9};

Drop drop_of(sptps::Opener::Verdict verdict) {
    using Verdict = sptps::Opener::Verdict;
    switch (verdict) {
        case Verdict::too_short:
            return Drop::too_short;
        case Verdict::forged:
            return Drop::forged;
        case Verdict::replayed:
            return Drop::replayed;
        case Verdict::too_far:
            return Drop::too_far;
        case Verdict::opened:
        case Verdict::not_data:
            break;
    }
    return Drop::damaged;
}

Bytes destination_id(Bytes datagram) { return datagram.first(NodeId::size_bytes); }
Bytes origin_id(Bytes datagram) { return datagram.subspan(NodeId::size_bytes, NodeId::size_bytes); }
bool is_null(Bytes id) {
    return std::ranges::all_of(id, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

int Plane::minor_of(NodeIndex node) const { return option::minor(hop(node).options); }

bool Plane::speaks_sptps(NodeIndex node) const {
    return settings_.speaks_sptps && node != self && minor_of(node) >= first_sptps_minor;
}

std::optional<NodeIndex> Plane::node_of(Bytes id) const {
    NodeId key;
    std::ranges::copy(id, key.bytes.begin());
    const auto found = by_id_.find(key);
    if (found == by_id_.end()) return std::nullopt;
    return found->second;
}

// --- sending
// --------------------------------------------------------------------------------------

void Plane::send_sealed(NodeIndex node, packet::Packet& frame, Way way) {
    auto& receiver = slot(node);
    tunnel_used(node);
    if (hop(node).nexthop == node) {
        const bool tcp_only = settings_.tcp_only || (hop(node).options & option::tcp_only) != 0;
        // Neighbours take whole frames on their meta connection, with or without a session.
        if (tcp_only || !receiver.sptps_sealer || frame.size() > receiver.min_mtu)
            return send_tcp(node, frame.bytes());
    }
    if (!receiver.sptps_sealer) return drop(Drop::no_key);
    wait_for_sealing(node, frame, way);
}

void Plane::seal_records(NodeIndex node, std::span<const Waiting> frames, Outbox& out) {
    auto& receiver = slot(node);
    std::array<packet::Packet*, limits::batch_packets> packets;
    std::array<std::uint8_t, limits::batch_packets> types;
    std::array<bool, limits::batch_packets> sealed;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        packets[i] = frames[i].frame;
        types[i] = make_record(receiver, *frames[i].frame);
    }
    const auto count = frames.size();
    receiver.sptps_sealer->seal(std::span(packets).first(count), std::span(types).first(count),
                                engine_, sealed);
    for (std::size_t i = 0; i < count; ++i) {
        if (sealed[i])
            transmit(self, node, self, *packets[i], frames[i].way, out);
        else
            drop(Drop::unsealed);
    }
}

/// Turns a frame into a record and tells its type. A router leaves the Ethernet header out.
std::uint8_t Plane::make_record(const Slot& receiver, packet::Packet& frame) {
    std::uint8_t type = record::plain;
    if (settings_.mode == Mode::router)
        frame.shrink_front(packet::ethernet_bytes);
    else
        type = record::ethernet;
    if (receiver.compression != 0) {
        std::array<std::byte, limits::datagram_bytes> smaller;
        const auto size = compression_.compress(receiver.compression, frame.bytes(), smaller);
        if (size && *size < frame.size()) {
            frame.assign(std::span(smaller).first(*size));
            type |= record::compressed;
        }
    }
    return type;
}

/// Takes a sealed datagram one hop on: to its destination if it can be sent directly, else to a
/// relay, by UDP if the relay is known to get packets of that size, else over meta connections.
/// Never back to where it came from: two nodes that think differently of the way would pass it to
/// and fro.
void Plane::transmit(NodeIndex from, NodeIndex to, NodeIndex came_from, packet::Packet& datagram,
                     Way way, Outbox& out) {
    const auto& target = hop(to);
    if (!target.reachable) return drop(Drop::unreachable);
    const auto record_bytes = datagram.size() - sptps::datagram_overhead;
    const bool reaches_via = target.via != self && record_bytes <= slot(target.via).min_mtu;
    const auto relay = reaches_via ? target.via : target.nexthop;
    const bool is_direct = from == self && relay == to;
    auto& receiver = slot(relay);
    const bool by_tcp = settings_.tcp_only || (hop(relay).options & option::tcp_only) != 0 ||
                        (!is_direct && minor_of(relay) < first_minor_with_ids) ||
                        record_bytes > receiver.min_mtu || !receiver.remote;
    if (came_from != self && came_from == (by_tcp ? target.nexthop : relay))
        return drop(Drop::looping);
    if (minor_of(relay) >= first_minor_with_ids || by_tcp)
        put_ids(datagram, is_direct && !by_tcp ? NodeId{} : slot(to).id, slot(from).id);
    if (by_tcp) {
        const auto bytes = datagram.bytes();
        return post(SptpsByTcp{target.nexthop, from, to, {bytes.begin(), bytes.end()}});
    }
    out.send({.packet = &datagram,
              .node = relay,
              .frame_bytes = record_bytes,
              .remote = *receiver.remote,
              .socket = receiver.socket,
              .traffic_class = way.traffic_class});
}

void Plane::put_ids(packet::Packet& datagram, const NodeId& to, const NodeId& from) const {
    datagram.grow_front(ids_bytes);
    const auto rest = std::ranges::copy(to.bytes, datagram.bytes().begin()).out;
    std::ranges::copy(from.bytes, rest);
}

/// A probe, or the answer to one. `target`: there, and not to the node's address.
void Plane::send_directly(NodeIndex to, packet::Packet& datagram, std::size_t record_bytes,
                          const std::optional<LocalTarget>& target, Outbox& out) {
    const auto& receiver = slot(to);
    if (!target && !receiver.remote) return drop(Drop::no_address);
    if (minor_of(to) >= first_minor_with_ids) put_ids(datagram, NodeId{}, slot(self).id);
    out.send({.packet = &datagram,
              .node = to,
              .frame_bytes = record_bytes,
              .remote = target ? target->remote : *receiver.remote,
              .socket = target ? target->socket : receiver.socket});
}

void Plane::tunnel_used(NodeIndex node) {
    auto& target = slot(node);
    if (now_ < target.next_tunnel_report) return;
    target.next_tunnel_report = now_ + limits::tunnel_report_pause;
    post(TunnelUsed{node});
}

// --- receiving
// ------------------------------------------------------------------------------------

/// What a node of 1.1 has sealed for us begins so; legacy datagrams begin with bytes of any value.
bool Plane::names_its_origin(Bytes datagram) {
    return datagram.size() >= ids_bytes + sptps::datagram_overhead &&
           is_null(destination_id(datagram));
}

/// From a new address only what names its origin and proves it.
bool Plane::receive_sealed(packet::Packet& datagram, const Origin& origin, Outbox& out) {
    if (!names_its_origin(datagram.bytes())) return false;
    const auto from = node_of(origin_id(datagram.bytes()));
    if (!from || !speaks_sptps(*from)) return false;
    datagram.shrink_front(ids_bytes);
    take_straight(*from, datagram, origin, out);
    return true;
}

/// Another node than has the address may have sent it, or nobody of the mesh.
void Plane::take_straight(NodeIndex from, packet::Packet& datagram, const Origin& origin,
                          Outbox& out) {
    if (!share_.has(from))
        return leave(datagram,
                     {.kind = Errand::Kind::straight,
                      .node = from,
                      .socket = origin.socket,
                      .source = origin.source},
                     out);
    if (!recognises_sealed(from, datagram.bytes())) return drop(Drop::forged);
    auto* const one = &datagram;
    from_origin(from, std::span(&one, 1), origin, out);
}

/// `hop` is who has the address they came from. What it has sent straight to us is opened together;
/// what came over relays does not overtake it.
void Plane::from_hop(NodeIndex hop, std::span<packet::Packet* const> datagrams,
                     const Origin& origin, Outbox& out) {
    if (minor_of(hop) < first_minor_with_ids) return from_origin(hop, datagrams, origin, out);
    straight_.clear();
    const auto open_straight = [&] {
        from_origin(hop, straight_, origin, out);
        straight_.clear();
    };
    for (auto* datagram : datagrams) {
        const auto from = origin_of(*datagram);
        if (from == hop) {
            straight_.push_back(datagram);
            continue;
        }
        if (datagram->size() == 0) continue;
        open_straight();
        if (from)
            take_straight(*from, *datagram, origin, out);
        else
            from_relay(hop, *datagram, out);
    }
    open_straight();
}

/// Who has sealed a datagram that is straight for us, now without its IDs. Nothing if it is relayed
/// for somebody, or is of no use and emptied.
std::optional<NodeIndex> Plane::origin_of(packet::Packet& datagram) {
    const auto refuse = [&](Drop reason) {
        drop(reason);
        datagram.clear();
        return std::nullopt;
    };
    if (datagram.size() < ids_bytes + sptps::datagram_overhead) return refuse(Drop::too_short);
    if (!is_null(destination_id(datagram.bytes()))) return std::nullopt;
    const auto from = node_of(origin_id(datagram.bytes()));
    if (!from || !speaks_sptps(*from)) return refuse(Drop::unknown_source);
    datagram.shrink_front(ids_bytes);
    return from;
}

/// A datagram of another node, for us or for a third.
void Plane::from_relay(NodeIndex hop, packet::Packet& datagram, Outbox& out) {
    const auto from = node_of(origin_id(datagram.bytes()));
    if (!from || !speaks_sptps(*from)) return drop(Drop::unknown_source);
    const auto to = node_of(destination_id(datagram.bytes()));
    if (!to) return drop(Drop::unreachable);
    if (!slot(hop).is_proven) return drop(Drop::unknown_source);
    datagram.shrink_front(ids_bytes);
    if (*to != self) {
        if (settings_.forwarding == Forwarding::off) return drop(Drop::prohibited);
        if (*from == self) return drop(Drop::looping);
        tunnel_used(*to);
        return transmit(*from, *to, hop, datagram, Way{}, out);
    }
    take_relayed(*from, datagram, out);
    auto& sender = slot(*from);
    if (now_ < sender.next_relay_report) return;
    sender.next_relay_report = now_ + limits::tunnel_report_pause;
    post(RelayedFrom{*from});
}

/// Straight from the node that sealed them.
void Plane::from_origin(NodeIndex from, std::span<packet::Packet* const> datagrams,
                        const Origin& origin, Outbox& out) {
    if (datagrams.empty()) return;
    open_records(from, datagrams);
    for (std::size_t i = 0; i < datagrams.size(); ++i) {
        const auto type = types_[i];
        if (!type) continue;
        const auto known = by_remote_.find(origin.source);
        const bool is_owner = known != by_remote_.end() && known->second.front() == from;
        adopt_source(from, origin, is_owner);
        auto& record_ = *datagrams[i];
        if (*type == record::probe) {
            take_probe(from, record_, origin, out);
            continue;
        }
        notice_arrival(from, record_.size(), out);
        take_record(from, *type, record_, out);
    }
}

void Plane::carry(NodeIndex neighbour, Bytes packet, Time now, Outbox& out) {
    now_ = now;
    if (packet.size() < ids_bytes + sptps::datagram_overhead) return drop(Drop::too_short);
    const auto to = node_of(destination_id(packet));
    const auto from = node_of(origin_id(packet));
    if (!from || !to) return drop(Drop::unreachable);
    carry(neighbour, *from, *to, packet.subspan(ids_bytes), now, out);
}

void Plane::carry(NodeIndex neighbour, NodeIndex from, NodeIndex to, Bytes datagram, Time now,
                  Outbox& out) {
    begin(now);
    if (!speaks_sptps(from)) return drop(Drop::unknown_source);
    if (datagram.size() < sptps::datagram_overhead) return drop(Drop::too_short);
    if (datagram.size() > limits::datagram_bytes) return drop(Drop::too_long);
    auto* packet = out.spare();
    if (packet == nullptr) return drop(Drop::queue_full);
    packet->assign(datagram);
    if (to != self) {
        if (settings_.forwarding == Forwarding::off) return drop(Drop::prohibited);
        tunnel_used(to);
        return transmit(from, to, neighbour, *packet, Way{}, out);
    }
    take_relayed(from, *packet, out);
    seal_waiting(out);
}

/// A probe of the way by UDP says nothing when it took another.
void Plane::take_relayed(NodeIndex from, packet::Packet& datagram, Outbox& out) {
    if (!share_.has(from))
        return leave(datagram, {.kind = Errand::Kind::relayed, .node = from}, out);
    auto* const one = &datagram;
    open_records(from, std::span(&one, 1));
    const auto type = types_.front();
    if (type && *type != record::probe) take_record(from, *type, datagram, out);
}

bool Plane::recognises_sealed(NodeIndex node, Bytes datagram) {
    const auto& opener = slot(node).sptps_opener;
    return opener && opener->recognises(datagram);
}

/// In place. `types_` tells which records they are; nothing of one that could not be opened.
void Plane::open_records(NodeIndex from, std::span<packet::Packet* const> datagrams) {
    using Verdict = sptps::Opener::Verdict;
    auto& sender = slot(from);
    types_.assign(datagrams.size(), std::nullopt);
    if (now_ >= sender.old_key_until) {
        sender.old_sptps_opener.reset();
        if (sender.sptps_opener) sender.sptps_opener->forget_old();
    }
    if (!sender.sptps_opener) {
        tunnel_used(from);
        for (std::size_t i = 0; i < datagrams.size(); ++i) drop(Drop::no_key);
        return;
    }
    opened_records_.resize(datagrams.size());
    sender.sptps_opener->open(datagrams, engine_, opened_records_);
    for (std::size_t i = 0; i < datagrams.size(); ++i) {
        auto& opened = opened_records_[i];
        const bool is_worn =
            opened.verdict == Verdict::opened && opened.sequence >= sptps::many_records;
        if (opened.verdict == Verdict::forged && sender.old_sptps_opener)
            sender.old_sptps_opener->open(datagrams.subspan(i, 1), engine_, std::span(&opened, 1));
        if (opened.verdict == Verdict::opened) {
            sender.forged = 0;
            types_[i] = opened.type;
            if (opened.lost > 0)
                log_.print(Level::traffic, Severity::warning, "Lost {} packets from {}",
                           opened.lost, label(from));
            if (is_worn && !std::exchange(told_of_worn_keys_, true)) post(SessionDoubted{from});
            continue;
        }
        if (opened.verdict == Verdict::forged) doubt(from);
        report_refusal(from, drop_of(opened.verdict), {opened.sequence, opened.last, opened.far});
    }
}

void Plane::take_record(NodeIndex from, std::uint8_t type, packet::Packet& record_, Outbox& out) {
    if (!rebuild_frame(type, record_)) return;
    log_.print(Level::traffic, Severity::debug, "Received packet of {} bytes from {}",
               record_.size(), label(from));
    route(from, record_, Transport::any, now_, out);
}

bool Plane::rebuild_frame(std::uint8_t type, packet::Packet& record_) {
    const auto refuse = [&](Drop reason) {
        drop(reason);
        return false;
    };
    if (type > (record::compressed | record::ethernet)) return refuse(Drop::unknown_type);
    if (record_.size() > limits::frame_bytes) return refuse(Drop::too_long);
    if ((type & record::compressed) != 0) {
        std::array<std::byte, limits::datagram_bytes> larger;
        const auto size = compression_.decompress(settings_.compression, record_.bytes(), larger);
        if (!size) return refuse(Drop::damaged);
        record_.assign(std::span(larger).first(*size));
    }
    if ((type & record::ethernet) != 0) return true;
    if (settings_.mode != Mode::router) return refuse(Drop::unknown_type);
    if (record_.size() == 0 || record_.front_room() < packet::ethernet_bytes)
        return refuse(Drop::too_short);
    const auto version = std::to_integer<unsigned>(record_.bytes().front()) >> 4U;
    if (version != 4 && version != 6) return refuse(Drop::unknown_type);
    record_.grow_front(packet::ethernet_bytes);
    const auto header = record_.bytes().first(packet::ethernet_bytes);
    std::ranges::fill(header, std::byte{0});
    put_u16(header, packet::ethernet_bytes - 2,
            version == 4 ? packet::ethertype_ipv4 : packet::ethertype_ipv6);
    return true;
}

/// A probe asks how much of it has arrived; the answer goes to where it came from.
void Plane::take_probe(NodeIndex from, packet::Packet& record_, const Origin& origin, Outbox& out) {
    const auto size = record_.size();
    if (size < short_reply_bytes) return drop(Drop::too_short);
    const auto kind = record_.bytes().front();
    if (kind == probe_echo) return post(ProbeReply{from, size});
    if (kind == probe_size) return post(ProbeReply{from, get_u16(record_.bytes(), 1)});
    if (kind != probe_request) return drop(Drop::unknown_type);
    log_.print(Level::traffic, Severity::info, "Got MTU probe length {} from {}", size,
               label(from));
    auto& receiver = slot(from);
    if (!receiver.sptps_sealer) return drop(Drop::no_key);
    if (minor_of(from) >= first_minor_with_short_replies) {
        record_.bytes().front() = probe_size;
        put_u16(record_.bytes(), 1, static_cast<std::uint16_t>(size));
        record_.resize(short_reply_bytes);
    } else {
        record_.bytes().front() = probe_echo;
    }
    const auto reply_bytes = record_.size();
    if (!receiver.sptps_sealer->seal(record_, record::probe)) return drop(Drop::unsealed);
    send_directly(from, record_, reply_bytes, LocalTarget{origin.source, origin.socket}, out);
}

/// Tells a node, now and then, how large a packet of its own has arrived: it need not ask.
void Plane::notice_arrival(NodeIndex from, std::size_t record_bytes, Outbox& out) {
    auto& sender = slot(from);
    sender.longest_arrived = std::max(sender.longest_arrived, record_bytes);
    const bool is_due = now_ >= sender.next_notice && sender.is_confirmed &&
                        minor_of(from) >= first_minor_with_short_replies && sender.sptps_sealer;
    if (!is_due) return;
    auto* notice = out.spare();
    if (notice == nullptr) return;
    sender.next_notice = now_ + notice_pause;
    notice->resize(short_reply_bytes);
    random_.fill(notice->bytes());
    notice->bytes().front() = probe_size;
    put_u16(notice->bytes(), 1,
            static_cast<std::uint16_t>(std::exchange(sender.longest_arrived, 0U)));
    if (!sender.sptps_sealer->seal(*notice, record::probe)) return drop(Drop::unsealed);
    send_directly(from, *notice, short_reply_bytes, std::nullopt, out);
}

}  // namespace tinc::plane
