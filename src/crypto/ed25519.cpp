#include "tinc/crypto/ed25519.hpp"

#include "data_of.hpp"

#include "tinc/base/base64.hpp"
#include "tinc/base/text.hpp"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <span>
#include <utility>

namespace tinc::crypto {

namespace {

constexpr std::size_t seed_bytes = 32;
constexpr std::size_t scalar_bytes = 32;
constexpr std::string_view private_label = "ED25519 PRIVATE KEY";
constexpr std::string_view public_label = "ED25519 PUBLIC KEY";
/// A line of a block: as many bytes as make 64 characters.
constexpr std::size_t line_bytes = 48;

using Scalar = std::array<unsigned char, crypto_core_ed25519_SCALARBYTES>;
using Wide = std::array<unsigned char, crypto_core_ed25519_NONREDUCEDSCALARBYTES>;

/// What goes away wiped.
template <class T>
class Wiped {
  public:
    Wiped() = default;
    Wiped(const Wiped&) = delete;
    Wiped& operator=(const Wiped&) = delete;
    ~Wiped() { sodium_memzero(&value, sizeof value); }
    T value{};
};

/// Hashes the parts behind each other and reduces the result modulo the order of the base point.
void hash_to_scalar(Scalar& out, std::initializer_list<Bytes> parts) {
    Wiped<Wide> wide;
    Wiped<crypto_hash_sha512_state> state;
    crypto_hash_sha512_init(&state.value);
    for (const auto part : parts)
        crypto_hash_sha512_update(&state.value, data_of(part), part.size());
    crypto_hash_sha512_final(&state.value, wide.value.data());
    crypto_core_ed25519_scalar_reduce(out.data(), wide.value.data());
}

/// The scalar modulo the order: a clamped one may be larger.
void reduce(Scalar& out, Bytes scalar) {
    Wiped<Wide> wide;
    std::ranges::copy(std::span(data_of(scalar), scalar_bytes), wide.value.begin());
    crypto_core_ed25519_scalar_reduce(out.data(), wide.value.data());
}

/// SHA-512 of a fresh seed, clamped; the seed is forgotten.
Secret fresh_expanded_key(RandomSource& random) {
    Secret seed(seed_bytes);
    random.fill(seed.bytes());
    Secret expanded(Ed25519PrivateKey::expanded_bytes);
    auto* out = data_of(expanded.bytes());
    crypto_hash_sha512(out, data_of(Bytes(seed.bytes())), seed.size());
    out[0] &= 248U;
    out[31] &= 63U;
    out[31] |= 64U;
    return expanded;
}

Ed25519PublicKey public_half(Bytes scalar) {
    std::array<std::byte, Ed25519PublicKey::size_bytes> point{};
    // A clamped scalar is never a multiple of the order, so this cannot fail.
    const int done =
        crypto_scalarmult_ed25519_base_noclamp(data_of(MutableBytes(point)), data_of(scalar));
    TINC_ASSERT(done == 0);
    return Ed25519PublicKey(point);
}

std::string block(std::string_view label, Bytes bytes) {
    std::string text = fmt::format("-----BEGIN {}-----\n", label);
    while (!bytes.empty()) {
        const auto line = bytes.first(std::min(line_bytes, bytes.size()));
        bytes = bytes.subspan(line.size());
        auto encoded = base64_text(line);
        text += encoded;
        text += '\n';
        wipe(encoded);
    }
    text += fmt::format("-----END {}-----\n", label);
    return text;
}

/// Takes a line off the front of a text.
std::string_view take_line(std::string_view& text) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return trim(line, "\r");
}

/// The bytes of the first block with a label, or nothing. Each line is encoded by itself.
Result<std::optional<Secret>> find_block(std::string_view text, std::string_view label,
                                         std::size_t size_bytes, std::string_view source) {
    const auto fail = [&](std::string_view what) {
        return failure(Errc::malformed, fmt::format("{}: {}", source, what));
    };
    const auto opening = fmt::format("-----BEGIN {}", label);
    bool is_found = false;
    while (!text.empty() && !is_found) is_found = take_line(text).starts_with(opening);
    if (!is_found) return std::nullopt;
    Secret secret(size_bytes);
    std::size_t filled = 0;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (line.starts_with("-----END ")) break;
        auto bytes = parse_base64(line);
        if (!bytes || bytes->empty()) return fail("Invalid base64 data in PEM file");
        const bool fits = bytes->size() <= size_bytes - filled;
        if (fits) std::ranges::copy(*bytes, secret.bytes().begin() + std::ptrdiff_t(filled));
        filled += bytes->size();
        wipe(*bytes);
        if (!fits) return fail("Too much base64 data in PEM file");
    }
    if (filled < size_bytes) return fail("Too little base64 data in PEM file");
    return secret;
}

}  // namespace

Ed25519PublicKey::Ed25519PublicKey(std::span<const std::byte, size_bytes> bytes) {
    std::ranges::copy(bytes, bytes_.begin());
}

Result<Ed25519PublicKey> Ed25519PublicKey::parse(std::string_view text) {
    if (text.size() != text_length)
        return failure(Errc::malformed,
                       fmt::format("Invalid size {} for public key!", text.size()));
    const auto bytes = parse_base64(text);
    if (!bytes) return failure(Errc::malformed, "Invalid base64 data in public key!");
    return Ed25519PublicKey(std::span(*bytes).first<size_bytes>());
}

