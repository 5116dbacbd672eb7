#include "rsa_import.hpp"

#include "data_of.hpp"
#include "pem.hpp"

#include "tinc/base/text.hpp"
#include "tinc/crypto/rsa.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>

#include <array>
#include <string>
#include <utility>

namespace tinc::crypto {

namespace {

/// tinc's own exponent for keys that are given as a bare modulus.
constexpr BN_ULONG obsolete_exponent = 65535;

std::string_view name_of(KeyHalf half) {
    return half == KeyHalf::public_key ? "RSA public key" : "RSA private key";
}

int selection_of(KeyHalf half) {
    return half == KeyHalf::public_key ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR;
}

/// What every key must be, wherever it came from: it is used without any padding, so that a
/// degenerate exponent would send our secrets in clear.
Result<void> check(const EVP_PKEY* key, std::string_view source) {
    const auto bad = [&](std::string_view why) {
        return failure(Errc::malformed, fmt::format("{}: {}", source, why));
    };
    const int bits = EVP_PKEY_get_bits(key);
    if (std::cmp_less(bits, min_rsa_bits) || std::cmp_greater(bits, max_rsa_bits))
        return bad(fmt::format("the RSA key has {} bits; {} to {} are possible", bits, min_rsa_bits,
                               max_rsa_bits));
    const Number modulus = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    const Number exponent = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    if (!modulus || !exponent) return bad("the RSA key is not complete");
    if (BN_is_odd(modulus.get()) != 1) return bad("the RSA modulus is even");
    if (BN_is_odd(exponent.get()) != 1 || BN_is_one(exponent.get()) == 1)
        return bad("the RSA exponent is unusable");
    return {};
}

Result<KeyHandle> decode_der(const PemBlock& block, std::string_view source, KeyHalf half) {
    const bool is_pkcs1 = block.label.starts_with("RSA ");
    const char* structure = is_pkcs1                      ? "type-specific"
                            : half == KeyHalf::public_key ? "SubjectPublicKeyInfo"
                                                          : "PrivateKeyInfo";
    EVP_PKEY* decoded = nullptr;
    const Decoder decoder(OSSL_DECODER_CTX_new_for_pkey(&decoded, "DER", structure,
                                                        is_pkcs1 ? "RSA" : nullptr,
                                                        selection_of(half), nullptr, nullptr));
    const unsigned char* data = data_of(block.der.bytes());
    std::size_t size = block.der.size();
    const bool done = decoder && OSSL_DECODER_from_data(decoder.get(), &data, &size) == 1;
    KeyHandle key(decoded);
    if (!done || !key)
        return failure(Errc::malformed,
                       fmt::format("{}: the {} block does not hold a key", source, block.label));
    if (EVP_PKEY_is_a(key.get(), "RSA") != 1)
        return failure(Errc::malformed,
                       fmt::format("{}: the {} block holds a key of type {}, not RSA", source,
                                   block.label, EVP_PKEY_get0_type_name(key.get())));
    return key;
}

Result<Number> parse_number(std::string_view text, std::string_view source, std::string_view what) {
    const auto digits = trim(text, " \t\r\n");
    // It may be a private exponent: no copy of it stays behind.
    auto even_digits = (digits.size() % 2 == 0 ? "" : "0") + std::string(digits);
    auto bytes = digits.size() <= max_rsa_bits / 4 ? parse_hex(even_digits) : std::nullopt;
    wipe(even_digits);
    if (!bytes || bytes->empty())
        return failure(Errc::malformed,
                       fmt::format("{}: the {} is not a hexadecimal number of at most {} bits",
                                   source, what, max_rsa_bits));
    // Secure, so that OpenSSL wipes the copies it makes on the way to a key.
    Number number(BN_secure_new());
    if (!number || BN_bin2bn(data_of(Bytes(*bytes)), static_cast<int>(bytes->size()),
                             number.get()) == nullptr) {
        wipe(*bytes);
        return failure(Errc::system, fmt::format("{}: out of memory", source));
    }
    wipe(*bytes);
    return number;
}

}  // namespace

Result<KeyHandle> import_pem(std::string_view text, std::string_view source, KeyHalf half) {
    static constexpr std::array<std::string_view, 2> public_labels{"RSA PUBLIC KEY", "PUBLIC KEY"};
    static constexpr std::array<std::string_view, 2> private_labels{"RSA PRIVATE KEY",
                                                                    "PRIVATE KEY"};
    const CleanErrors clean;
    TINC_TRY(const auto block,
             first_pem_block(text, source, name_of(half),
                             half == KeyHalf::public_key ? public_labels : private_labels));
    TINC_TRY(auto key, decode_der(block, source, half));
    TINC_CHECK(check(key.get(), source));
    return key;
}

Result<KeyHandle> import_hex(std::string_view modulus, std::string_view private_exponent,
                             std::string_view source, KeyHalf half) {
    const CleanErrors clean;
    TINC_TRY(const auto n, parse_number(modulus, source, "modulus"));
    const Number e(BN_new());
    Number d;
    if (half == KeyHalf::private_key) {
        TINC_TRY(d, parse_number(private_exponent, source, "private exponent"));
    }
    KeyHandle key;
    if (e && BN_set_word(e.get(), obsolete_exponent) == 1)
        key = import_numbers(n.get(), e.get(), d.get());
    if (!key)
        return failure(Errc::malformed,
                       fmt::format("{}: these numbers are no {}", source, name_of(half)));
    TINC_CHECK(check(key.get(), source));
    return key;
}

KeyHandle import_numbers(const BIGNUM* modulus, const BIGNUM* exponent,
                         const BIGNUM* private_exponent) {
    const ParamBuilder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        return {};
    if (private_exponent != nullptr &&
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_D, private_exponent) != 1)
        return {};
    const Params parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key,
                          private_exponent == nullptr ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR,
                          parameters.get()) != 1)
        return {};
    return KeyHandle(key);
}

Number number_of(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return {};
    return Number(number);
}

}  // namespace tinc::crypto
