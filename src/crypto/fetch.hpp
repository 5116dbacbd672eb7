#pragma once

#include "handles.hpp"

#include "tinc/base/error.hpp"
#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"

namespace tinc::crypto {

/// The implementation of an algorithm, out of OpenSSL's default provider.
///
/// Blowfish, CAST5, DES, RC4, SEED, MD4 and whirlpool live in OpenSSL's legacy provider, which is
/// not loaded: Errc::refused, with a message that says so. These two functions are all that would
/// have to know about it (a library context of its own, so that the rest of the process stays
/// without it).
[[nodiscard]] Result<CipherHandle> fetch_cipher(const CipherSpec& spec);
[[nodiscard]] Result<DigestHandle> fetch_digest(const DigestSpec& spec);

}  // namespace tinc::crypto
