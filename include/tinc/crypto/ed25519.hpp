#pragma once

// Ed25519 as tinc 1.1 keeps it: the private key is the expanded one (scalar and prefix), since the
// seed is thrown away, and files hold it in a form of their own. Signatures are those of RFC 8032.
// libsodium does the arithmetic: OpenSSL signs with seeds only.
// Source: SPTPS, 2; `ed25519-keys.json`.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"
#include "tinc/crypto/secret.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tinc::crypto {

using Ed25519Signature = std::array<std::byte, 64>;

/// A point, as its owner encoded it; whether it is one shows at the first use.
class Ed25519PublicKey {
  public:
    static constexpr std::size_t size_bytes = 32;
    static constexpr std::size_t text_length = 43;

    Ed25519PublicKey() = default;
    explicit Ed25519PublicKey(std::span<const std::byte, size_bytes> bytes);
    /// 43 characters of tinc's base64. Errc::malformed with the reason, without a place.
    [[nodiscard]] static Result<Ed25519PublicKey> parse(std::string_view text);

    [[nodiscard]] std::string text() const;
    [[nodiscard]] Bytes bytes() const { return bytes_; }
    /// Whether this key made the signature of that message.
    [[nodiscard]] bool verify(Bytes message, Bytes signature) const;

    friend auto operator<=>(const Ed25519PublicKey&, const Ed25519PublicKey&) = default;

  private:
    std::array<std::byte, size_bytes> bytes_{};
};

class Ed25519PrivateKey {
  public:
    static constexpr std::size_t expanded_bytes = 64;

    [[nodiscard]] static Ed25519PrivateKey generate(RandomSource& random);
    /// The expanded key and the public one behind each other, 96 bytes. The public half is taken
    /// as it is, as tinc does. Errc::malformed for another length.
    [[nodiscard]] static Result<Ed25519PrivateKey> from_bytes(Bytes bytes);

    [[nodiscard]] const Ed25519PublicKey& public_key() const { return public_key_; }
    /// Whether the public half belongs to the private one; a key for which it does not is useless.
    [[nodiscard]] bool is_consistent() const;
    [[nodiscard]] Ed25519Signature sign(Bytes message) const;
    /// The 64 bytes, for a file; wiped with the Secret.
    [[nodiscard]] Secret expanded() const { return expanded_.clone(); }

  private:
    Ed25519PrivateKey(Secret expanded, const Ed25519PublicKey& public_key)
        : expanded_(std::move(expanded)), public_key_(public_key) {}

    Secret expanded_;
    Ed25519PublicKey public_key_;
};

/// The block of a key file. `source` names the file in errors.
[[nodiscard]] std::string private_key_block(const Ed25519PrivateKey& key);
[[nodiscard]] std::string public_key_block(const Ed25519PublicKey& key);

/// The first block of that kind in a text; nothing if there is none. What is in front of it and
/// behind it does not matter. Errc::malformed if it is not one key's.
[[nodiscard]] Result<std::optional<Ed25519PrivateKey>> find_private_key(std::string_view text,
                                                                        std::string_view source);
[[nodiscard]] Result<std::optional<Ed25519PublicKey>> find_public_key(std::string_view text,
                                                                      std::string_view source);

/// An Ed25519-shaped key that is used for one Diffie-Hellman exchange. The public half travels as
/// an Edwards point, and the secret is what X25519 makes of its y. Source: SPTPS, 2.4; `ecdh.json`.
class EphemeralKey {
  public:
    explicit EphemeralKey(RandomSource& random);

    [[nodiscard]] const Ed25519PublicKey& public_key() const { return public_key_; }
    /// 32 bytes. Errc::forged for a point that no honest peer sends: of low order, or none.
    [[nodiscard]] Result<Secret> shared_with(const Ed25519PublicKey& peer) const;

  private:
    Secret scalar_;
    Ed25519PublicKey public_key_;
};

}  // namespace tinc::crypto
