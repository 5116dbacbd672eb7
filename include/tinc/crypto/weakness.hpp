#pragma once

#include "tinc/crypto/cipher.hpp"
#include "tinc/crypto/digest.hpp"

#include <string>

namespace tinc::crypto {

/// Why nobody should choose this cipher any more, as the end of a sentence; empty if there is no
/// reason. Says nothing about `none`.
[[nodiscard]] std::string weakness(const CipherSpec& spec);
[[nodiscard]] std::string weakness(const DigestSpec& spec);

/// Whether OpenSSL's legacy provider is there, which has the old algorithms. The first call loads
/// it; after chroot() it would be out of reach.
[[nodiscard]] bool has_legacy_provider();

/// Why packets cannot be encrypted or authenticated with it here; empty if they can.
[[nodiscard]] std::string obstacle(const CipherSpec& spec);
[[nodiscard]] std::string obstacle(const DigestSpec& spec);

}  // namespace tinc::crypto
