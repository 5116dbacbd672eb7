// Protocol 1.1 on a meta connection: which proof the ID lines lead to, SPTPS records, and the
// exchange of Ed25519 keys between nodes that know each other by RSA only. Source: protocol 1.1, 2.

#include "tinc/base/limits.hpp"
#include "tinc/crypto/secret.hpp"
#include "tinc/peer/peer.hpp"

#include <algorithm>
#include <utility>

namespace tinc::peer {

namespace {

/// Announced by who does not know the other's key yet.
constexpr int minor_without_key = 1;
/// From here on peers take SPTPS_PACKET.
constexpr int minor_of_sptps_packets = 7;
/// Two node IDs, which precede every datagram.
constexpr std::size_t ids_bytes = 12;

}  // namespace

/// An accepted connection is told our version as it is; one we open, what is possible with it.
std::string Peer::id_line() const {
    int minor = settings_->own_keys.ed25519 ? wire::protocol_minor : 0;
    const bool is_unknown = is_outgoing_ && host_->ed25519_key && !*host_->ed25519_key;
    if (is_unknown) minor = std::min(minor, minor_without_key);
    std::string line;
    append(line, wire::Id{settings_->name, wire::protocol_major, minor});
    return line;
}

Result<Peer::Proof> Peer::choose_proof() const {
    const bool is_modern = settings_->own_keys.ed25519 != nullptr;
    if (is_modern && !host_->ed25519_key) return std::unexpected(host_->ed25519_key.error());
    const bool is_key_known = is_modern && host_->ed25519_key->has_value();
    if (is_key_known && peer_minor_ == 0)
        return failure(Errc::refused, fmt::format("Peer {} ({}) tries to roll back protocol "
                                                  "version to 17.0: its Ed25519 key is known",
                                                  name_, remote_.text()));
    if (is_key_known && peer_minor_ > minor_without_key) return Proof::sptps;
    if (!settings_->own_keys.rsa)
        return failure(Errc::refused,
                       fmt::format("{} knows only RSA, and we have no RSA key", label()));
    if (!host_->public_key) return std::unexpected(host_->public_key.error());
    return peer_minor_ == 0 ? Proof::rsa : Proof::rsa_then_keys;
}

Result<void> Peer::begin_sptps() {
    const auto& initiator = is_outgoing_ ? settings_->name : name_;
    const auto& responder = is_outgoing_ ? name_ : settings_->name;
    stream_.emplace(
        sptps::Parties{.role = is_outgoing_ ? sptps::Role::initiator : sptps::Role::responder,
                       .own_key = settings_->own_keys.ed25519,
                       .peer_key = **host_->ed25519_key,
                       .label = sptps::meta_label(initiator, responder)},
        *random_);
    const auto kex = stream_->take_outgoing();
    outgoing_.insert(outgoing_.end(), kex.begin(), kex.end());
    return {};
}

/// Takes one record, or the raw bytes between two of them. Returns how many bytes that was; 0 if it
/// is not all there.
Result<std::size_t> Peer::take_record(Bytes unread, Time now) {
    if (raw_bytes_ > 0) {
        if (unread.size() < raw_bytes_) return 0;
        const auto packet = unread.first(raw_bytes_);
        events_.emplace_back(SptpsPacketArrived{{packet.begin(), packet.end()}});
        return std::exchange(raw_bytes_, 0U);
    }
    // Who does not know our key answers with its METAKEY in clear.
    if (!stream_->is_complete() && as_text(unread).starts_with("1 "))
        return failure(
            Errc::refused,
            fmt::format("{} does not know our Ed25519 key: give it our host file, or let "
                        "it open the connection",
                        label()));
    const auto received = stream_->receive(unread);
    if (!received)
        return failure(received.error().code,
                       fmt::format("{} from {}", received.error().what, label()));
    const auto answer = stream_->take_outgoing();
    outgoing_.insert(outgoing_.end(), answer.begin(), answer.end());
    switch (received->kind) {
        case sptps::Stream::Kind::nothing:
        case sptps::Stream::Kind::handshake:
            break;
        case sptps::Stream::Kind::complete:
            if (state_ != State::authenticating) break;  // of a re-key
            state_ = State::awaiting_ack;
            TINC_CHECK(send_ack(now));
            break;
        case sptps::Stream::Kind::record:
            TINC_CHECK(on_record(received->data, now));
            break;
    }
    return received->taken;
}

/// A request with its newline, which may be missing; or the frame of the PACKET before it.
Result<void> Peer::on_record(Bytes record, Time now) {
    if (packet_bytes_ > 0) {
        if (record.size() != packet_bytes_)
            return failure(Errc::malformed, fmt::format("PACKET of {} bytes from {} has {}",
                                                        packet_bytes_, label(), record.size()));
        packet_bytes_ = 0;
        if (!is_skipping_packet_)
            events_.emplace_back(PacketArrived{{record.begin(), record.end()}});
        return {};
    }
    auto line = as_text(record);
    if (line.ends_with('\n')) line.remove_suffix(1);
    if (line.size() >= limits::meta_buffer_bytes)
        return failure(Errc::exhausted,
                       fmt::format("Metadata read buffer overflow for {}", label()));
    std::string request(line);
    const auto heard = on_line(request, now);
    crypto::wipe(request);  // it may be an ANS_KEY
    return heard;
}

Result<void> Peer::on_sptps_packet_header(std::string_view line) {
    TINC_TRY(const auto header, wire::parse_sptps_packet(line));
    if (!stream_)
        return failure(Errc::refused, fmt::format("SPTPS_PACKET from {}, which is not connected by "
                                                  "SPTPS",
                                                  label()));
    if (header.length == 0) return {};
    if (header.length < ids_bytes || header.length > limits::meta_buffer_bytes)
        return failure(Errc::malformed, fmt::format("Invalid SPTPS_PACKET length {} from {}",
                                                    header.length, label()));
    raw_bytes_ = header.length;
    return {};
}

bool Peer::takes_sptps_packets() const { return stream_ && peer_minor_ >= minor_of_sptps_packets; }

void Peer::send_sptps_packet(std::vector<std::byte> packet, Time now) {
    TINC_ASSERT(state_ == State::active && takes_sptps_packets());
    std::string request;
    append(request, wire::SptpsPacketHeader{packet.size()});
    wait({std::move(request), WaitingPacket::Body::raw, std::move(packet), now});
}

void Peer::send_packet_line(std::string line, Time now) {
    wait({std::move(line), WaitingPacket::Body::none, {}, now});
}

std::optional<crypto::Ed25519PublicKey> Peer::proven_key() const {
    if (!stream_) return std::nullopt;
    return *host_->ed25519_key;
}

// --- keys instead of ACK
// --------------------------------------------------------------------------

Result<void> Peer::tell_key() {
    std::string line;
    append(line, wire::KeyAck{settings_->own_keys.ed25519->public_key().text()});
    return send_line(line, Telling::log);
}

Result<void> Peer::on_key(std::string_view line) {
    TINC_TRY(const auto message, wire::parse_key_ack(line));
    const auto key = crypto::Ed25519PublicKey::parse(message.key);
    if (!key)
        return failure(key.error().code,
                       fmt::format("{} told a bad Ed25519 key: {}", label(), key.error().what));
    const auto& known = *host_->ed25519_key;
    if (known && *known != *key)
        return failure(Errc::forged,
                       fmt::format("{} told another Ed25519 key than the one in its host file; if "
                                   "it has a new one, remove the old one there",
                                   label()));
    events_.emplace_back(KeyLearned{name_, known ? std::nullopt : std::optional(*key)});
    state_ = State::awaiting_end;
    std::string goodbye;
    wire::append_termreq(goodbye);
    return send_line(goodbye, Telling::log);
}

}  // namespace tinc::peer
