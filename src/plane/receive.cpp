#include "tinc/plane/plane.hpp"

#include <algorithm>

namespace tinc::plane {

namespace {

using Verdict = legacy::Opener::Verdict;

/// What zlib and LZO may add to a frame that cannot be compressed: tinc counts a compressed probe
/// as this much shorter, lest a compressible one prove too much.
constexpr std::size_t compression_overhead = limits::frame_bytes / 64 + 20;

Drop drop_of(Verdict verdict) {
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
        case Verdict::damaged:
            break;
    }
    return Drop::damaged;
}

}  // namespace

void Plane::from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                         SocketIndex socket, Time now, Outbox& out) {
    TINC_ASSERT(sources.size() == datagrams.size());
    now_ = now;
    for (std::size_t i = 0; i < datagrams.size(); ++i)
        receive(datagrams[i], sources[i], socket, now, out);
}

void Plane::receive(packet::Packet& datagram, const Endpoint& source, SocketIndex socket, Time now,
                    Outbox& out) {
    if (datagram.size() > limits::datagram_bytes) return drop(Drop::too_long);
    if (settings_.speaks_sptps && receive_sealed(datagram, source, socket, out)) return;
    const auto identified = identify(datagram.bytes(), source, now);
    if (!identified) {
        drop(Drop::unknown_source);
        if (log_.shows(Level::protocol) &&
            (!unknown_logged_ || now - *unknown_logged_ >= std::chrono::seconds(1))) {
            unknown_logged_ = now;
            log_.print(Level::protocol, Severity::warning,
                       "Received UDP packet from unknown source {}", source.text());
        }
        return;
    }
    const auto node = identified->node;
    auto& sender = slot(node);
    if (!has_our_key(sender, now)) {
        drop(Drop::no_key);
        log_.print(Level::traffic, Severity::debug,
                   "Got packet from {} but he hasn't got our key yet", label(node));
        return;
    }
    std::size_t payload_bytes = 0;
    auto& opener = opener_for(sender, datagram.bytes(), now);
    const auto verdict = opener.open(datagram, compression_, &payload_bytes);
    if (opener.window().last() > limits::max_sequence && !std::exchange(told_of_worn_keys_, true))
        post(KeysWornOut{});
    if (verdict != Verdict::opened)
        return report_refusal(node, drop_of(verdict), opener.sequence(), opener.window());
    if (opener.lost() > 0)
        log_.print(Level::traffic, Severity::warning, "Lost {} packets from {}", opener.lost(),
                   label(node));

    // Only an authenticated, fresh packet may move a node's address.
    adopt_source(node, source, socket, identified->is_owner);
    log_.print(Level::traffic, Severity::debug, "Received packet of {} bytes from {}",
               datagram.size(), label(node));
    if (datagram.size() >= packet::ethernet_bytes &&
        packet::ethertype(datagram.bytes()) == packet::ethertype_probe)
        return answer_probe(node, datagram, payload_bytes, out);
    route(node, datagram, Transport::any, now, out);
}

void Plane::adopt_source(NodeIndex node, const Endpoint& source, SocketIndex socket,
                         bool is_owner) {
    auto& sender = slot(node);
    sender.socket = socket;
    sender.is_proven = true;
    if (sender.remote == source && is_owner) return;
    const bool moved = sender.remote != source;
    give_up_address(node);
    sender.remote = source;
    claim_address(node, source, Claim::proven);
    if (moved) post(SourceMoved{node, source, socket});
}

/// Of the present key and the one before it, which packets on their way may still need.
legacy::Opener& Plane::opener_for(Slot& sender, Bytes datagram, Time now) {
    if (sender.old_opener && now >= sender.old_opener_until) sender.old_opener.reset();
    if (!sender.opener) return *sender.old_opener;
    const bool is_old = sender.old_opener && !sender.opener->recognises(datagram) &&
                        sender.old_opener->recognises(datagram);
    return is_old ? *sender.old_opener : *sender.opener;
}

void Plane::report_refusal(NodeIndex node, Drop reason, std::uint32_t sequence,
                           const packet::ReplayWindow& window) {
    drop(reason);
    if (!log_.shows(Level::traffic)) return;
    const auto told = [&]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
        log_.print(Level::traffic, Severity::debug, format, std::forward<Args>(args)...);
    };
    const auto who = label(node);
    if (reason == Drop::too_short)
        told("Received too short packet from {}", who);
    else if (reason == Drop::forged)
        told("Got unauthenticated packet from {}", who);
    else if (reason == Drop::replayed)
        told("Got late or replayed packet from {}, seqno {}, last received {}", who, sequence,
             window.last());
    else if (reason == Drop::too_far)
        told("Packet from {} is {} seqs in the future, dropped ({})", who,
             sequence - window.last() - 1, window.far());
    else
        told("Error while uncompressing packet from {}", who);
}

/// A probe asks, by its first byte 0, to be sent back as it is; byte 1 marks the answer.
void Plane::answer_probe(NodeIndex node, packet::Packet& frame, std::size_t payload_bytes,
                         Outbox& out) {
    auto length = frame.size();
    log_.print(Level::traffic, Severity::info, "Got MTU probe length {} from {}", length,
               label(node));
    if (frame.bytes()[0] == std::byte{0}) {
        frame.bytes()[0] = std::byte{1};
        return send(node, frame, Way{}, out);
    }
    if (payload_bytes != length)
        length = payload_bytes > compression_overhead ? payload_bytes - compression_overhead : 0;
    post(ProbeReply{node, length});
}

}  // namespace tinc::plane
