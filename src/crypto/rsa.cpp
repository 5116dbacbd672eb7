#include "tinc/crypto/rsa.hpp"

#include "data_of.hpp"
#include "rsa_import.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include <utility>

namespace tinc::crypto {

struct RsaPublicKey::State {
    KeyHandle key;
};

struct RsaPrivateKey::State {
    KeyHandle key;
};

namespace {

std::size_t bytes_of(const EVP_PKEY* key) {
    return static_cast<std::size_t>(EVP_PKEY_get_size(key));
}

/// One raw operation; `run` is EVP_PKEY_encrypt or EVP_PKEY_decrypt.
template <auto Init, auto Run>
Result<void> run_raw(EVP_PKEY* key, Bytes data, MutableBytes out) {
    const CleanErrors clean;
    if (data.size() != bytes_of(key))
        return failure(Errc::malformed, "RSA data is not as long as the key");
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    std::size_t size = out.size();
    if (!context || Init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) != 1)
        return failure(Errc::refused, "OpenSSL cannot use the RSA key");
    if (Run(context.get(), data_of(out), &size, data_of(data), data.size()) != 1 ||
        size != out.size())
        return failure(Errc::malformed, "RSA data is not below the modulus");
    return {};
}

/// PKCS#1, for the half that `selection` names.
Result<std::string> write_pem(EVP_PKEY* key, int selection) {
    const CleanErrors clean;
    const Encoder encoder(
        OSSL_ENCODER_CTX_new_for_pkey(key, selection, "PEM", "type-specific", nullptr));
    unsigned char* data = nullptr;
    std::size_t size = 0;
    if (!encoder || OSSL_ENCODER_to_data(encoder.get(), &data, &size) != 1)
        return failure(Errc::refused, "the RSA key cannot be written as PKCS#1");
    std::string text(reinterpret_cast<const char*>(data), size);
    OPENSSL_clear_free(data, size);
    return text;
}

/// Whether the private half undoes the public one. Tells a file of two keys mixed, or a mistyped
/// exponent, at the start instead of at the first connection.
bool is_consistent(EVP_PKEY* key) {
    std::vector<std::byte> clear(bytes_of(key), std::byte{0x5a});
    clear.front() = std::byte{0};  // below every modulus of this length
    std::vector<std::byte> secret(clear.size());
    std::vector<std::byte> back(clear.size());
    return run_raw<EVP_PKEY_encrypt_init, EVP_PKEY_encrypt>(key, clear, secret) &&
           run_raw<EVP_PKEY_decrypt_init, EVP_PKEY_decrypt>(key, secret, back) && back == clear;
}

int report_progress(EVP_PKEY_CTX* context) noexcept {
    static constexpr std::string_view stages = ".+*\n";
    const int stage = EVP_PKEY_CTX_get_keygen_info(context, 0);
    const auto* progress =
        static_cast<const std::function<void(char)>*>(EVP_PKEY_CTX_get_app_data(context));
    if (*progress && stage >= 0 && std::cmp_less(stage, stages.size()))
        (*progress)(stages[static_cast<std::size_t>(stage)]);
    return 1;
}

}  // namespace

RsaPublicKey::RsaPublicKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Result<RsaPublicKey> RsaPublicKey::from_pem(std::string_view text, std::string_view source) {
    TINC_TRY(auto key, import_pem(text, source, KeyHalf::public_key));
    return RsaPublicKey(std::make_shared<const State>(State{std::move(key)}));
}

Result<RsaPublicKey> RsaPublicKey::from_hex_modulus(std::string_view modulus,
                                                    std::string_view source) {
    TINC_TRY(auto key, import_hex(modulus, {}, source, KeyHalf::public_key));
    return RsaPublicKey(std::make_shared<const State>(State{std::move(key)}));
}

std::size_t RsaPublicKey::modulus_bytes() const { return bytes_of(state_->key.get()); }

unsigned RsaPublicKey::modulus_bits() const {
    return static_cast<unsigned>(EVP_PKEY_get_bits(state_->key.get()));
}

