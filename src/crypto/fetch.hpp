#pragma once

#include "handles.hpp"

#include "tinc/base/error.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"

namespace tinc::crypto {

// The implementation of an algorithm, out of OpenSSL's default provider, or else out of its legacy
// provider: Blowfish, CAST5, DES, RC2, RC4, SEED, MD4 and whirlpool live there. That one is loaded
// when it is first wanted, into a library context of its own, so that the rest of the process stays
// without it. Errc::refused if neither has the algorithm or the legacy provider cannot be loaded.

[[nodiscard]] Result<CipherHandle> fetch_cipher(const CipherSpec& spec);
[[nodiscard]] Result<DigestHandle> fetch_digest(const DigestSpec& spec);

/// An HMAC without a key that finds `spec`'s digest.
[[nodiscard]] Result<MacContext> fetch_hmac(const DigestSpec& spec);

}  // namespace tinc::crypto
