#pragma once

// SPTPS in datagrams: the session of two nodes, in two halves. Its key exchange travels over the
// meta connections and belongs to the control side; packets are sealed and opened by the data
// plane. Both count in the same numbers, which begin at 0 and never begin anew.
//
//     before keys   number (4, big endian) || type (1) || data
//     with keys     number (4)             || seal( type || data ) || tag (16)
//
//     control side:  Session --- SetSealer, ExpectKey, ... ---> data plane:  Sealer, Opener
//
// In a re-key packets overtake the messages about it. So an Opener takes the key before and the
// key to come, too, and a Session judges the numbers of its own records alone: packets that were
// faster do not make them late. Source: SPTPS, 5 and 6.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/chacha_poly1305.hpp"
#include "tinc/crypto/packet_engine.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/packet/replay_window.hpp"
#include "tinc/sptps/handshake.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

namespace tinc::sptps {

/// Bytes that a sealed record has beyond its data.
inline constexpr std::size_t datagram_overhead = 21;

/// When one direction has used up so many numbers, another session takes the place of this one: new
/// keys alone do not make the numbers begin anew.
inline constexpr std::uint32_t many_records = 1U << 31U;

/// The numbers of one direction, shared by both halves of a session.
class SequenceCounter {
  public:
    explicit SequenceCounter(std::uint32_t next = 0) : next_(next) {}
    /// The next number, or nothing when they are used up: the session is then to be made anew.
    [[nodiscard]] std::optional<std::uint32_t> take() noexcept;
    /// How many have been taken.
    [[nodiscard]] std::uint32_t taken() const noexcept {
        return next_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<std::uint32_t> next_;
};

/// Seals what is sent to one node.
class Sealer {
  public:
    Sealer(Bytes key, std::shared_ptr<SequenceCounter> counter)
        : cipher_(key), counter_(std::move(counter)) {}

    /// Turns the data of a record into a datagram, in place. False if it does not fit or the
    /// numbers are used up; the packet is then to be dropped. `type` is the application's.
    [[nodiscard]] bool seal(packet::Packet& packet, std::uint8_t type) noexcept;
    /// Up to limits::batch_packets, numbered in their order; `types` has the type of each, and
    /// `sealed` tells of each what seal() tells of one.
    void seal(std::span<packet::Packet* const> packets, std::span<const std::uint8_t> types,
              crypto::PacketEngine& engine, std::span<bool> sealed) noexcept;
    [[nodiscard]] const SequenceCounter& counter() const { return *counter_; }

  private:
    [[nodiscard]] std::optional<std::uint32_t> begin(packet::Packet& packet,
                                                     std::uint8_t type) noexcept;

    crypto::ChaChaPoly1305 cipher_;
    std::shared_ptr<SequenceCounter> counter_;
};

/// Opens what comes from one node.
class Opener {
  public:
    enum class Verdict : std::uint8_t {
        opened,
        too_short,
        forged,    ///< under none of its keys
        replayed,  ///< late beyond the window, or seen
        too_far,   ///< a number far in the future
        not_data,  ///< the handshake does not travel here
    };

    /// `next`: the number the peer's next record has, at least.
    Opener(Bytes key, std::size_t window_bytes, std::uint32_t next = 2);

    /// Whether this is a packet for us from that node; changes nothing.
    [[nodiscard]] bool recognises(Bytes datagram) const noexcept;
    /// Turns a datagram into the data of its record, in place, and tells its type.
    [[nodiscard]] Verdict open(packet::Packet& packet, std::uint8_t& type) noexcept;

    /// What became of one packet of many.
    struct Opened {
        Verdict verdict = Verdict::too_short;
        std::uint8_t type = 0;       ///< if it was opened
        std::uint32_t sequence = 0;  ///< if its tag was right
        std::uint32_t lost = 0;      ///< see lost()
        std::uint32_t last = 0;      ///< the highest number accepted before it
        std::uint32_t far = 0;       ///< see packet::ReplayWindow::far()
    };
    /// Up to limits::batch_packets, each as open() does it, in their order.
    void open(std::span<packet::Packet* const> packets, crypto::PacketEngine& engine,
              std::span<Opened> opened) noexcept;

