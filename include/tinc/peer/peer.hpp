#pragma once

// One meta connection: bytes in, bytes and events out. It knows the way from ID to ACK and keeps
// the connection alive; what active peers say to each other is the mesh's.
//
//     receive(bytes) --> decrypt --> lines --> handshake, ping | Event::RequestArrived
//                                          '-> PACKET + bytes  | Event::PacketArrived
//     send_line ---------------> encrypt --> take_outgoing()
//     send_packet --> packets_ --^  when there is room and nothing else to send
//
// The two ID lines decide how (secure.cpp):
//
//     protocol 17.0   both are old, or have no Ed25519 key    RSA, encrypted bytes
//     protocol 17.2+  each knows the other's Ed25519 key      SPTPS, a record for each line
//     17.1            one does not know the other's yet       RSA; instead of ACK each side tells
//                                                             its key, and the connection ends
//
// Who has shown an Ed25519 key is never believed without it again.
//
// A connection that goes through a proxy begins with what is said to that: ProxyHandshake.
//
// Any error of receive() or on_time() is final: the owner closes the connection.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/log.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/crypto/own_keys.hpp"
#include "tinc/legacy/handshake.hpp"
#include "tinc/peer/packet_queue.hpp"
#include "tinc/peer/proxy_handshake.hpp"
#include "tinc/peer/request_policy.hpp"
#include "tinc/sptps/stream.hpp"
#include "tinc/wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tinc::peer {

/// What all connections of a daemon share.
struct PeerSettings {
    std::string name;
    crypto::OwnKeys own_keys;
    crypto::CipherSpec meta_cipher;
    std::uint16_t port = 655;  ///< announced in ACK
    bool indirect_data = false;
    bool tcp_only = false;
    bool pmtu_discovery = true;
    bool clamp_mss = true;
    bool bypass_security = false;  ///< ACK follows ID: no keys, everything in clear
    Duration ping_interval = std::chrono::seconds(60);
    Duration ping_timeout = std::chrono::seconds(5);
    std::size_t max_output_buffer_bytes = 15'180;
};

/// An accepted connection said who it is; answer with provide_host().
struct HostWanted {
    std::string name;
};
/// ACK was exchanged.
struct Activated {
    Endpoint address;           ///< the TCP address, with the port the peer announced
    std::uint32_t options = 0;  ///< merged
    std::int32_t weight = 0;    ///< of the edge: the mean of both estimates
    std::optional<std::uint16_t> pmtu;
};
/// A request of an active peer that the mesh must judge.
struct RequestArrived {
    wire::Request request{};
    std::string line;
};
struct PacketArrived {
    std::vector<std::byte> frame;
};
/// A datagram of node sessions that came by TCP, with the IDs of its ends in front.
struct SptpsPacketArrived {
    std::vector<std::byte> packet;
};
/// The first PONG: this address of the peer is good.
struct PongArrived {};
/// The peer has told its Ed25519 key, under its RSA key. The connection is about to end, and the
/// next one will be another.
struct KeyLearned {
    std::string name;
    std::optional<crypto::Ed25519PublicKey> key;  ///< nothing if it was known
};

using Event = std::variant<HostWanted, Activated, RequestArrived, PacketArrived, SptpsPacketArrived,
                           PongArrived, KeyLearned>;

class Peer {
  public:
    /// A connection somebody opened to us.
    static Peer accepted(const PeerSettings& settings, const Endpoint& remote, RandomSource& random,
                         LogSink& log, Time now);
    /// One we are about to open to a node whose host file is known.
    static Peer outgoing(const PeerSettings& settings, const Endpoint& remote, std::string name,
                         config::HostSettings host, RandomSource& random, LogSink& log, Time now);
    /// The same, but it is a proxy that we connect to.
    static Peer by_proxy(const PeerSettings& settings, ProxyHandshake proxy,
                         const Destination& remote, std::string name, config::HostSettings host,
                         RandomSource& random, LogSink& log, Time now);

    /// TCP is up, to the proxy if there is one: asks that for the way, or says who we are.
    void connected();
    /// Takes bytes of any length. An error ends the connection; its words are for the log.
    [[nodiscard]] Result<void> receive(Bytes bytes, Time now);
    /// The answer to HostWanted. Goes on with what had already arrived.
    [[nodiscard]] Result<void> provide_host(Result<config::HostSettings> host, Time now);
    /// The next thing that happened, oldest first.
    [[nodiscard]] std::optional<Event> next_event();

    /// Queues a request line (without newline). Errc::exhausted when the peer does not read: the
    /// connection is then to be closed.
    enum class Telling : std::uint8_t { log, silent };
    [[nodiscard]] Result<void> send_line(std::string_view line, Telling telling);
    /// Queues a frame as PACKET. Packets wait until no request does, and where they are too many
    /// for MaxOutputBufferSize or have waited too long, the oldest are dropped.
    void send_packet(std::vector<std::byte> frame, Time now);
    /// Likewise a datagram of node sessions, with the IDs of its ends in front, for a peer that
    /// takes_sptps_packets().
    void send_sptps_packet(std::vector<std::byte> packet, Time now);
    [[nodiscard]] bool takes_sptps_packets() const;
    /// Likewise a request that carries a packet.
    void send_packet_line(std::string line, Time now);
    /// Moves out at most limits::write_chunk_bytes. They count as unsent until written().
    [[nodiscard]] std::vector<std::byte> take_outgoing(Time now);
    void written(std::size_t count, Time now);
    [[nodiscard]] bool has_outgoing() const { return !outgoing_.empty() || !packets_.is_empty(); }

