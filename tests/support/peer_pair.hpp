#pragma once

// Two Peers that talk to each other without a network: "alpha" dials, "beta" listens.

#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/peer/peer.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::test {

/// One small key for all: what is tested is the conversation, not RSA.
inline const crypto::RsaPrivateKey& small_key() {
    static const auto key = crypto::RsaPrivateKey::generate(512, [](char) {}).value();
    return key;
}

inline peer::PeerSettings peer_settings(std::string name) {
    return {.name = std::move(name),
            .own_keys = {small_key(), nullptr},
            .meta_cipher = legacy::meta_cipher_for(crypto::cipher_by_name("aes-256-cbc").value())};
}

inline config::HostSettings host_with_key() {
    config::HostSettings host;
    host.public_key = small_key().public_key();
    return host;
}

/// One end of a conversation.
struct PeerEnd {
    explicit PeerEnd(std::string name, std::uint64_t seed)
        : settings(peer_settings(std::move(name))), random(seed) {}

    [[nodiscard]] peer::State state() const { return peer->state(); }
    /// The events of one kind, oldest first.
    template <class Kind>
    [[nodiscard]] std::vector<Kind> all() const {
        std::vector<Kind> found;
        for (const auto& event : events)
            if (const auto* kind = std::get_if<Kind>(&event)) found.push_back(*kind);
        return found;
    }

    peer::PeerSettings settings;
    config::HostSettings host = host_with_key();  ///< what it reads about the other end
    SeededRandom random;
    RecordedLog log{Level::everything};
    std::optional<peer::Peer> peer;
    std::vector<peer::Event> events;
};

class PeerPair {
  public:
    static constexpr std::size_t all_at_once = limits::meta_outgoing_bytes;

    /// TCP is up and alpha has said its ID; nothing has been carried over.
    void begin() {
        alpha.peer.emplace(peer::Peer::outgoing(alpha.settings, beta_endpoint, "beta", alpha.host,
                                                alpha.random, alpha.log, now));
        beta.peer.emplace(
            peer::Peer::accepted(beta.settings, alpha_endpoint, beta.random, beta.log, now));
        alpha.peer->connected();
    }

    /// Takes what one end has to say to the other, in pieces. The receiver's first error, if any.
    Result<void> carry(PeerEnd& from, PeerEnd& to, std::size_t piece_bytes = all_at_once) {
        for (auto bytes = from.peer->take_outgoing(now); !bytes.empty();
             bytes = from.peer->take_outgoing(now)) {
            from.peer->written(bytes.size(), now);
            Bytes rest = bytes;
            while (!rest.empty()) {
                const auto piece = rest.first(std::min(piece_bytes, rest.size()));
                rest = rest.subspan(piece.size());
                TINC_CHECK(say(to, piece));
            }
        }
        return {};
    }

    /// Bytes for one end, from wherever; answers what it asks about the other.
    Result<void> say(PeerEnd& to, Bytes bytes) {
        TINC_CHECK(to.peer->receive(bytes, now));
        return collect(to);
    }

    Result<void> collect(PeerEnd& end) {
        while (auto event = end.peer->next_event()) {
            const bool asks = std::holds_alternative<peer::HostWanted>(*event);
            end.events.push_back(*std::move(event));
            if (asks) TINC_CHECK(end.peer->provide_host(end.host, now));
        }
        return {};
    }

    /// Back and forth until both are silent.
    Result<void> talk(std::size_t piece_bytes = all_at_once) {
        while (alpha.peer->has_outgoing() || beta.peer->has_outgoing()) {
            TINC_CHECK(carry(alpha, beta, piece_bytes));
            TINC_CHECK(carry(beta, alpha, piece_bytes));
        }
        return {};
    }

    /// Back and forth until beta is in that state; false if it never is.
    [[nodiscard]] bool bring_beta_to(peer::State state) {
        begin();
        while (beta.state() != state) {
            if (!alpha.peer->has_outgoing() && !beta.peer->has_outgoing()) return false;
            if (!carry(alpha, beta)) return false;
            if (beta.state() == state) return true;
            if (!carry(beta, alpha)) return false;
        }
        return true;
    }

    [[nodiscard]] bool activate() {
        begin();
        return talk().has_value() && alpha.state() == peer::State::active &&
               beta.state() == peer::State::active;
    }

    /// A line of alpha's, encrypted if its stream is, for beta.
    Result<void> tell_beta(std::string_view line) {
        TINC_CHECK(alpha.peer->send_line(line, peer::Peer::Telling::silent));
        return carry(alpha, beta);
    }

    static inline const Endpoint alpha_endpoint{Address::parse("10.99.1.1").value(), 42'705};
    static inline const Endpoint beta_endpoint{Address::parse("10.99.1.2").value(), 655};

    PeerEnd alpha{"alpha", 1};
    PeerEnd beta{"beta", 2};
    Time now{std::chrono::hours(1)};
};

}  // namespace tinc::test
