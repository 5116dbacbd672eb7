#pragma once

// From text to a checked RSA key of OpenSSL's.

#include "handles.hpp"

#include "tinc/base/error.hpp"

#include <string_view>

namespace tinc::crypto {

enum class KeyHalf : std::uint8_t { public_key, private_key };

/// A key out of the first fitting PEM block of `text`; see RsaPublicKey::from_pem().
[[nodiscard]] Result<KeyHandle> import_pem(std::string_view text, std::string_view source,
                                           KeyHalf half);

/// A key out of hexadecimal numbers, with exponent 65535. No private exponent: a public key.
[[nodiscard]] Result<KeyHandle> import_hex(std::string_view modulus,
                                           std::string_view private_exponent,
                                           std::string_view source, KeyHalf half);

/// A key out of its numbers; `private_exponent` may be null. Null if OpenSSL refuses.
[[nodiscard]] KeyHandle import_numbers(const BIGNUM* modulus, const BIGNUM* exponent,
                                       const BIGNUM* private_exponent);

/// One of the numbers of a key, by OpenSSL's parameter name; null if it has none.
[[nodiscard]] Number number_of(const EVP_PKEY* key, const char* name);

}  // namespace tinc::crypto
