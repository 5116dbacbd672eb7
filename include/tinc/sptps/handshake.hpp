#pragma once

// The key exchange of SPTPS, without any framing: what the records of type 128 carry.
//
//                 initiator                          responder
//     first       KEX                        <-->    KEX
//                 SIG                         -->
//                                            <--     SIG                  both keys are in use
//     re-key      KEX                        <-->    KEX                  either side begins
//                 SIG                         -->
//                                            <--     SIG, ACK             it sends with its new key
//                 ACK                         -->                         likewise
//                 receives with its new key           receives with its new key, after the ACK
//
// A re-key keeps roles, label and counters. Nothing is computed for a peer before its KEX has
// arrived, and no secret before its signature was right. Source: SPTPS, 6; `sptps-sessions.json`.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"
#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tinc::sptps {

enum class Role : std::uint8_t { initiator, responder };

/// What both ends of a meta connection, or of a session of two nodes, sign besides their messages.
[[nodiscard]] std::string meta_label(std::string_view initiator, std::string_view responder);
[[nodiscard]] std::string node_label(std::string_view initiator, std::string_view responder);

/// Who talks to whom, and about what.
struct Parties {
    Role role = Role::initiator;  ///< ours, of the session and all its re-keys
    std::shared_ptr<const crypto::Ed25519PrivateKey> own_key;
    crypto::Ed25519PublicKey peer_key;
    std::string label;
};

class Handshake {
  public:
    enum class State : std::uint8_t {
        idle,          ///< nothing is being exchanged
        awaiting_kex,  ///< ours is sent
        awaiting_sig,
        awaiting_ack,  ///< of a re-key: we send with the new key already
    };

    /// Send this message, with the key in force.
    struct Send {
        std::vector<std::byte> message;
    };
    /// From here on what we send is sealed with this key.
    struct SendWith {
        crypto::Secret key;
    };
    /// The peer may use this key from here on; until ReceiveWithIt, also the one before.
    struct ExpectKey {
        crypto::Secret key;
    };
    /// From here on it does.
    struct ReceiveWithIt {};
    /// The session can be used, or goes on with new keys.
    struct Complete {};
    /// To be done in their order.
    using Step = std::variant<Send, SendWith, ExpectKey, ReceiveWithIt, Complete>;

    static constexpr std::size_t kex_bytes = 65;
    static constexpr std::size_t sig_bytes = 64;

    Handshake(Parties parties, RandomSource& random)
        : parties_(std::move(parties)), random_(&random) {}

    /// The first exchange or a re-key. Nothing if one is under way.
    [[nodiscard]] std::vector<Step> start();
    /// A message of the peer; it may begin a re-key. Any error is final for this session of a
    /// stream; a datagram that makes it is to be forgotten, and changes nothing here.
    [[nodiscard]] Result<std::vector<Step>> receive(Bytes message);

    [[nodiscard]] State state() const { return state_; }
    /// Whether there have ever been keys.
    [[nodiscard]] bool has_keys() const { return has_keys_; }
    [[nodiscard]] const Parties& parties() const { return parties_; }

  private:
    void send_kex(std::vector<Step>& steps);
    [[nodiscard]] Result<std::vector<Step>> on_kex(Bytes message);
    [[nodiscard]] Result<std::vector<Step>> on_sig(Bytes message);
    [[nodiscard]] Result<std::vector<Step>> on_ack(Bytes message);
    [[nodiscard]] Send own_signature() const;
    [[nodiscard]] std::vector<std::byte> signed_text(Role signer) const;
    [[nodiscard]] Result<crypto::Secret> key_material() const;

    Parties parties_;
    RandomSource* random_;
    State state_ = State::idle;
    bool has_keys_ = false;
    std::optional<crypto::EphemeralKey> ephemeral_;
    std::vector<std::byte> own_kex_;
    std::vector<std::byte> peer_kex_;
};

}  // namespace tinc::sptps
