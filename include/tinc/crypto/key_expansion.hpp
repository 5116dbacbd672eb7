#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/secret.hpp"

#include <cstddef>

namespace tinc::crypto {

/// The key expansion of SPTPS, like that of TLS 1.0 with HMAC-SHA512 alone, but:
///
///     A(0) = 64 zero bytes,  A(i) = HMAC(secret, A(i-1) || seed)
///     result = HMAC(secret, A(1) || seed) || HMAC(secret, A(2) || seed) || ...
///
/// Source: SPTPS, 3; `prf.json`.
[[nodiscard]] Result<Secret> expand_key(Bytes secret, Bytes seed, std::size_t size_bytes);

}  // namespace tinc::crypto
