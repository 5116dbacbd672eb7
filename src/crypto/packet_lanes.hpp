#pragma once

// What a PacketEngine has where build and processor permit: packets with one key, worked on side by
// side. Private to the room.

#include "tinc/base/bytes.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"
#include "tinc/crypto/packet_sealer.hpp"
#include "tinc/crypto/secret.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace tinc::crypto {

/// Memory for a key that wipes itself, and that vector units can load from.
template <std::size_t size>
struct KeyMemory {
    KeyMemory() = default;
    KeyMemory(const KeyMemory&) = delete;
    KeyMemory& operator=(const KeyMemory&) = delete;
    ~KeyMemory() { wipe(bytes); }

    alignas(64) std::array<std::byte, size> bytes{};
};

/// AES-CBC with one key and IV.
struct CbcKey {
    KeyMemory<240> encrypting;  ///< one part of the key for each round
    KeyMemory<240> decrypting;
    KeyMemory<16> iv;
    std::size_t key_bytes = 0;
    std::size_t fewest = 0;  ///< packets to encrypt, from which on it is faster side by side
};

/// HMAC with one key.
struct MacKey {
    KeyMemory<64> inner;  ///< the digest's state after the key
    KeyMemory<64> outer;
    int digest_nid = 0;
    std::size_t digest_bytes = 0;
    std::size_t fewest = 0;  ///< packets, from which on it is faster side by side
};

/// A Poly1305 tag to be computed, with a key for it alone.
struct OneTimeTag {
    KeyMemory<32> key;
    Bytes text;
    std::array<std::byte, 16> tag{};
};

/// Packets that are not good are passed over.
class PacketLanes {
  public:
    PacketLanes() = default;
    PacketLanes(const PacketLanes&) = delete;
    PacketLanes& operator=(const PacketLanes&) = delete;
    virtual ~PacketLanes() = default;

    /// Make a key ready. False if there are no lanes for that cipher or digest.
    virtual bool expand(const CipherSpec& spec, Bytes material, CbcKey& out) = 0;
    virtual bool expand(const DigestSpec& spec, Bytes key, MacKey& out) = 0;

    /// Pads and encrypts; there is room for it.
    virtual void encrypt(const CbcKey& key, std::span<PacketText> packets) = 0;
    /// Decrypts and takes the padding off. Finds those not good that are no such ciphertext.
    virtual void decrypt(const CbcKey& key, std::span<PacketText> packets) = 0;
    /// Appends the first mac_bytes of the MAC; there is room for it.
    virtual void sign(const MacKey& key, std::span<PacketText> packets, std::size_t mac_bytes) = 0;
    /// Takes the MAC off, which is there. Finds those not good whose MAC is wrong.
    virtual void verify(const MacKey& key, std::span<PacketText> packets,
                        std::size_t mac_bytes) = 0;
    virtual void poly1305(std::span<OneTimeTag> tags) = 0;
};

/// Null if the processor has nothing better than what does one packet after the other.
[[nodiscard]] std::unique_ptr<PacketLanes> make_ipsec_mb_lanes();

}  // namespace tinc::crypto
