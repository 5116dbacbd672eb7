#pragma once

#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/rsa.hpp"

#include <memory>
#include <optional>

namespace tinc::crypto {

/// What proves who we are; at least one of them. Without the Ed25519 key only protocol 1.0 is
/// spoken, and without the RSA key only 1.1.
struct OwnKeys {
    std::optional<RsaPrivateKey> rsa;
    std::shared_ptr<const Ed25519PrivateKey> ed25519;
};

}  // namespace tinc::crypto
