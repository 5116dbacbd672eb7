#include "tinc/crypto/digest.hpp"

#include "data_of.hpp"
#include "fetch.hpp"

#include "tinc/base/text.hpp"
#include "tinc/crypto/secret.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>

#include <array>
#include <cstring>
#include <utility>

namespace tinc::crypto {

namespace {

DigestSpec spec_of(const EVP_MD* digest) {
    const int nid = EVP_MD_get_type(digest);
    return {
        .nid = nid,
        .bytes = static_cast<std::size_t>(EVP_MD_get_size(digest)),
        .name = OBJ_nid2ln(nid),
    };
}

bool is_usable(const EVP_MD* digest) {
    return digest != nullptr && EVP_MD_get_type(digest) != NID_undef &&
           EVP_MD_get_size(digest) > 0 && EVP_MD_get_size(digest) <= EVP_MAX_MD_SIZE;
}

}  // namespace

Result<DigestSpec> digest_by_nid(int nid) {
    if (nid == 0) return DigestSpec{};
    const CleanErrors clean;
    const EVP_MD* digest = nid > 0 ? EVP_get_digestbynid(nid) : nullptr;
    // A signature algorithm is found by its digest, under another number.
    if (!is_usable(digest) || EVP_MD_get_type(digest) != nid)
        return failure(Errc::refused, fmt::format("there is no digest with number {}", nid));
    return spec_of(digest);
}

Result<DigestSpec> digest_by_name(std::string_view name) {
    if (equal_ignoring_case(name, "none")) return DigestSpec{};
    const CleanErrors clean;
    const std::string terminated(name);
    const bool is_text = terminated.find('\0') == std::string::npos && !terminated.empty();
    const EVP_MD* digest = is_text ? EVP_get_digestbyname(terminated.c_str()) : nullptr;
    if (!is_usable(digest))
        return failure(Errc::refused, fmt::format("there is no digest \"{}\"", name));
    return spec_of(digest);
}

Result<std::vector<std::byte>> hash(const DigestSpec& spec, Bytes data) {
    if (spec.is_none()) return failure(Errc::refused, "no digest");
    const CleanErrors clean;
    TINC_TRY(const auto digest, fetch_digest(spec));
    std::vector<std::byte> out(EVP_MAX_MD_SIZE);
    unsigned size = 0;
    if (EVP_Digest(data.data(), data.size(), data_of(MutableBytes(out)), &size, digest.get(),
                   nullptr) != 1)
        return failure(Errc::refused, fmt::format("OpenSSL cannot compute {}", spec.name));
    out.resize(size);
    return out;
}

struct Hmac::State {
    MacContext context;
    std::size_t bytes;
};

Result<Hmac> Hmac::create(const DigestSpec& spec, Bytes key) {
    if (spec.is_none()) return failure(Errc::refused, "no digest");
    const CleanErrors clean;
    TINC_TRY(const auto digest, fetch_digest(spec));
    TINC_TRY(auto context, fetch_hmac(spec));

    std::string name = EVP_MD_get0_name(digest.get());
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name.data(), name.size()),
        OSSL_PARAM_construct_end()};
    // Without a key OpenSSL would leave the context as it is instead of using an empty key.
    static constexpr unsigned char no_key = 0;
    if (EVP_MAC_init(context.get(), key.empty() ? &no_key : data_of(key), key.size(),
                     parameters.data()) != 1)
        return failure(Errc::refused, fmt::format("OpenSSL cannot make an HMAC of {}", spec.name));
    return Hmac(std::make_unique<State>(State{std::move(context), spec.bytes}));
}

Hmac::Hmac(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hmac::Hmac(Hmac&&) noexcept = default;
Hmac& Hmac::operator=(Hmac&&) noexcept = default;
Hmac::~Hmac() = default;

void Hmac::sign(Bytes data, MutableBytes out) noexcept {
    TINC_ASSERT(out.size() <= state_->bytes);
    std::array<unsigned char, EVP_MAX_MD_SIZE> full;
    std::size_t size = 0;
    EVP_MAC_CTX* context = state_->context.get();
    // With the key as it is; what fails here is memory, never something about the data.
    const bool done = EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&
                      EVP_MAC_update(context, data_of(data), data.size()) == 1 &&
                      EVP_MAC_final(context, full.data(), &size, full.size()) == 1;
    TINC_ASSERT(done && size == state_->bytes);
    if (!out.empty()) std::memcpy(out.data(), full.data(), out.size());
}

bool Hmac::verify(Bytes data, Bytes mac) noexcept {
    if (mac.size() > state_->bytes) return false;
    std::array<std::byte, EVP_MAX_MD_SIZE> expected;
    const auto part = std::span(expected).first(mac.size());
    sign(data, part);
    return equal_in_constant_time(part, mac);
}

}  // namespace tinc::crypto
