// A text as an operator's key or host file; a DER sequence is first made one, under every label.
// What is accepted must survive being written and read.

#include "support/golden_keys.hpp"
#include "tinc/crypto/rsa.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace {

using namespace tinc;

void check(const crypto::RsaPublicKey& key) {
    TINC_ASSERT(key.modulus_bits() >= crypto::min_rsa_bits);
    TINC_ASSERT(key.modulus_bits() <= crypto::max_rsa_bits);
    TINC_ASSERT(key.modulus_bytes() == (key.modulus_bits() + 7) / 8);
    const auto again = crypto::RsaPublicKey::from_pem(key.to_pem(), "again");
    TINC_ASSERT(again.has_value() && *again == key);

    std::vector<std::byte> clear(key.modulus_bytes(), std::byte{0x5a});
    clear.front() = std::byte{0};
    if (const auto secret = key.encrypt_raw(clear)) TINC_ASSERT(secret->size() == clear.size());
    std::ranges::fill(clear, std::byte{0xff});
    TINC_ASSERT(!key.encrypt_raw(clear).has_value());
}

void check(const crypto::RsaPrivateKey& key) {
    check(key.public_key());
    std::vector<std::byte> secret(key.modulus_bytes(), std::byte{0xff});
    TINC_ASSERT(!key.decrypt_raw(secret).has_value());
    const auto text = key.to_pem();
    if (!text) return;
    const auto again = crypto::RsaPrivateKey::from_pem(*text, "again");
    TINC_ASSERT(again.has_value() && again->public_key() == key.public_key());
}

void check_text(std::string_view text) {
    if (const auto key = crypto::RsaPublicKey::from_pem(text, "fuzz")) check(*key);
    if (const auto key = crypto::RsaPrivateKey::from_pem(text, "fuzz")) check(*key);
    if (const auto key = crypto::RsaPublicKey::from_hex_modulus(text, "fuzz")) check(*key);

    const auto newline = std::min(text.find('\n'), text.size());
    const auto exponent = text.substr(0, newline);
    const auto modulus = text.substr(std::min(newline + 1, text.size()));
    if (const auto key = crypto::RsaPrivateKey::from_hex(exponent, modulus, "fuzz")) check(*key);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint8_t der_sequence = 0x30;
    const auto bytes = std::as_bytes(std::span(data, size));
    check_text(as_text(bytes));
    if (size == 0 || data[0] != der_sequence) return 0;
    for (const auto* label : {"RSA PUBLIC KEY", "PUBLIC KEY", "RSA PRIVATE KEY", "PRIVATE KEY"})
        check_text(test::pem(label, bytes));
    return 0;
}
