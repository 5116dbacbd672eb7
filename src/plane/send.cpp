#include "tinc/packet/record.hpp"
#include "tinc/plane/plane.hpp"
#include "tinc/wire/messages.hpp"

#include <algorithm>
#include <array>

namespace tinc::plane {

namespace {

namespace option = wire::option;

constexpr std::size_t smallest_probe_bytes = 64;
constexpr std::size_t smallest_sptps_probe_bytes = 18;

bool is_probe(Bytes frame) { return packet::ethertype(frame) == packet::ethertype_probe; }

}  // namespace

void Plane::send(NodeIndex node, packet::Packet& frame, Way way, Outbox& out) {
    if (node == self) return deliver(frame, out);
    const auto& target = hop(node);
    if (!target.reachable) return drop(Drop::unreachable);
    log_.print(Level::traffic, Severity::info, "Sending packet of {} bytes to {}", frame.size(),
               label(node));
    if (speaks_sptps(node)) return send_udp(node, frame, way, out);
    const bool keep_on_tcp = way.transport == Transport::keep_on_tcp;
    const auto next = keep_on_tcp || target.via == self ? target.nexthop : target.via;
    if (keep_on_tcp || settings_.tcp_only || (hop(next).options & option::tcp_only) != 0)
        return send_tcp(next, frame.bytes());
    send_udp(next, frame, way, out);
}

/// By UDP if the frame is known to pass, else by the next node on the way, else by TCP.
void Plane::send_udp(NodeIndex node, packet::Packet& frame, Way way, Outbox& out) {
    // Each step goes one hop nearer to us, so this ends; the bound is for tables that contradict
    // themselves between two recomputations.
    for (int steps = 0; steps < 2; ++steps) {
        const auto& target = hop(node);
        if (!target.reachable) return drop(Drop::unreachable);
        if (!share_.has(node))
            return leave(frame, {.kind = Errand::Kind::send, .node = node, .way = way}, out);
        if (speaks_sptps(node)) return send_sealed(node, frame, way);
        const auto& receiver = slot(node);
        if (!receiver.sealer) {
            post(KeyWanted{node});
            return send_tcp(node, frame.bytes());
        }
        const bool unproven = (target.options & option::pmtu_discovery) != 0 &&
                              !is_probe(frame.bytes()) && frame.size() > receiver.min_mtu;
        if (!unproven) return emit(node, frame, way);
        if (target.nexthop == node) break;
        node = target.nexthop;
        if ((hop(node).options & option::tcp_only) != 0) break;
    }
    send_tcp(node, frame.bytes());
}

void Plane::emit(NodeIndex node, packet::Packet& frame, Way way) {
    if (!slot(node).remote) return send_tcp(node, frame.bytes());
    wait_for_sealing(node, frame, way);
}

void Plane::wait_for_sealing(NodeIndex node, packet::Packet& frame, Way way) {
    auto& waiting = slot(node).waiting;
    if (waiting.empty()) receivers_.push_back(node);
    waiting.push_back({&frame, way});
}

/// Ends every call that may have sent frames.
void Plane::seal_waiting(Outbox& out) {
    for (const auto node : receivers_) {
        const bool is_sptps = speaks_sptps(node);
        std::span<const Waiting> rest = slot(node).waiting;
        while (!rest.empty()) {
            const auto some = rest.first(std::min(rest.size(), limits::batch_packets));
            if (is_sptps)
                seal_records(node, some, out);
            else
                seal_frames(node, some, out);
            rest = rest.subspan(some.size());
        }
        slot(node).waiting.clear();
    }
    receivers_.clear();
}

void Plane::seal_frames(NodeIndex node, std::span<const Waiting> frames, Outbox& out) {
    auto& receiver = slot(node);
    std::array<packet::Packet*, limits::batch_packets> packets;
    std::array<std::size_t, limits::batch_packets> frame_bytes;
    std::array<bool, limits::batch_packets> sealed;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        packets[i] = frames[i].frame;
        frame_bytes[i] = frames[i].frame->size();
    }
    receiver.sealer->seal(std::span(packets).first(frames.size()), compression_, engine_, sealed);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (!sealed[i]) {
            drop(Drop::unsealed);
            continue;
        }
        out.send({.packet = packets[i],
                  .node = node,
                  .frame_bytes = frame_bytes[i],
                  .remote = *receiver.remote,
                  .socket = receiver.socket,
                  .traffic_class = frames[i].way.traffic_class});
    }
}

void Plane::send_tcp(NodeIndex node, Bytes frame) {
    const auto& target = hop(node);
    if (!target.reachable) return drop(Drop::unreachable);
    post(SendByTcp{target.nexthop, {frame.begin(), frame.end()}});
}

void Plane::deliver(packet::Packet& frame, Outbox& out) {
    device_bytes_.out += frame.size();
    log_.print(Level::traffic, Severity::debug, "Writing packet of {} bytes to {}", frame.size(),
               settings_.device);
    out.deliver(frame);
}

void Plane::send_probe(NodeIndex node, std::size_t frame_bytes,
                       const std::optional<LocalTarget>& local, Time now, Outbox& out) {
    now_ = now;
    auto& receiver = slot(node);
    const bool is_sptps = speaks_sptps(node);
    const bool has_key = is_sptps ? receiver.sptps_sealer.has_value() : receiver.sealer.has_value();
    if (!has_key || (!local && !receiver.remote)) return drop(Drop::no_key);
    auto* frame = out.spare();
    if (frame == nullptr) return drop(Drop::queue_full);
    const auto least = is_sptps ? smallest_sptps_probe_bytes : smallest_probe_bytes;
    frame->resize(std::clamp(frame_bytes, least, limits::frame_bytes));
    random_.fill(frame->bytes());
    std::ranges::fill(frame->bytes().first(packet::ethernet_bytes), std::byte{0});
    log_.print(Level::traffic, Severity::info, "Sending MTU probe length {} to {}", frame->size(),
               label(node));
    const auto size = frame->size();
    if (is_sptps) {
        if (!receiver.sptps_sealer->seal(*frame, packet::record::probe))
            return drop(Drop::unsealed);
        return send_directly(node, *frame, size, local, out);
    }
    if (!receiver.sealer->seal(*frame, compression_)) return drop(Drop::unsealed);
    out.send({.packet = frame,
              .node = node,
              .frame_bytes = size,
              .remote = local ? local->remote : *receiver.remote,
              .socket = local ? local->socket : receiver.socket,
              .is_broadcast = local.has_value()});
}

}  // namespace tinc::plane
