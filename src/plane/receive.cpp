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
    begin(now);
    for (std::size_t i = 0; i < datagrams.size();) {
        const auto& source = sources[i];
        arrived_.clear();
        for (; i < datagrams.size() && sources[i] == source; ++i) {
            if (datagrams[i].size() > limits::datagram_bytes)
                drop(Drop::too_long);
            else
                arrived_.push_back(&datagrams[i]);
        }
        receive(arrived_, {source, socket}, out);
    }
    seal_waiting(out);
}

/// What came from one address.
void Plane::receive(std::span<packet::Packet* const> datagrams, const Origin& origin, Outbox& out) {
    const auto known = by_remote_.find(origin.source);
    if (known != by_remote_.end() && speaks_sptps(known->second.front()))
        return open_from({.node = known->second.front(), .is_owner = true}, datagrams, origin, out);
    // A node of 1.1 may be behind the same router, and have got the port of the owner.
    const bool may_be_sealed =
        settings_.speaks_sptps && std::ranges::any_of(datagrams, [](const auto* datagram) {
            return names_its_origin(datagram->bytes());
        });
    if (known != by_remote_.end() && known->second.size() == 1 && !may_be_sealed) {
        const auto owner = known->second.front();
        if (has_our_key(slot(owner), now_))
            return open_from({.node = owner, .is_owner = true}, datagrams, origin, out);
    }
    for (auto* datagram : datagrams) receive_one(*datagram, origin, out);
}

/// What one node has sent, by its address or its MAC. Of a node of 1.0 those are together whose
/// key is the same without a doubt.
void Plane::open_from(Sender sender, std::span<packet::Packet* const> datagrams,
                      const Origin& origin, Outbox& out) {
    if (!share_.has(sender.node)) {
        for (auto* datagram : datagrams)
            leave(*datagram,
                  {.kind = Errand::Kind::open,
                   .node = sender.node,
                   .is_owner = sender.is_owner,
                   .socket = origin.socket,
                   .source = origin.source},
                  out);
        return;
    }
    if (speaks_sptps(sender.node)) return from_hop(sender.node, datagrams, origin, out);
    if (!has_our_key(slot(sender.node), now_)) {
        for (std::size_t i = 0; i < datagrams.size(); ++i) drop(Drop::no_key);
        log_.print(Level::traffic, Severity::debug,
                   "Got packet from {} but he hasn't got our key yet", label(sender.node));
        return;
    }
    // Who left them to us may know less of who has the address.
    const auto known = by_remote_.find(origin.source);
    if (known != by_remote_.end() && known->second.front() == sender.node) sender.is_owner = true;
    const bool has_old = slot(sender.node).old_opener && now_ < slot(sender.node).old_opener_until;
    const auto step = has_old ? 1 : datagrams.size();
    for (; !datagrams.empty(); datagrams = datagrams.subspan(step)) {
        const auto run = datagrams.first(step);
        opened_.resize(step);
        opener_for(slot(sender.node), run.front()->bytes(), now_)
            .open(run, compression_, engine_, opened_);
        for (std::size_t i = 0; i < step; ++i)
            take_opened(sender, *run[i], opened_[i], origin, out);
    }
}

/// Whose it is, and by which key, has to be found out.
void Plane::receive_one(packet::Packet& datagram, const Origin& origin, Outbox& out) {
    if (settings_.speaks_sptps && receive_sealed(datagram, origin, out)) return;
    const auto identified = identify(datagram.bytes(), origin.source, now_);
    if (!identified) {
        drop(Drop::unknown_source);
        if (log_.shows(Level::protocol) &&
            (!unknown_logged_ || now_ - *unknown_logged_ >= std::chrono::seconds(1))) {
            unknown_logged_ = now_;
            log_.print(Level::protocol, Severity::warning,
                       "Received UDP packet from unknown source {}", origin.source.text());
        }
        return;
    }
    auto* const one = &datagram;
    open_from(*identified, std::span(&one, 1), origin, out);
}

void Plane::take_opened(Sender sender, packet::Packet& frame, const legacy::Opener::Opened& opened,
                        const Origin& origin, Outbox& out) {
    const auto node = sender.node;
    if (opened.sequence > limits::max_sequence && opened.verdict == Verdict::opened &&
        !std::exchange(told_of_worn_keys_, true))
        post(KeysWornOut{});
    if (opened.verdict == Verdict::forged && sender.is_owner) doubt(node);
    if (opened.verdict != Verdict::opened)
        return report_refusal(node, drop_of(opened.verdict),
                              {opened.sequence, opened.last, opened.far});
    slot(node).forged = 0;
    if (opened.lost > 0)
        log_.print(Level::traffic, Severity::warning, "Lost {} packets from {}", opened.lost,
                   label(node));

    // Only an authenticated, fresh packet may move a node's address.
    adopt_source(node, origin, sender.is_owner);
    log_.print(Level::traffic, Severity::debug, "Received packet of {} bytes from {}", frame.size(),
               label(node));
    if (frame.size() >= packet::ethernet_bytes &&
        packet::ethertype(frame.bytes()) == packet::ethertype_probe)
        return answer_probe(node, frame, opened.wire_payload_bytes, out);
    route(node, frame, Transport::any, now_, out);
}

/// So many in a row that nobody could open mean that the other end has other keys.
void Plane::doubt(NodeIndex node) {
    constexpr std::uint32_t doubtful = 20;
    auto& sender = slot(node);
    if (++sender.forged < doubtful) return;
    sender.forged = 0;
    post(SessionDoubted{node});
}

void Plane::adopt_source(NodeIndex node, const Origin& origin, bool is_owner) {
    const auto& source = origin.source;
    auto& sender = slot(node);
    sender.socket = origin.socket;
    sender.is_proven = true;
    if (sender.remote == source && is_owner) return;
    const bool moved = sender.remote != source;
    move_to(node, source);
    if (moved) post(SourceMoved{node, source, origin.socket});
}

void Plane::move_to(NodeIndex node, const Endpoint& source) {
    give_up_address(node);
    slot(node).remote = source;
    claim_address(node, source, Claim::proven);
}

/// Of the present key and the one before it, which packets on their way may still need.
legacy::Opener& Plane::opener_for(Slot& sender, Bytes datagram, Time now) {
    if (sender.old_opener && now >= sender.old_opener_until) sender.old_opener.reset();
    if (!sender.opener) return *sender.old_opener;
    const bool is_old = sender.old_opener && !sender.opener->recognises(datagram) &&
                        sender.old_opener->recognises(datagram);
    return is_old ? *sender.old_opener : *sender.opener;
}

void Plane::report_refusal(NodeIndex node, Drop reason, const Numbers& numbers) {
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
        told("Got late or replayed packet from {}, seqno {}, last received {}", who,
             numbers.sequence, numbers.last);
    else if (reason == Drop::too_far)
        told("Packet from {} is {} seqs in the future, dropped ({})", who,
             numbers.sequence - numbers.last - 1, numbers.far);
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
