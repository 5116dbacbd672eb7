#pragma once

// The authentication of protocol 17 between ID and ACK, for one meta connection.
//
//     initiator                         responder
//     METAKEY (clear)             <-->  METAKEY (clear)        each way its own stream key
//     ---------------- encrypted from here on, each direction by itself ----------------
//     CHALLENGE                   <-->  CHALLENGE
//     CHAL_REPLY                   -->                         at once
//                                 <--   CHAL_REPLY             only after the initiator's was right
//     ACK                         <-->  ACK                    is the caller's
//
// The responder must not answer a challenge before it has seen the right reply to its own: it
// would lend its key to a stranger (CVE-2018-16737, CVE-2018-16738).

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"
#include "tinc/crypto/rsa.hpp"
#include "tinc/wire/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tinc::legacy {

enum class Role : std::uint8_t { initiator, responder };

/// The stream cipher a node announces, from the key length of its packet cipher: AES-CFB of 128,
/// 192 or 256 bits. Source: legacy protocol 2.2, `meta_variants.json`.
[[nodiscard]] crypto::CipherSpec meta_cipher_for(const crypto::CipherSpec& packet_cipher);

class Handshake {
  public:
    enum class State : std::uint8_t {
        awaiting_metakey,
        awaiting_challenge,
        awaiting_chal_reply,
        authenticated,
        failed,  ///< takes and gives nothing more
    };

    /// `meta_cipher` is one of meta_cipher_for(). `label` is how errors name the peer: "beta
    /// (10.0.0.1 port 655)" makes them the lines that 1.0.36 logs.
    Handshake(Role role, crypto::RsaPrivateKey own_key, crypto::RsaPublicKey peer_key,
              crypto::CipherSpec meta_cipher, RandomSource& random, std::string label = "peer");

    [[nodiscard]] State state() const { return state_; }
    /// What the peer encrypts with; none before its METAKEY.
    [[nodiscard]] const crypto::CipherSpec& peer_cipher() const { return peer_cipher_; }

    /// Our METAKEY line (without newline), sent in clear right after ID and before the peer's
    /// METAKEY is taken. Everything we send behind it goes through encrypt(). Only once.
    [[nodiscard]] Result<std::string> metakey_line();

    /// Takes a line of the peer: METAKEY, CHALLENGE or CHAL_REPLY, in this order only. Returns the
    /// lines to send in answer, without newlines, in order; everything received behind METAKEY
    /// goes through decrypt() first. Any error is final. An initiator returns its CHALLENGE from
    /// METAKEY and its CHAL_REPLY from CHALLENGE; a responder returns its CHALLENGE from METAKEY
    /// and its CHAL_REPLY from CHAL_REPLY.
    [[nodiscard]] Result<std::vector<std::string>> receive(wire::Request request,
                                                           std::string_view line);

    /// In place; nothing happens before the METAKEY of that direction has passed. Fails after a
    /// failure, and when the stream key has been used for as long as it may be; both are final.
    [[nodiscard]] Result<void> encrypt(MutableBytes bytes);
    [[nodiscard]] Result<void> decrypt(MutableBytes bytes);
    [[nodiscard]] bool is_encrypting() const { return encryptor_.has_value(); }
    [[nodiscard]] bool is_decrypting() const { return decryptor_.has_value(); }

  private:
    [[nodiscard]] Result<std::vector<std::string>> on_metakey(std::string_view line);
    [[nodiscard]] Result<std::vector<std::string>> on_challenge(std::string_view line);
    [[nodiscard]] Result<std::vector<std::string>> on_chal_reply(std::string_view line);
    [[nodiscard]] Result<std::vector<std::string>> answer_to(wire::Request request,
                                                             std::string_view line);
    [[nodiscard]] Result<void> take_stream_key(const wire::Metakey& metakey);
    [[nodiscard]] std::string challenge_line();
    [[nodiscard]] std::string chal_reply_line() const;
    [[nodiscard]] Result<void> run(std::optional<crypto::StreamCipher>& cipher, MutableBytes bytes,
                                   std::string_view doing);

    Role role_;
    State state_ = State::awaiting_metakey;
    crypto::RsaPrivateKey own_key_;
    crypto::RsaPublicKey peer_key_;
    crypto::CipherSpec meta_cipher_;
    RandomSource& random_;
    std::string label_;
    std::optional<crypto::StreamCipher> encryptor_;
    std::optional<crypto::StreamCipher> decryptor_;
    crypto::CipherSpec peer_cipher_;  ///< announced by the peer
    crypto::DigestSpec peer_digest_;  ///< announced by the peer; hashes its challenge
    std::vector<std::byte> own_challenge_;
    std::vector<std::byte> owed_reply_hash_;  ///< our answer, held back by a responder
};

}  // namespace tinc::legacy
