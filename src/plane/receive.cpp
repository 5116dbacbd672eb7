#include "tinc/plane/plane.hpp"

#include <algorithm>

namespace tinc::plane {

namespace {

using Verdict = legacy::Opener::Verdict;

/// What zlib and LZO may add to a frame that cannot be compressed: tinc counts a compressed probe
/// as this much shorter, lest a compressible one prove too much.
constexpr std::size_t compression_overhead = limits::frame_bytes / 64 + 20;

}  // namespace

void Plane::from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                         SocketIndex socket, Time now, Outbox& out) {
    TINC_ASSERT(sources.size() == datagrams.size());
    for (std::size_t i = 0; i < datagrams.size(); ++i)
        receive(datagrams[i], sources[i], socket, now, out);
}

void Plane::receive(packet::Packet& datagram, const Endpoint& source, SocketIndex socket, Time now,
                    Outbox& out) {
    if (datagram.size() > limits::datagram_bytes) return drop(Drop::too_long);
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
    if (verdict != Verdict::opened) return report_refusal(node, opener, verdict);
    if (opener.lost() > 0)
        log_.print(Level::traffic, Severity::warning, "Lost {} packets from {}", opener.lost(),
                   label(node));

    // Only an authenticated, fresh packet may move a node's address.
    sender.socket = socket;
    if (sender.remote != source || !identified->is_owner) {
        const bool moved = sender.remote != source;
        give_up_address(node);
        sender.remote = source;
        claim_address(node, source, Claim::proven);
        if (moved) post(SourceMoved{node, source, socket});
    }
    log_.print(Level::traffic, Severity::debug, "Received packet of {} bytes from {}",
               datagram.size(), label(node));
    if (datagram.size() >= packet::ethernet_bytes &&
        packet::ethertype(datagram.bytes()) == packet::ethertype_probe)
        return answer_probe(node, datagram, payload_bytes, out);
    route(node, datagram, Transport::any, now, out);
}

/// Of the present key and the one before it, which packets on their way may still need.
legacy::Opener& Plane::opener_for(Slot& sender, Bytes datagram, Time now) {
    if (sender.old_opener && now >= sender.old_opener_until) sender.old_opener.reset();
    if (!sender.opener) return *sender.old_opener;
    const bool is_old = sender.old_opener && !sender.opener->recognises(datagram) &&
                        sender.old_opener->recognises(datagram);
    return is_old ? *sender.old_opener : *sender.opener;
}

void Plane::report_refusal(NodeIndex node, const legacy::Opener& opener, Verdict verdict) {
    const auto told = [&]<class... Args>(Drop reason, fmt::format_string<Args...> format,
                                         Args&&... args) {
        drop(reason);
        log_.print(Level::traffic, Severity::debug, format, std::forward<Args>(args)...);
    };
    const auto who = label(node);
    switch (verdict) {
        case Verdict::opened:
            return;
        case Verdict::too_short:
            return told(Drop::too_short, "Received too short packet from {}", who);
        case Verdict::forged:
            return told(Drop::forged, "Got unauthenticated packet from {}", who);
        case Verdict::replayed:
            return told(Drop::replayed,
                        "Got late or replayed packet from {}, seqno {}, last received {}", who,
                        opener.sequence(), opener.window().last());
        case Verdict::too_far:
            return told(Drop::too_far, "Packet from {} is {} seqs in the future, dropped ({})", who,
                        opener.sequence() - opener.window().last() - 1, opener.window().far());
        case Verdict::damaged:
            return told(Drop::damaged, "Error while uncompressing packet from {}", who);
    }
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
