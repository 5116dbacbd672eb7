#include "fetch.hpp"

#include <fmt/format.h>
#include <openssl/objects.h>

namespace tinc::crypto {

namespace {

std::unexpected<Error> not_available(std::string_view name) {
    return failure(Errc::refused,
                   fmt::format("{} needs OpenSSL's legacy provider, which is not loaded", name));
}

}  // namespace

Result<CipherHandle> fetch_cipher(const CipherSpec& spec) {
    const CleanErrors clean;
    CipherHandle cipher(EVP_CIPHER_fetch(nullptr, OBJ_nid2sn(spec.nid), nullptr));
    if (!cipher) return not_available(spec.name);
    return cipher;
}

Result<DigestHandle> fetch_digest(const DigestSpec& spec) {
    const CleanErrors clean;
    DigestHandle digest(EVP_MD_fetch(nullptr, OBJ_nid2sn(spec.nid), nullptr));
    if (!digest) return not_available(spec.name);
    return digest;
}

}  // namespace tinc::crypto
