#pragma once

// Owners of OpenSSL objects, and a broom for its error queue. Private to the room.

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>

namespace tinc::crypto {

template <auto Free>
struct FreedBy {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using CipherHandle = std::unique_ptr<EVP_CIPHER, FreedBy<EVP_CIPHER_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreedBy<EVP_CIPHER_CTX_free>>;
using DigestHandle = std::unique_ptr<EVP_MD, FreedBy<EVP_MD_free>>;
using MacHandle = std::unique_ptr<EVP_MAC, FreedBy<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreedBy<EVP_MAC_CTX_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, FreedBy<EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, FreedBy<BN_clear_free>>;
using Params = std::unique_ptr<OSSL_PARAM, FreedBy<OSSL_PARAM_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, FreedBy<OSSL_PARAM_BLD_free>>;
using Decoder = std::unique_ptr<OSSL_DECODER_CTX, FreedBy<OSSL_DECODER_CTX_free>>;
using Encoder = std::unique_ptr<OSSL_ENCODER_CTX, FreedBy<OSSL_ENCODER_CTX_free>>;
using Bio = std::unique_ptr<BIO, FreedBy<BIO_free>>;

/// Leaves OpenSSL's error queue of this thread empty, whatever happened in its scope: the next
/// user of the library must not find our errors there.
class CleanErrors {
  public:
    CleanErrors() = default;
    CleanErrors(const CleanErrors&) = delete;
    CleanErrors& operator=(const CleanErrors&) = delete;
    ~CleanErrors() { ERR_clear_error(); }
};

}  // namespace tinc::crypto
