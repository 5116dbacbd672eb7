#pragma once

// The RSA keys with which the golden vectors were captured.

#include "support/test_data.hpp"
#include "tinc/base/bytes.hpp"
#include "tinc/crypto/rsa.hpp"

#include <openssl/evp.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::test {

/// Bytes of hexadecimal text, in one line or more, that is known to be right.
[[nodiscard]] inline std::vector<std::byte> unhex(std::string_view text) {
    std::string digits(text);
    std::erase(digits, '\n');
    auto bytes = parse_hex(digits);
    if (!bytes) throw std::invalid_argument("test data is not hexadecimal");
    return *std::move(bytes);
}

/// PEM text with lines of 64 characters.
[[nodiscard]] inline std::string pem(std::string_view label, Bytes der) {
    std::string base64(4 * (der.size() / 3 + 1) + 1, '\0');
    const int size =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                        reinterpret_cast<const unsigned char*>(der.data()), int(der.size()));
    base64.resize(static_cast<std::size_t>(size));
    std::string text = "-----BEGIN " + std::string(label) + "-----\n";
    for (std::size_t at = 0; at < base64.size(); at += 64) text += base64.substr(at, 64) + "\n";
    return text + "-----END " + std::string(label) + "-----\n";
}

/// The private key of "alpha", "beta" or "gamma" as `rsa_key.priv` holds it.
[[nodiscard]] inline std::string golden_private_pem(std::string_view node) {
    const auto der = unhex(test_data(std::string(node) + ".rsa_key.pkcs1.hex"));
    return pem("RSA PRIVATE KEY", der);
}

[[nodiscard]] inline crypto::RsaPrivateKey golden_private_key(std::string_view node) {
    return crypto::RsaPrivateKey::from_pem(golden_private_pem(node), node).value();
}

[[nodiscard]] inline crypto::RsaPublicKey golden_public_key(std::string_view node) {
    const std::string file = std::string(node) + ".host";
    return crypto::RsaPublicKey::from_pem(test_data(file), file).value();
}

}  // namespace tinc::test