    /// A key the peer may begin to use.
    void expect(Bytes key) { expected_.emplace(key); }
    /// It does. The key before is still good for what was on its way.
    void use_expected();
    /// That has arrived or never will.
    void forget_old() { old_.reset(); }
    [[nodiscard]] bool has_old() const { return old_.has_value(); }

    [[nodiscard]] const packet::ReplayWindow& window() const { return window_; }
    /// The number of the last datagram whose tag was right, whatever became of it.
    [[nodiscard]] std::uint32_t sequence() const { return sequence_; }
    /// How many before that one will never be opened because it skipped the whole window.
    [[nodiscard]] std::uint32_t lost() const { return lost_; }

  private:
    [[nodiscard]] bool opens_with_other_key(std::uint32_t number,
                                            MutableBytes sealed) const noexcept;
    [[nodiscard]] Opened take(packet::Packet& packet) noexcept;

    crypto::ChaChaPoly1305 current_;
    std::optional<crypto::ChaChaPoly1305> old_;
    std::optional<crypto::ChaChaPoly1305> expected_;
    packet::ReplayWindow window_;
    std::uint32_t sequence_ = 0;
    std::uint32_t lost_ = 0;
};

/// What tells the keys of a session apart and gives nothing of them away: the one end's `sealing`
/// is the other's `opening`.
struct KeyMarks {
    std::uint64_t sealing = 0;
    std::uint64_t opening = 0;
};

/// The key exchange with one node.
class Session {
  public:
    /// A datagram for the node, over the meta connections.
    struct Send {
        std::vector<std::byte> datagram;
    };
    using SealWith = Sealer;                         ///< from here on; the one before is done with
    using ExpectKey = Handshake::ExpectKey;          ///< see Opener::expect(), or a new Opener
    using ReceiveWithIt = Handshake::ReceiveWithIt;  ///< see Opener::use_expected()
    using Complete = Handshake::Complete;
    using Step = std::variant<Send, SealWith, ExpectKey, ReceiveWithIt, Complete>;

    Session(Parties parties, RandomSource& random);

    /// Begins the first exchange or a re-key. Nothing if one is under way.
    [[nodiscard]] Result<std::vector<Step>> start();
    /// A datagram that came over the meta connections. One that cannot be understood changes
    /// nothing.
    [[nodiscard]] Result<std::vector<Step>> receive(Bytes datagram);

    [[nodiscard]] bool is_complete() const { return handshake_.has_keys(); }
    [[nodiscard]] bool is_exchanging() const {
        return handshake_.state() != Handshake::State::idle;
    }
    [[nodiscard]] Role role() const { return handshake_.parties().role; }
    [[nodiscard]] std::uint32_t records_sent() const { return counter_->taken(); }
    /// Of the keys in force when no exchange is under way.
    [[nodiscard]] const KeyMarks& marks() const { return marks_; }

  private:
    [[nodiscard]] Result<std::vector<Step>> carry_out(std::vector<Handshake::Step> steps);
    [[nodiscard]] Result<Send> datagram_of(Bytes message);

    Handshake handshake_;
    std::shared_ptr<SequenceCounter> counter_ = std::make_shared<SequenceCounter>();
    std::optional<crypto::ChaChaPoly1305> sealing_;
    std::optional<crypto::ChaChaPoly1305> opening_;
    std::optional<crypto::ChaChaPoly1305> expected_;
    KeyMarks marks_;
    /// For packets it is used only when the peer has acknowledged it: they may be faster than what
    /// it needs to know the key.
    std::optional<Sealer> next_sealer_;
    std::uint32_t next_ = 0;  ///< the number the next handshake record has, at least
};

}  // namespace tinc::sptps
