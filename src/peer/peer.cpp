#include "tinc/peer/peer.hpp"
#include "tinc/crypto/secret.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/crypto/weakness.hpp"
#include "tinc/wire/request_log.hpp"

#include <algorithm>
#include <limits>

namespace tinc::peer {

namespace {

using wire::Request;

/// All requests go in records of one type.
constexpr std::uint8_t meta_record_type = 0;

/// ID is all a stranger may say before it has a name.
constexpr std::size_t longest_first_line = 512;

// Bits of a connection's status word, as tinc 1.0.36 prints it.
constexpr unsigned status_pinged = 0x1;
constexpr unsigned status_active = 0x2;
constexpr unsigned status_connecting = 0x4;
constexpr unsigned status_encrypting = 0x40;
constexpr unsigned status_decrypting = 0x80;
constexpr unsigned status_proxy_passed = 0x200;

std::int32_t milliseconds_between(Time from, Time to) {
    const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(count, 0, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

Peer::Peer(const PeerSettings& settings, const Destination& remote, bool is_outgoing,
           RandomSource& random, LogSink& log, Time now)
    : settings_(&settings),
      remote_(remote),
      is_outgoing_(is_outgoing),
      random_(&random),
      log_(&log),
      state_(is_outgoing ? State::connecting : State::awaiting_id),
      last_progress_(now),
      created_(now),
      last_ping_(now) {}

Peer Peer::accepted(const PeerSettings& settings, const Endpoint& remote, RandomSource& random,
                    LogSink& log, Time now) {
    return {settings, remote, false, random, log, now};
}

Peer Peer::outgoing(const PeerSettings& settings, const Endpoint& remote, std::string name,
                    config::HostSettings host, RandomSource& random, LogSink& log, Time now) {
    Peer peer(settings, remote, true, random, log, now);
    peer.name_ = std::move(name);
    peer.host_ = std::move(host);
    return peer;
}

void Peer::connected() {
    TINC_ASSERT(state_ == State::connecting);
    if (!proxy_) return say_id();
    state_ = State::awaiting_proxy;
    talk_to_proxy();
}

void Peer::say_id() {
    state_ = State::awaiting_id;
    const auto line = id_line();
    // A queue that has only ever held a few short messages has room for one more.
    static_cast<void>(send_line(line, Telling::log));
}

Result<void> Peer::receive(Bytes bytes, Time now) {
    if (state_ == State::awaiting_proxy) return on_proxy_answer(bytes, now);
    incoming_.insert(incoming_.end(), bytes.begin(), bytes.end());
    if (state_ == State::awaiting_host) {
        return check_waiting_bytes();
    }
    TINC_CHECK(decrypt_unread());
    return process(now);
}

Result<void> Peer::provide_host(Result<config::HostSettings> host, Time now) {
    TINC_ASSERT(state_ == State::awaiting_host);
    if (!host)
        return failure(Errc::refused, fmt::format("Peer {} had unknown identity ({}): {}",
                                                  remote_.text(), name_, host.error().what));
    host_ = std::move(*host);
    TINC_CHECK(begin_handshake());
    return process(now);
}

std::optional<Event> Peer::next_event() {
    if (events_.empty()) return std::nullopt;
    auto event = std::move(events_.front());
    events_.pop_front();
    return event;
}

/// Takes apart what has arrived: lines, and the raw bytes that follow a PACKET line.
Result<void> Peer::process(Time now) {
    std::size_t done = 0;
    while (state_ != State::awaiting_host) {
        const auto unread = std::span(incoming_).subspan(done);
        if (stream_) {
            TINC_TRY(const auto taken, take_record(unread, now));
            if (taken == 0) break;
            done += taken;
            continue;
        }
        if (packet_bytes_ > 0) {
            const auto taken = take_packet(unread);
            if (taken == 0) break;
            done += taken;
            continue;
        }
        const auto newline = std::ranges::find(unread, std::byte{'\n'});
        const auto length = static_cast<std::size_t>(newline - unread.begin());
        const auto longest =
            state_ == State::awaiting_id ? longest_first_line : limits::meta_buffer_bytes;
        if (length >= longest)
            return failure(Errc::exhausted,
                           fmt::format("Metadata read buffer overflow for {}", label()));
        if (newline == unread.end()) break;
        // The line is copied: METAKEY decrypts the bytes behind it in place.
        std::string line(as_text(unread.first(length)));
        done += length + 1;
        clear_bytes_ = std::max(clear_bytes_, done);
        const auto heard = on_line(line, now);
        crypto::wipe(line);  // it may be an ANS_KEY
        TINC_CHECK(heard);
    }
    crypto::wipe(std::span(incoming_).first(done));
    incoming_.erase(incoming_.begin(), incoming_.begin() + static_cast<std::ptrdiff_t>(done));
    clear_bytes_ -= std::min(clear_bytes_, done);
    return state_ == State::awaiting_host ? check_waiting_bytes() : Result<void>();
}

/// What a stranger may say while his host file is being read.
Result<void> Peer::check_waiting_bytes() const {
    if (incoming_.size() <= limits::cleartext_bytes) return {};
    return failure(Errc::exhausted, fmt::format("Metadata read buffer overflow for {}", label()));
}

/// Takes what there is of a PACKET's bytes; a frame only as a whole. Returns how many.
std::size_t Peer::take_packet(Bytes unread) {
    if (is_skipping_packet_) {
        const auto skipped = std::min(unread.size(), packet_bytes_);
        packet_bytes_ -= skipped;
        return skipped;
    }
    if (unread.size() < packet_bytes_) return 0;
    const auto frame = unread.first(packet_bytes_);
    events_.emplace_back(PacketArrived{{frame.begin(), frame.end()}});
    return std::exchange(packet_bytes_, 0U);
}

Result<void> Peer::on_line(std::string_view line, Time now) {
    const auto request = wire::request_of(line);
    if (!request)
        return failure(request.error().code,
                       fmt::format("{} from {}",
                                   request.error().code == Errc::malformed ? "Bogus data received"
                                                                           : "Unknown request",
                                   label()));
    if (log_->shows(Level::protocol))
        wire::print_request(*log_, wire::Course::received, *request, label(), line);
    if (!is_allowed(state_, *request))
        return failure(Errc::refused, fmt::format("Unauthorized request {} from {}",
                                                  wire::request_name(*request), label()));
    if (const auto done = on_request(*request, line, now); !done)
        return std::unexpected(wire::while_processing(*request, label(), done.error()));
    return {};
}

Result<void> Peer::on_request(Request request, std::string_view line, Time now) {
    switch (request) {
        case Request::id:
            return on_id(line, now);
        case Request::metakey:
        case Request::challenge:
        case Request::chal_reply:
            return on_handshake(request, line, now);
        case Request::ack:
            return on_ack(line);
        case Request::ping: {
            std::string answer;
            wire::append_pong(answer);
            return send_line(answer, Telling::log);
        }
        case Request::pong:
            is_pinged_ = false;
            if (!std::exchange(has_ponged_, true)) events_.emplace_back(PongArrived{});
            return {};
        case Request::packet:
            return on_packet_header(line);
        case Request::sptps_packet:
            return on_sptps_packet_header(line);
        case Request::termreq:
            return failure(Errc::closed, fmt::format("{} ends the connection", label()));
        case Request::status:
        case Request::error:
        case Request::add_subnet:
        case Request::del_subnet:
        case Request::add_edge:
        case Request::del_edge:
        case Request::key_changed:
        case Request::req_key:
        case Request::ans_key:
        case Request::control:
        case Request::req_pubkey:
        case Request::ans_pubkey:
        case Request::udp_info:
        case Request::mtu_info:
            break;
    }
    events_.emplace_back(RequestArrived{request, std::string(line)});
    return {};
}

Result<void> Peer::on_id(std::string_view line, Time now) {
    TINC_TRY(const auto id, wire::parse_id(line));
    if (!is_node_name(id.name))
        return failure(Errc::refused, fmt::format("Got bad ID from {}: illegal name", label()));
    if (id.name == settings_->name)
        return failure(Errc::refused,
                       fmt::format("Peer {} uses our own name {}", remote_.text(), id.name));
    if (is_outgoing_ && id.name != name_)
        return failure(Errc::refused,
                       fmt::format("Peer {} is {} instead of {}", remote_.text(), id.name, name_));
    if (id.major != wire::protocol_major)
        return failure(Errc::refused, fmt::format("Peer {} ({}) uses incompatible version {}",
                                                  id.name, remote_.text(), id.major));
    name_ = id.name;
    peer_minor_ = settings_->own_keys.ed25519 ? id.minor : 0;
    if (settings_->bypass_security) return skip_handshake(now);
    if (is_outgoing_) return begin_handshake();
    state_ = State::awaiting_host;
    events_.emplace_back(HostWanted{id.name});
    return {};
}

Result<void> Peer::begin_handshake() {
    TINC_ASSERT(host_.has_value());
    TINC_TRY(proof_, choose_proof());
    if (!is_outgoing_) TINC_CHECK(send_line(id_line(), Telling::log));
    state_ = State::authenticating;
    return proof_ == Proof::sptps ? begin_sptps() : begin_rsa_handshake();
}

Result<void> Peer::begin_rsa_handshake() {
    handshake_.emplace(is_outgoing_ ? legacy::Role::initiator : legacy::Role::responder,
                       *settings_->own_keys.rsa, *host_->public_key, settings_->meta_cipher,
                       *random_, label());
    // METAKEY goes in clear; the handshake encrypts from the byte behind it.
    TINC_TRY(const auto line, handshake_->metakey_line());
    wire::print_request(*log_, wire::Course::sending, Request::metakey, label(), line);
    const auto text = as_bytes(line);
    outgoing_.insert(outgoing_.end(), text.begin(), text.end());
    outgoing_.push_back(std::byte{'\n'});
    return {};
}

/// Whoever says a name is believed. Host files are not read.
Result<void> Peer::skip_handshake(Time now) {
    if (!is_outgoing_) {
        host_.emplace();
        TINC_CHECK(send_line(id_line(), Telling::log));
    }
    state_ = State::awaiting_ack;
    return send_ack(now);
}

Result<void> Peer::on_handshake(Request request, std::string_view line, Time now) {
    TINC_TRY(const auto answers, handshake_->receive(request, line));
    if (request == Request::metakey) TINC_CHECK(decrypt_unread());
    for (const auto& answer : answers) TINC_CHECK(send_line(answer, Telling::log));
    if (handshake_->state() == legacy::Handshake::State::authenticated) {
        state_ = State::awaiting_ack;
        return proof_ == Proof::rsa ? send_ack(now) : tell_key();
    }
    return {};
}

Result<void> Peer::send_ack(Time now) {
    estimated_weight_ = host_->weight.value_or(milliseconds_between(created_, now));
    std::string line;
    append(line, wire::Ack{settings_->port, estimated_weight_, own_options()});
    return send_line(line, Telling::log);
}

std::uint32_t Peer::own_options() const {
    namespace option = wire::option;
    std::uint32_t options = 0;
    const bool tcp_only = settings_->tcp_only || host_->tcp_only;
    if (settings_->indirect_data || host_->indirect_data || tcp_only) options |= option::indirect;
    if (tcp_only) options |= option::tcp_only;
    if (settings_->pmtu_discovery && !tcp_only) options |= option::pmtu_discovery;
    if (host_->clamp_mss.value_or(settings_->clamp_mss)) options |= option::clamp_mss;
    if (settings_->own_keys.ed25519) options = option::with_minor(options, wire::protocol_minor);
    return options;
}

Result<void> Peer::on_ack(std::string_view line) {
    namespace option = wire::option;
    if (proof_ == Proof::rsa_then_keys) return on_key(line);
    TINC_TRY(const auto ack, wire::parse_ack(line));
    const auto ours = own_options();
    // What others may speak with the peer is its own business, and not ours.
    options_ = option::with_minor(ours | ack.options, option::minor(ack.options));
    if ((ours & ack.options & option::pmtu_discovery) == 0) options_ &= ~option::pmtu_discovery;
    if (host_->clamp_mss)
        options_ = *host_->clamp_mss ? options_ | option::clamp_mss : options_ & ~option::clamp_mss;

    auto address = remote_.endpoint;
    if (ack.port != 0) address.port = ack.port;
    const auto sum = std::int64_t{ack.weight} + estimated_weight_;
    state_ = State::active;
    last_ping_ = created_;
    log_->print(Level::connections, Severity::notice, "Connection with {} activated", label());
    warn_of_cipher();
    events_.emplace_back(
        Activated{address, options_, static_cast<std::int32_t>(sum / 2), host_->pmtu});
    return {};
}

/// Not before the peer has proven who it is: strangers would fill the log.
void Peer::warn_of_cipher() const {
    if (!handshake_) return;
    const auto& cipher = handshake_->peer_cipher();
    if (const auto reason = crypto::weakness(cipher); !reason.empty())
        log_->print(Level::always, Severity::warning,
                    "{} encrypts its meta connection with {}, which is weak: {}", label(),
                    cipher.name, reason);
}

Result<void> Peer::on_packet_header(std::string_view line) {
    TINC_TRY(const auto header, wire::parse_packet(line));
    if (header.length > limits::meta_buffer_bytes)
        return failure(Errc::exhausted, fmt::format("PACKET of {} bytes from {} does not fit",
                                                    header.length, label()));
    packet_bytes_ = header.length;
    is_skipping_packet_ = header.length > limits::datagram_bytes;
    return {};
}

/// What came before METAKEY was understood stays as it is until then.
Result<void> Peer::decrypt_unread() {
    if (!handshake_ || !handshake_->is_decrypting()) return {};
    TINC_CHECK(handshake_->decrypt(std::span(incoming_).subspan(clear_bytes_)));
    clear_bytes_ = incoming_.size();
    return {};
}

Result<void> Peer::send_line(std::string_view line, Telling telling) {
    if (telling == Telling::log && log_->shows(Level::protocol)) {
        if (const auto request = wire::request_of(line))
            wire::print_request(*log_, wire::Course::sending, *request, label(), line);
    }
    return queue(line, "\n");
}

Result<void> Peer::queue(std::string_view text, std::string_view end) {
    const auto size = text.size() + end.size();
    if (log_->shows(Level::meta))
        log_->print(Level::meta, Severity::debug, "Sending {} bytes of metadata to {}", size,
                    label());
    if (unsent_bytes() + size > limits::meta_outgoing_bytes)
        return failure(Errc::exhausted, fmt::format("{} does not read: {} bytes are waiting for it",
                                                    label(), unsent_bytes()));
    if (stream_) {
        std::vector<std::byte> record;
        for (const auto bytes : {as_bytes(text), as_bytes(end)})
            record.insert(record.end(), bytes.begin(), bytes.end());
        const auto sent = stream_->send(meta_record_type, record, outgoing_);
        crypto::wipe(record);
        return sent;
    }
    const auto start = outgoing_.size();
    for (const auto bytes : {as_bytes(text), as_bytes(end)})
        outgoing_.insert(outgoing_.end(), bytes.begin(), bytes.end());
    if (handshake_ && handshake_->is_encrypting())
        return handshake_->encrypt(std::span(outgoing_).subspan(start));
    return {};
}

void Peer::send_packet(std::vector<std::byte> frame, Time now) {
    TINC_ASSERT(state_ == State::active);
    std::string request;
    append(request, wire::PacketHeader{frame.size()});
    wait({std::move(request), WaitingPacket::Body::encrypted, std::move(frame), now});
}

/// What is already in the stream counts, save what is being written: a connection that is quick to
/// take it has room for a batch.
void Peer::wait(WaitingPacket packet) {
    auto room = settings_->max_output_buffer_bytes;
    if (in_flight_bytes_ == 0) room = std::max(room, limits::packet_burst_bytes);
    packets_.add(std::move(packet), room - std::min(room, outgoing_.size()));
}

/// Packets get what requests leave of a chunk.
void Peer::take_packets(Time now) {
    while (outgoing_.size() < limits::write_chunk_bytes && !sending_fault_) {
        const auto packet = packets_.take(now);
        if (!packet) return;
        if (auto sent = send(*packet); !sent) sending_fault_ = std::move(sent.error());
    }
}

Result<void> Peer::send(const WaitingPacket& packet) {
    TINC_CHECK(send_line(packet.request, Telling::log));
    switch (packet.kind) {
        case WaitingPacket::Body::none:
            break;
        case WaitingPacket::Body::encrypted:
            return queue(as_text(packet.body));
        case WaitingPacket::Body::raw:
            outgoing_.insert(outgoing_.end(), packet.body.begin(), packet.body.end());
            break;
    }
    return {};
}

std::vector<std::byte> Peer::take_outgoing(Time now) {
    take_packets(now);
    const auto count = std::min(outgoing_.size(), limits::write_chunk_bytes);
    if (count == 0) return {};
    if (in_flight_bytes_ == 0) last_progress_ = now;
    if (log_->shows(Level::meta))
        log_->print(Level::meta, Severity::debug, "Flushing {} bytes to {}", count, label());
    in_flight_bytes_ += count;
    if (count == outgoing_.size()) return std::exchange(outgoing_, {});
    const auto end = outgoing_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<std::byte> chunk(outgoing_.begin(), end);
    outgoing_.erase(outgoing_.begin(), end);
    return chunk;
}

void Peer::written(std::size_t count, Time now) {
    in_flight_bytes_ -= std::min(count, in_flight_bytes_);
    last_progress_ = now;
}

std::string Peer::label() const {
    return fmt::format("{} ({})", name_.empty() ? "<unknown>" : name_, remote_.text());
}

unsigned Peer::status_word() const {
    return (is_pinged_ ? status_pinged : 0U) | (state_ == State::active ? status_active : 0U) |
           (state_ == State::connecting ? status_connecting : 0U) |
           (proxy_ && proxy_->is_granted() ? status_proxy_passed : 0U) |
           ((handshake_ && handshake_->is_encrypting()) || stream_ ? status_encrypting : 0U) |
           ((handshake_ && handshake_->is_decrypting()) || stream_ ? status_decrypting : 0U);
}

}  // namespace tinc::peer
