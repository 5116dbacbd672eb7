#include "tinc/crypto/secret.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace tinc::crypto {

Secret::Secret(std::size_t size_bytes) : bytes_(size_bytes) {}

Secret Secret::copy_of(Bytes bytes) {
    Secret secret(bytes.size());
    std::ranges::copy(bytes, secret.bytes_.begin());
    return secret;
}

// A moved-from vector has given its memory away, so that there is nothing left to wipe in it.
Secret::Secret(Secret&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(bytes_);
        bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
}

Secret::~Secret() { wipe(bytes_); }

void wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

void wipe(std::string& text) {
    text.resize(text.capacity());  // what the text held when it was longer
    OPENSSL_cleanse(text.data(), text.size());
    text.clear();
}

bool equal_in_constant_time(Bytes a, Bytes b) {
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace tinc::crypto