    [[nodiscard]] Time deadline() const;
    /// Sends PING when due. An error when the peer has taken too long.
    [[nodiscard]] Result<void> on_time(Time now);
    /// A PING now, whatever the clock says.
    [[nodiscard]] Result<void> ping(Time now);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_outgoing() const { return is_outgoing_; }
    [[nodiscard]] const std::string& name() const { return name_; }  ///< empty before ID
    /// Behind a proxy, a destination without a known address has what the proxy says, or 0.0.0.1.
    [[nodiscard]] const Endpoint& remote() const { return remote_.endpoint; }
    [[nodiscard]] const Destination& destination() const { return remote_; }
    /// What is known of a node we dialled.
    [[nodiscard]] const config::HostSettings& host() const { return host_.value(); }
    /// See ProxyHandshake::is_held_up().
    [[nodiscard]] bool is_held_up_by_proxy() const { return proxy_ && proxy_->is_held_up(); }
    [[nodiscard]] std::uint32_t options() const { return options_; }
    /// "beta (10.99.1.2 port 42705)"
    [[nodiscard]] std::string label() const;
    /// As tinc 1.0.36 dumps it.
    [[nodiscard]] unsigned status_word() const;
    [[nodiscard]] std::size_t unsent_bytes() const {
        return packets_.bytes() + outgoing_.size() + in_flight_bytes_;
    }
    /// Whether its key was proven: what it did wrong after that was not a stranger's doing.
    [[nodiscard]] bool is_authenticated() const {
        return state_ == State::awaiting_ack || state_ == State::awaiting_end ||
               state_ == State::active;
    }
    /// The Ed25519 key it has proven to have, if it was asked for one.
    [[nodiscard]] std::optional<crypto::Ed25519PublicKey> proven_key() const;

  private:
    Peer(const PeerSettings& settings, const Destination& remote, bool is_outgoing,
         RandomSource& random, LogSink& log, Time now);

    void say_id();
    void talk_to_proxy();
    [[nodiscard]] Result<void> on_proxy_answer(Bytes bytes, Time now);
    [[nodiscard]] Result<void> process(Time now);
    [[nodiscard]] Result<void> check_waiting_bytes() const;
    [[nodiscard]] std::size_t take_packet(Bytes unread);
    [[nodiscard]] Result<void> on_line(std::string_view line, Time now);
    [[nodiscard]] Result<void> on_request(wire::Request request, std::string_view line, Time now);
    [[nodiscard]] Result<void> on_id(std::string_view line, Time now);
    [[nodiscard]] Result<void> on_handshake(wire::Request request, std::string_view line, Time now);
    [[nodiscard]] Result<void> on_ack(std::string_view line);
    [[nodiscard]] Result<void> on_packet_header(std::string_view line);
    [[nodiscard]] Result<void> begin_handshake();
    [[nodiscard]] Result<void> begin_rsa_handshake();
    [[nodiscard]] Result<void> skip_handshake(Time now);
    [[nodiscard]] Result<void> send_ack(Time now);
    [[nodiscard]] Result<void> queue(std::string_view text, std::string_view end = {});
    [[nodiscard]] Result<void> decrypt_unread();
    [[nodiscard]] std::uint32_t own_options() const;
    [[nodiscard]] std::string words_of_timeout() const;
    void warn_of_cipher() const;
    void wait(WaitingPacket packet);
    void take_packets(Time now);
    [[nodiscard]] Result<void> send(const WaitingPacket& packet);

    // secure.cpp
    /// How the two ends prove themselves.
    enum class Proof : std::uint8_t { rsa, rsa_then_keys, sptps };
    [[nodiscard]] std::string id_line() const;
    [[nodiscard]] Result<Proof> choose_proof() const;
    [[nodiscard]] Result<void> begin_sptps();
    [[nodiscard]] Result<std::size_t> take_record(Bytes unread, Time now);
    [[nodiscard]] Result<void> on_record(Bytes record, Time now);
    [[nodiscard]] Result<void> on_sptps_packet_header(std::string_view line);
    [[nodiscard]] Result<void> tell_key();
    [[nodiscard]] Result<void> on_key(std::string_view line);

    const PeerSettings* settings_;
    Destination remote_;
    bool is_outgoing_;
    std::optional<ProxyHandshake> proxy_;
    RandomSource* random_;
    LogSink* log_;
    State state_;
    std::string name_;
    std::optional<config::HostSettings> host_;
    int peer_minor_ = 0;  ///< as far as we speak it
    Proof proof_ = Proof::rsa;
    std::optional<legacy::Handshake> handshake_;
    std::optional<sptps::Stream> stream_;

    std::vector<std::byte> incoming_;  ///< not yet understood
    std::size_t clear_bytes_ = 0;      ///< of `incoming_`, in clear text
    std::size_t packet_bytes_ = 0;     ///< of a PACKET, still to come
    bool is_skipping_packet_ = false;  ///< it is too long for a frame
    std::size_t raw_bytes_ = 0;        ///< of an SPTPS_PACKET, still to come between two records
    std::deque<Event> events_;

    PacketQueue packets_;
    std::vector<std::byte> outgoing_;
    std::optional<Error> sending_fault_;  ///< of a packet; on_time() tells it
    std::size_t in_flight_bytes_ = 0;
    Time last_progress_;  ///< of the bytes being written

    Time created_;
    Time last_ping_;
    bool is_pinged_ = false;
    bool has_ponged_ = false;
    std::int32_t estimated_weight_ = 0;
    std::uint32_t options_ = 0;
};

}  // namespace tinc::peer