Result<std::vector<std::byte>> RsaPublicKey::encrypt_raw(Bytes data) const {
    std::vector<std::byte> out(modulus_bytes());
    TINC_CHECK(run_raw<EVP_PKEY_encrypt_init, EVP_PKEY_encrypt>(state_->key.get(), data, out));
    return out;
}

std::string RsaPublicKey::to_pem() const {
    auto text = write_pem(state_->key.get(), EVP_PKEY_PUBLIC_KEY);
    TINC_ASSERT(text.has_value());  // a public key that was read can be written
    return *std::move(text);
}

bool operator==(const RsaPublicKey& a, const RsaPublicKey& b) {
    const CleanErrors clean;
    return EVP_PKEY_eq(a.state_->key.get(), b.state_->key.get()) == 1;
}

RsaPrivateKey::RsaPrivateKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}

Result<RsaPrivateKey> RsaPrivateKey::from_pem(std::string_view text, std::string_view source) {
    TINC_TRY(auto key, import_pem(text, source, KeyHalf::private_key));
    if (!is_consistent(key.get()))
        return failure(Errc::malformed,
                       fmt::format("{}: the halves of the RSA key do not fit", source));
    return RsaPrivateKey(std::make_shared<const State>(State{std::move(key)}));
}

Result<RsaPrivateKey> RsaPrivateKey::from_hex(std::string_view private_exponent,
                                              std::string_view modulus, std::string_view source) {
    TINC_TRY(auto key, import_hex(modulus, private_exponent, source, KeyHalf::private_key));
    if (!is_consistent(key.get()))
        return failure(Errc::malformed,
                       fmt::format("{}: the private exponent does not fit the modulus", source));
    return RsaPrivateKey(std::make_shared<const State>(State{std::move(key)}));
}

Result<RsaPrivateKey> RsaPrivateKey::generate(unsigned bits,
                                              const std::function<void(char)>& progress) {
    if (bits < min_rsa_bits || bits > max_rsa_bits)
        return failure(Errc::refused, fmt::format("an RSA key of {} bits; {} to {} are possible",
                                                  bits, min_rsa_bits, max_rsa_bits));
    const CleanErrors clean;
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    // The default exponent of OpenSSL is the one we want: 65537.
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), static_cast<int>(bits)) != 1)
        return failure(Errc::refused, "OpenSSL cannot generate RSA keys");
    EVP_PKEY_CTX_set_app_data(context.get(), const_cast<std::function<void(char)>*>(&progress));
    EVP_PKEY_CTX_set_cb(context.get(), report_progress);
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_generate(context.get(), &key) != 1)
        return failure(Errc::system, "OpenSSL failed to generate an RSA key");
    return RsaPrivateKey(std::make_shared<const State>(State{KeyHandle(key)}));
}

std::size_t RsaPrivateKey::modulus_bytes() const { return bytes_of(state_->key.get()); }

RsaPublicKey RsaPrivateKey::public_key() const {
    const CleanErrors clean;
    const Number modulus = number_of(state_->key.get(), OSSL_PKEY_PARAM_RSA_N);
    const Number exponent = number_of(state_->key.get(), OSSL_PKEY_PARAM_RSA_E);
    KeyHandle key = import_numbers(modulus.get(), exponent.get(), nullptr);
    TINC_ASSERT(key != nullptr);  // the numbers of a key that was accepted
    return RsaPublicKey(std::make_shared<const RsaPublicKey::State>(std::move(key)));
}

Result<Secret> RsaPrivateKey::decrypt_raw(Bytes data) const {
    Secret out(modulus_bytes());
    TINC_CHECK(
        run_raw<EVP_PKEY_decrypt_init, EVP_PKEY_decrypt>(state_->key.get(), data, out.bytes()));
    return out;
}

Result<std::string> RsaPrivateKey::to_pem() const {
    return write_pem(state_->key.get(), EVP_PKEY_KEYPAIR);
}

}  // namespace tinc::crypto
