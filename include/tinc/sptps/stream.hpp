#pragma once

// SPTPS over a byte stream: the records of a meta connection.
//
//     before keys   length (2, big endian) || type (1) || data
//     with keys     length (2)             || seal( type || data ) || tag (16)
//
// The length is that of the data alone, in clear and unproven. Numbers are implicit and never begin
// anew. Between two records there may be bytes that are none (SPTPS_PACKET), so receive() takes one
// record at a time. Source: SPTPS, 5.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/chacha_poly1305.hpp"
#include "tinc/sptps/handshake.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tinc::sptps {

/// Record types of the application are below this.
inline constexpr std::uint8_t handshake_type = 128;

/// No direction of a session uses numbers from here on: one that came round would repeat a nonce.
inline constexpr std::uint32_t last_sequence = 0xffff0000U;

class Stream {
  public:
    /// What a stranger's record may hold: the longest is a KEX of 65 bytes.
    static constexpr std::size_t unproven_data_bytes = 192;
    static constexpr std::size_t most_data_bytes = 4'096;

    /// Begins at once: take_outgoing() has our KEX.
    Stream(Parties parties, RandomSource& random);
    Stream(Stream&&) = default;
    Stream& operator=(Stream&&) = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    ~Stream() { crypto::wipe(record_); }  // what the peer said last

    enum class Kind : std::uint8_t {
        nothing,    ///< the record is not complete yet
        handshake,  ///< part of the key exchange
        complete,   ///< the peer is proven; records can be sent
        record,     ///< of the application
    };
    struct Received {
        Kind kind = Kind::nothing;
        std::size_t taken = 0;  ///< bytes of the input that are dealt with
        std::uint8_t type = 0;
        Bytes data;  ///< valid until the next call
    };
    /// Takes the first record of `bytes`. Any error is final.
    [[nodiscard]] Result<Received> receive(Bytes bytes);

    /// Appends a record of the application. Errc::refused before complete, Errc::exhausted at
    /// last_sequence or beyond most_data_bytes.
    [[nodiscard]] Result<void> send(std::uint8_t type, Bytes data, std::vector<std::byte>& out);

    /// Bytes that the key exchange wants sent, before anything that send() appends afterwards.
    [[nodiscard]] std::vector<std::byte> take_outgoing() { return std::exchange(outgoing_, {}); }
    [[nodiscard]] bool is_complete() const { return handshake_.has_keys(); }

  private:
    [[nodiscard]] Result<void> append_record(std::uint8_t type, Bytes data,
                                             std::vector<std::byte>& out);
    [[nodiscard]] Result<Kind> take_handshake(Bytes message);

    Handshake handshake_;
    std::optional<crypto::ChaChaPoly1305> sealing_;
    std::optional<crypto::ChaChaPoly1305> opening_;
    std::optional<crypto::ChaChaPoly1305> expected_;
    std::uint32_t sent_ = 0;
    std::uint32_t received_ = 0;
    std::vector<std::byte> record_;
    std::vector<std::byte> outgoing_;
};

}  // namespace tinc::sptps
