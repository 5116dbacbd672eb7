#pragma once

// Packets of protocol 1.0, many with one key: each is padded, encrypted with the same IV, and gets
// a MAC over its ciphertext. Source: legacy protocol, 5.
//
//     plain  --->  cipher( plain || PKCS#7 padding ) || MAC, cut to mac_bytes

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"
#include "tinc/crypto/packet_engine.hpp"

#include <cstddef>
#include <memory>
#include <span>

namespace tinc::crypto {

class KeyedSuite;

/// A packet at the start of a buffer, worked on in place.
struct PacketText {
    MutableBytes space;    ///< the packet and the room behind it, together below 64 kB
    std::size_t size = 0;  ///< of the packet: before, and if is_good after
    /// Whether it was sealed or opened. If not, its bytes mean nothing any more.
    bool is_good = false;
};

/// Never allocates after create(). One thread at a time.
class PacketSealer {
  public:
    /// `material` is the key of the cipher followed by its IV; all of it is the key of the MAC.
    /// No MAC is made without a digest or with mac_bytes 0. Errors as those of PacketCipher and
    /// Hmac; Errc::malformed if mac_bytes is more than the digest has.
    [[nodiscard]] static Result<PacketSealer> create(const CipherSpec& cipher,
                                                     const DigestSpec& digest,
                                                     std::size_t mac_bytes, Bytes material);
    PacketSealer(PacketSealer&&) noexcept;
    PacketSealer& operator=(PacketSealer&&) noexcept;
    ~PacketSealer();

    /// What a packet of `plain_bytes` becomes, at most: its space must have as much.
    [[nodiscard]] std::size_t sealed_bytes(std::size_t plain_bytes) const;

    /// Not good are those whose space is below sealed_bytes().
    void seal(std::span<PacketText> packets, PacketEngine& engine) noexcept;
    /// One after the other.
    void seal(std::span<PacketText> packets) noexcept;

  private:
    explicit PacketSealer(std::unique_ptr<KeyedSuite> suite);
    std::unique_ptr<KeyedSuite> suite_;
};

/// Never allocates after create(). One thread at a time.
class PacketOpener {
  public:
    /// As for the sealer.
    [[nodiscard]] static Result<PacketOpener> create(const CipherSpec& cipher,
                                                     const DigestSpec& digest,
                                                     std::size_t mac_bytes, Bytes material);
    PacketOpener(PacketOpener&&) noexcept;
    PacketOpener& operator=(PacketOpener&&) noexcept;
    ~PacketOpener();

    /// Whether the MAC is right; in constant time. Always false without a MAC.
    [[nodiscard]] bool recognises(Bytes sealed) noexcept;

    /// The MAC is judged first, in constant time, and nothing is decrypted if it is wrong. Nothing
    /// tells a bad padding from a bad MAC.
    void open(std::span<PacketText> packets, PacketEngine& engine) noexcept;
    /// One after the other.
    void open(std::span<PacketText> packets) noexcept;

  private:
    explicit PacketOpener(std::unique_ptr<KeyedSuite> suite);
    std::unique_ptr<KeyedSuite> suite_;
};

}  // namespace tinc::crypto
