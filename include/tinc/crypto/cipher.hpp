#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/secret.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace tinc::crypto {

/// A cipher as the legacy protocol names it: by OpenSSL's number, 0 for none.
struct CipherSpec {
    enum class Mode : std::uint8_t { none, ecb, cbc, cfb, ofb, other };

    int nid = 0;
    Mode mode = Mode::none;
    std::size_t key_bytes = 0;
    std::size_t iv_bytes = 0;     ///< 0 for ECB and none
    std::size_t block_bytes = 1;  ///< 1 for byte streams and none
    std::string name = "none";

    [[nodiscard]] bool is_none() const { return nid == 0; }
    /// Length of the random string an ANS_KEY carries: key and IV, or one byte for none.
    [[nodiscard]] std::size_t key_material_bytes() const {
        return is_none() ? 1 : key_bytes + iv_bytes;
    }
    friend bool operator==(const CipherSpec&, const CipherSpec&) = default;
};

/// By NID or by OpenSSL name ("aes-256-cbc", "blowfish", "none", any letter case). Both can tell
/// about ciphers that need OpenSSL's legacy provider; without it create() fails.
/// Errc::refused if OpenSSL knows no such cipher.
[[nodiscard]] Result<CipherSpec> cipher_by_nid(int nid);
[[nodiscard]] Result<CipherSpec> cipher_by_name(std::string_view name);

enum class Direction : std::uint8_t { encrypt, decrypt };

/// How many bytes one key of a stream cipher may encrypt: 2^(4L-1), with L the block size if above
/// 1, else the IV length if above 1, else 8. The largest number stands for "without limit".
/// Source: legacy protocol 2.2.
[[nodiscard]] std::uint64_t stream_budget_bytes(const CipherSpec& spec);

/// One cipher stream over the life of a meta connection. Byte-stream modes only.
class StreamCipher {
  public:
    /// Errc::refused for none, block and AEAD modes and what OpenSSL cannot run; Errc::malformed
    /// if the length of key or IV is not the cipher's.
    [[nodiscard]] static Result<StreamCipher> create(const CipherSpec& spec, Bytes key, Bytes iv,
                                                     Direction direction);
    /// With a budget other than stream_budget_bytes().
    [[nodiscard]] static Result<StreamCipher> create(const CipherSpec& spec, Bytes key, Bytes iv,
                                                     Direction direction,
                                                     std::uint64_t budget_bytes);
    StreamCipher(StreamCipher&&) noexcept;
    StreamCipher& operator=(StreamCipher&&) noexcept;
    ~StreamCipher();

    /// In place. Errc::exhausted, and nothing is changed, if more bytes than the budget would have
    /// passed.
    [[nodiscard]] Result<void> apply(MutableBytes bytes);

  private:
    struct State;
    explicit StreamCipher(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// The cipher of UDP packets: each packet on its own, with the same key and IV.
/// `none` copies. Never allocates after create().
class PacketCipher {
  public:
    /// `material` is key followed by IV, key_material_bytes() long.
    /// Errc::refused for modes that cannot be restarted per packet (CTR, GCM, ChaCha20: what
    /// 1.0.36 makes of them is unusable) and for what OpenSSL cannot run; Errc::malformed if
    /// `material` has another length.
    [[nodiscard]] static Result<PacketCipher> create(const CipherSpec& spec, Bytes material,
                                                     Direction direction);
    PacketCipher(PacketCipher&&) noexcept;
    PacketCipher& operator=(PacketCipher&&) noexcept;
    ~PacketCipher();

    /// Most bytes that apply() can make out of `size`.
    [[nodiscard]] std::size_t output_bound(std::size_t size) const;

    /// `out` may be the start of `in` (in place). Returns the bytes written, or nothing when
    /// decryption fails (padding, length) or `out` is shorter than output_bound(). PKCS#7 padding
    /// in block modes.
    [[nodiscard]] std::optional<std::size_t> apply(Bytes in, MutableBytes out) noexcept;

  private:
    struct State;
    explicit PacketCipher(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace tinc::crypto
