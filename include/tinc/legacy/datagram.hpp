#pragma once

// The UDP packets of protocol 17.
//
//     +--------------------- ciphertext ----------------------+-----------+
//     | enc( sequence (4 bytes, big endian) || payload )       | MAC (m)   |
//     +--------------------------------------------------------+-----------+
//
// A key is given by the receiver in an ANS_KEY, for one sender. Cipher key and IV are its bytes
// in order, and all of it keys the HMAC. Source: legacy protocol 5.1 to 5.3; `udp_default.json`,
// `udp_variants.json`.

#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"
#include "tinc/crypto/packet_engine.hpp"
#include "tinc/crypto/packet_sealer.hpp"
#include "tinc/packet/compression.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/packet/replay_window.hpp"
#include "tinc/wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace tinc::legacy {

/// What one direction uses; the receiver's own Cipher, Digest, MACLength and Compression options.
struct PacketSuite {
    crypto::CipherSpec cipher;
    crypto::DigestSpec digest;
    std::size_t mac_bytes = 4;  ///< announced; no MAC is sent if there is no digest
    int compression = 0;
    friend bool operator==(const PacketSuite&, const PacketSuite&) = default;

    /// MAC bytes that are on the wire.
    [[nodiscard]] std::size_t wire_mac_bytes() const { return digest.is_none() ? 0 : mac_bytes; }
};

/// A key as an ANS_KEY carries it.
struct PacketKey {
    PacketSuite suite;
    crypto::Secret material;
};

/// A fresh key of ours for one sender.
[[nodiscard]] PacketKey make_packet_key(const PacketSuite& suite, RandomSource& random);

/// Checks everything an ANS_KEY says: digits, known cipher and digest, lengths, compression 0..11.
/// Errc::refused or malformed with the reason; the connection stays up all the same. `label` is how
/// the reason names the sender: "beta (10.0.0.1 port 655)" makes it the line that 1.0.36 logs.
/// Empty: the bare name.
[[nodiscard]] Result<PacketKey> parse_packet_key(const wire::AnsKey& message,
                                                 std::string_view label = {});

/// The fields of the ANS_KEY that gives `key` to `to`.
[[nodiscard]] wire::AnsKey ans_key(std::string from, std::string to, const PacketKey& key);

/// The highest sequence number a Sealer uses; new keys must come long before.
inline constexpr std::uint32_t last_sequence = 0xffff0000U;

/// Sends to one node: compress, number, encrypt, MAC.
class Sealer {
  public:
    /// `sequence` numbers have been used with this key; 0 for a fresh one. Errc::refused or
    /// malformed if the key's suite cannot be run.
    [[nodiscard]] static Result<Sealer> create(const PacketKey& key, std::uint32_t sequence = 0);

    /// Turns a frame into a datagram of at most limits::datagram_bytes, in place. False if it
    /// cannot (does not fit, compression failed, last_sequence was used); the packet is then to be
    /// dropped, whatever it has become.
    [[nodiscard]] bool seal(packet::Packet& packet, packet::Compression& compression) noexcept;
    /// Up to limits::batch_packets, numbered in their order; `sealed` tells of each what seal()
    /// tells of one.
    void seal(std::span<packet::Packet* const> packets, packet::Compression& compression,
              crypto::PacketEngine& engine, std::span<bool> sealed) noexcept;

    [[nodiscard]] const PacketSuite& suite() const { return suite_; }
    [[nodiscard]] std::uint32_t sequence() const { return sequence_; }

  private:
    Sealer(PacketSuite suite, crypto::PacketSealer sealer, std::uint32_t sequence)
        : suite_(std::move(suite)), sealer_(std::move(sealer)), sequence_(sequence) {}

    [[nodiscard]] bool number(packet::Packet& packet, packet::Compression& compression) noexcept;
    [[nodiscard]] bool compress(packet::Packet& packet, packet::Compression& compression) noexcept;

    PacketSuite suite_;
    crypto::PacketSealer sealer_;
    std::uint32_t sequence_;  ///< of the last packet sent
};

/// Receives from one node.
class Opener {
  public:
    enum class Verdict : std::uint8_t {
        opened,
        too_short,  ///< for a sequence number and the announced MAC, sent or not
        forged,     ///< the MAC is wrong, or the ciphertext is no ciphertext
        replayed,   ///< late beyond the window, or seen
        too_far,    ///< a sequence number far in the future
        damaged,    ///< does not decompress, or is no frame
    };

    /// Errors as for the sealer.
    [[nodiscard]] static Result<Opener> create(const PacketKey& key, std::size_t window_bytes);

    /// Whether the MAC of a datagram fits this key; decides whose packet from an unknown address
    /// it is. Always false without a MAC.
    [[nodiscard]] bool recognises(Bytes datagram) noexcept;

    /// Turns a datagram into its frame, in place. `wire_payload_bytes` (may be null) gets the size
    /// of a fresh payload before decompression, which MTU probes count. If it cannot be opened, the
    /// bytes of the packet mean nothing any more.
    [[nodiscard]] Verdict open(packet::Packet& packet, packet::Compression& compression,
                               std::size_t* wire_payload_bytes) noexcept;

    /// What became of one packet of many.
    struct Opened {
        Verdict verdict = Verdict::too_short;
        std::uint32_t sequence = 0;          ///< if its MAC was right
        std::uint32_t lost = 0;              ///< see lost()
        std::uint32_t last = 0;              ///< the highest number accepted before it
        std::uint32_t far = 0;               ///< see packet::ReplayWindow::far()
        std::size_t wire_payload_bytes = 0;  ///< if it was fresh
    };
    /// Up to limits::batch_packets, each as open() does it, in their order.
    void open(std::span<packet::Packet* const> packets, packet::Compression& compression,
              crypto::PacketEngine& engine, std::span<Opened> opened) noexcept;

    [[nodiscard]] const packet::ReplayWindow& window() const { return window_; }
    /// The number of the last packet whose MAC was right, whatever became of it.
    [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
    /// How many packets before that one will never be opened because it skipped the whole window.
    [[nodiscard]] std::uint32_t lost() const { return lost_; }

  private:
    Opener(PacketSuite suite, crypto::PacketOpener opener, std::size_t window_bytes)
        : suite_(std::move(suite)), opener_(std::move(opener)), window_(window_bytes) {}

    [[nodiscard]] bool is_long_enough(std::size_t size) const;
    [[nodiscard]] Opened take(packet::Packet& packet, const crypto::PacketText& plain,
                              packet::Compression& compression) noexcept;
    [[nodiscard]] bool decompress(packet::Packet& packet,
                                  packet::Compression& compression) noexcept;

    PacketSuite suite_;
    crypto::PacketOpener opener_;
    packet::ReplayWindow window_;
    std::uint32_t sequence_ = 0;
    std::uint32_t lost_ = 0;
};

}  // namespace tinc::legacy
