#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/secret.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::crypto {

/// Smallest and largest modulus that is accepted, in bits. 8192 is what fits into a METAKEY line.
inline constexpr unsigned min_rsa_bits = 512;
inline constexpr unsigned max_rsa_bits = 8192;

/// The RSA key of another node, for raw RSA without padding as METAKEY uses it. A shared,
/// immutable value.
class RsaPublicKey {
  public:
    /// The first `RSA PUBLIC KEY` (PKCS#1) or `PUBLIC KEY` (SPKI) block anywhere in `text`; other
    /// blocks and text are skipped. `source` is named in errors. Errc::malformed with a message
    /// that says what was found instead; Errc::refused if there is no such block at all.
    [[nodiscard]] static Result<RsaPublicKey> from_pem(std::string_view text,
                                                       std::string_view source);
    /// The obsolete way: hexadecimal modulus with exponent 65535.
    [[nodiscard]] static Result<RsaPublicKey> from_hex_modulus(std::string_view modulus,
                                                               std::string_view source);

    [[nodiscard]] std::size_t modulus_bytes() const;
    [[nodiscard]] unsigned modulus_bits() const;
    /// `data` is modulus_bytes() long and, read as a number, below the modulus; else
    /// Errc::malformed. The result is as long.
    [[nodiscard]] Result<std::vector<std::byte>> encrypt_raw(Bytes data) const;
    /// PKCS#1 PEM, as `tincd -K` appends it to a host file.
    [[nodiscard]] std::string to_pem() const;

    friend bool operator==(const RsaPublicKey& a, const RsaPublicKey& b);

  private:
    friend class RsaPrivateKey;
    struct State;
    explicit RsaPublicKey(std::shared_ptr<const State> state);
    std::shared_ptr<const State> state_;
};

/// Our own key.
class RsaPrivateKey {
  public:
    /// The first `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8) block. Errors as above;
    /// an encrypted key is named as such.
    [[nodiscard]] static Result<RsaPrivateKey> from_pem(std::string_view text,
                                                        std::string_view source);
    /// The obsolete way: hexadecimal private exponent and modulus, public exponent 65535.
    [[nodiscard]] static Result<RsaPrivateKey> from_hex(std::string_view private_exponent,
                                                        std::string_view modulus,
                                                        std::string_view source);
    /// Takes seconds; the chance is OpenSSL's own. `progress` may be empty and must not throw; it
    /// is called with OpenSSL's stages ('.', '+', '*', '\n').
    [[nodiscard]] static Result<RsaPrivateKey> generate(unsigned bits,
                                                        const std::function<void(char)>& progress);

    [[nodiscard]] std::size_t modulus_bytes() const;
    [[nodiscard]] RsaPublicKey public_key() const;
    /// Raw RSA; `data` is modulus_bytes() long and, read as a number, below the modulus; else
    /// Errc::malformed. The result is as long.
    [[nodiscard]] Result<Secret> decrypt_raw(Bytes data) const;
    /// PKCS#1 PEM, as `tincd -K` writes it. Wipe the text after use. Errc::refused for a key of
    /// from_hex(), whose primes nobody knows.
    [[nodiscard]] Result<std::string> to_pem() const;

  private:
    struct State;
    explicit RsaPrivateKey(std::shared_ptr<const State> state);
    std::shared_ptr<const State> state_;
};

}  // namespace tinc::crypto
