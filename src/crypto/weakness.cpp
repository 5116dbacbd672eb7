#include "tinc/crypto/weakness.hpp"

#include "fetch.hpp"

#include <openssl/objects.h>

#include <algorithm>

namespace tinc::crypto {

namespace {

/// Keys below 80 bits have been guessed by machines of amateurs.
constexpr std::size_t least_key_bytes = 10;
/// What is below gives text away after as many blocks as a busy network makes in hours.
constexpr std::size_t least_block_bytes = 16;

}  // namespace

std::string weakness(const CipherSpec& spec) {
    if (spec.is_none()) return {};
    if (spec.key_bytes < least_key_bytes) return "its keys are so short that they can be guessed";
    if (spec.nid == NID_rc4) return "its output is not random enough";
    if (spec.mode == CipherSpec::Mode::ecb) return "what is equal in packets stays equal";
    const auto block = std::max(spec.block_bytes, spec.iv_bytes);
    if (block > 1 && block < least_block_bytes)
        return "its blocks of 64 bits give text away after some gigabytes";
    return {};
}

std::string weakness(const DigestSpec& spec) {
    if (spec.nid == NID_md4) return "collisions of it can be made by hand";
    return {};
}

std::string obstacle(const CipherSpec& spec) {
    if (spec.is_none()) return {};
    const auto cipher = fetch_cipher(spec);
    return cipher ? std::string() : cipher.error().what;
}

std::string obstacle(const DigestSpec& spec) {
    if (spec.is_none()) return {};
    const auto digest = fetch_digest(spec);
    return digest ? std::string() : digest.error().what;
}

}  // namespace tinc::crypto
