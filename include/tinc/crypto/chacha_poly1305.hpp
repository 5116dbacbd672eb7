#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/crypto/packet_engine.hpp"
#include "tinc/crypto/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace tinc::crypto {

/// The record cipher of SPTPS: ChaCha20 with a nonce and a block counter of 64 bits, and a
/// Poly1305 tag over the ciphertext alone. It is not the AEAD of RFC 8439. The nonce is the
/// sequence number in network order; block 0 makes the Poly1305 key.
/// Source: SPTPS, 4; `chacha-poly1305.json`.
class ChaChaPoly1305 {
  public:
    static constexpr std::size_t key_bytes = 32;
    static constexpr std::size_t tag_bytes = 16;

    /// `key` has at least key_bytes; more are never used.
    explicit ChaChaPoly1305(Bytes key);

    /// One of many records.
    struct Record {
        std::uint64_t sequence = 0;
        MutableBytes bytes;
        bool is_right = false;  ///< open() tells
    };

    /// Encrypts all of `bytes` but the last tag_bytes, in place, and writes the tag there.
    void seal(std::uint64_t sequence, MutableBytes bytes) const noexcept;
    /// Whether the tag at the end is right; in constant time. False if there is no room for one.
    [[nodiscard]] bool verify(std::uint64_t sequence, Bytes bytes) const noexcept;
    /// Decrypts all but the tag, in place, if that is right; else changes nothing.
    [[nodiscard]] bool open(std::uint64_t sequence, MutableBytes bytes) const noexcept;

    /// Many, each as above.
    void seal(std::span<const Record> records, PacketEngine& engine) const noexcept;
    void open(std::span<Record> records, PacketEngine& engine) const noexcept;

    [[nodiscard]] ChaChaPoly1305 clone() const { return ChaChaPoly1305(key_.bytes()); }

  private:
    Secret key_;
};

}  // namespace tinc::crypto
