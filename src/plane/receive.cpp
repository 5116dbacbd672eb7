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
    const auto verdict = open(sender, datagram, now, payload_bytes);
    if (verdict != Verdict::opened) return report_refusal(node, verdict, source);

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

Verdict Plane::open(Slot& sender, packet::Packet& datagram, Time now, std::size_t& payload_bytes) {
    if (sender.old_opener && now >= sender.old_opener_until) sender.old_opener.reset();
    if (sender.old_opener && (!sender.opener || (!sender.opener->recognises(datagram.bytes()) &&
                                                 sender.old_opener->recognises(datagram.bytes()))))
        return sender.old_opener->open(datagram, &payload_bytes);
    if (!sender.opener) return Verdict::forged;
    const auto verdict = sender.opener->open(datagram, &payload_bytes);
    if (sender.opener->window().last() > limits::max_sequence &&
        !std::exchange(told_of_worn_keys_, true))
        post(KeysWornOut{});
    return verdict;
}

void Plane::report_refusal(NodeIndex node, Verdict verdict, const Endpoint& source) {
    const auto told = [&](Drop reason, std::string_view what) {
        drop(reason);
        if (log_.shows(Level::traffic))
            log_.print(Level::traffic, Severity::debug, "{} from {} ({})", what, slot(node).name,
                       source.text());
    };
    switch (verdict) {
        case Verdict::opened:
            return;
        case Verdict::too_short:
            return told(Drop::too_short, "Received too short packet");
        case Verdict::forged:
            return told(Drop::forged, "Got unauthenticated packet");
        case Verdict::replayed:
            return told(Drop::replayed, "Got late or replayed packet");
        case Verdict::too_far:
            return told(Drop::too_far, "Got packet from the far future");
        case Verdict::damaged:
            return told(Drop::damaged, "Error while uncompressing packet");
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