std::string Ed25519PublicKey::text() const { return base64_text(bytes_); }

bool Ed25519PublicKey::verify(Bytes message, Bytes signature) const {
    return signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(data_of(signature), data_of(message), message.size(),
                                       data_of(bytes())) == 0;
}

Ed25519PrivateKey Ed25519PrivateKey::generate(RandomSource& random) {
    auto expanded = fresh_expanded_key(random);
    const auto public_key = public_half(expanded.bytes());
    return {std::move(expanded), public_key};
}

Result<Ed25519PrivateKey> Ed25519PrivateKey::from_bytes(Bytes bytes) {
    if (bytes.size() != expanded_bytes + Ed25519PublicKey::size_bytes)
        return failure(Errc::malformed, "An Ed25519 private key has 96 bytes");
    return Ed25519PrivateKey(Secret::copy_of(bytes.first(expanded_bytes)),
                             Ed25519PublicKey(bytes.last<Ed25519PublicKey::size_bytes>()));
}

bool Ed25519PrivateKey::is_consistent() const {
    // Scalars of another form sign nothing that anybody would accept.
    const auto scalar = expanded_.bytes().first(scalar_bytes);
    const bool is_clamped = (scalar.front() & std::byte{7}) == std::byte{0} &&
                            (scalar.back() & std::byte{0xc0}) == std::byte{0x40};
    if (!is_clamped) return false;
    std::array<std::byte, Ed25519PublicKey::size_bytes> point{};
    return crypto_scalarmult_ed25519_base_noclamp(data_of(MutableBytes(point)),
                                                  data_of(expanded_.bytes())) == 0 &&
           Ed25519PublicKey(point) == public_key_;
}

Ed25519Signature Ed25519PrivateKey::sign(Bytes message) const {
    const auto prefix = expanded_.bytes().subspan(scalar_bytes);
    Ed25519Signature signature{};
    const auto point = MutableBytes(signature).first(32);
    Wiped<Scalar> nonce;
    Wiped<Scalar> scalar;
    Wiped<Scalar> product;
    Scalar challenge{};
    hash_to_scalar(nonce.value, {prefix, message});
    const int done = crypto_scalarmult_ed25519_base_noclamp(data_of(point), nonce.value.data());
    TINC_ASSERT(done == 0);  // it fails for a hash of zero, which nobody will ever see
    hash_to_scalar(challenge, {point, public_key_.bytes(), message});
    reduce(scalar.value, expanded_.bytes());
    crypto_core_ed25519_scalar_mul(product.value.data(), challenge.data(), scalar.value.data());
    crypto_core_ed25519_scalar_add(data_of(MutableBytes(signature).subspan(32)), nonce.value.data(),
                                   product.value.data());
    return signature;
}

std::string private_key_block(const Ed25519PrivateKey& key) {
    Secret both(Ed25519PrivateKey::expanded_bytes + Ed25519PublicKey::size_bytes);
    const auto expanded = key.expanded();
    const auto rest = std::ranges::copy(expanded.bytes(), both.bytes().begin()).out;
    std::ranges::copy(key.public_key().bytes(), rest);
    return block(private_label, both.bytes());
}

std::string public_key_block(const Ed25519PublicKey& key) {
    return block(public_label, key.bytes());
}

Result<std::optional<Ed25519PrivateKey>> find_private_key(std::string_view text,
                                                          std::string_view source) {
    TINC_TRY(const auto bytes,
             find_block(text, private_label,
                        Ed25519PrivateKey::expanded_bytes + Ed25519PublicKey::size_bytes, source));
    if (!bytes) return std::nullopt;
    TINC_TRY(auto key, Ed25519PrivateKey::from_bytes(bytes->bytes()));
    return std::optional(std::move(key));
}

Result<std::optional<Ed25519PublicKey>> find_public_key(std::string_view text,
                                                        std::string_view source) {
    TINC_TRY(const auto bytes,
             find_block(text, public_label, Ed25519PublicKey::size_bytes, source));
    if (!bytes) return std::nullopt;
    return std::optional(Ed25519PublicKey(Bytes(bytes->bytes()).first<32>()));
}

EphemeralKey::EphemeralKey(RandomSource& random) : scalar_(scalar_bytes) {
    const auto expanded = fresh_expanded_key(random);
    std::ranges::copy(expanded.bytes().first(scalar_bytes), scalar_.bytes().begin());
    public_key_ = public_half(scalar_.bytes());
}

Result<Secret> EphemeralKey::shared_with(const Ed25519PublicKey& peer) const {
    const auto refused = [] { return failure(Errc::forged, "The peer's ECDH key is not usable"); };
    std::array<std::byte, crypto_scalarmult_curve25519_BYTES> u{};
    if (crypto_sign_ed25519_pk_to_curve25519(data_of(MutableBytes(u)), data_of(peer.bytes())) != 0)
        return refused();
    Secret shared(crypto_scalarmult_curve25519_BYTES);
    if (crypto_scalarmult_curve25519(data_of(shared.bytes()), data_of(scalar_.bytes()),
                                     data_of(Bytes(u))) != 0)
        return refused();
    return shared;
}

}  // namespace tinc::crypto
