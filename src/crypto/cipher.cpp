#include "tinc/crypto/cipher.hpp"

#include "data_of.hpp"
#include "fetch.hpp"

#include "tinc/base/text.hpp"

#include <fmt/format.h>
#include <openssl/objects.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace tinc::crypto {

namespace {

using Mode = CipherSpec::Mode;

// OpenSSL counts in int. Far above any packet, far below the edge where padding would overflow.
constexpr std::size_t most_bytes_at_once = std::size_t{1} << 30U;

bool is_aead(const EVP_CIPHER* cipher) {
    return (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0;
}

Mode mode_of(const EVP_CIPHER* cipher) {
    if (is_aead(cipher)) return Mode::other;
    switch (EVP_CIPHER_get_mode(cipher)) {
        case EVP_CIPH_ECB_MODE:
            return Mode::ecb;
        case EVP_CIPH_CBC_MODE:
            return Mode::cbc;
        case EVP_CIPH_CFB_MODE:
            return Mode::cfb;
        case EVP_CIPH_OFB_MODE:
            return Mode::ofb;
        default:
            return Mode::other;
    }
}

CipherSpec spec_of(const EVP_CIPHER* cipher) {
    const int nid = EVP_CIPHER_get_nid(cipher);
    return {
        .nid = nid,
        .mode = mode_of(cipher),
        .key_bytes = static_cast<std::size_t>(EVP_CIPHER_get_key_length(cipher)),
        .iv_bytes = static_cast<std::size_t>(EVP_CIPHER_get_iv_length(cipher)),
        .block_bytes = static_cast<std::size_t>(EVP_CIPHER_get_block_size(cipher)),
        .name = OBJ_nid2ln(nid),
    };
}

/// CFB, OFB, CTR and the native stream ciphers: as many bytes out as in, at once.
bool is_byte_stream(const CipherSpec& spec) {
    const EVP_CIPHER* cipher = EVP_get_cipherbynid(spec.nid);
    if (cipher == nullptr || is_aead(cipher)) return false;
    switch (EVP_CIPHER_get_mode(cipher)) {
        case EVP_CIPH_CFB_MODE:
        case EVP_CIPH_OFB_MODE:
        case EVP_CIPH_CTR_MODE:
        case EVP_CIPH_STREAM_CIPHER:
            return true;
        default:
            return false;
    }
}

/// A context with key and IV set. The sizes are checked against OpenSSL's own idea of them,
/// because it would read that many bytes.
Result<CipherContext> make_context(const CipherSpec& spec, Bytes key, Bytes iv,
                                   Direction direction) {
    const CleanErrors clean;
    TINC_TRY(const auto cipher, fetch_cipher(spec));
    if (std::cmp_not_equal(key.size(), EVP_CIPHER_get_key_length(cipher.get())) ||
        std::cmp_not_equal(iv.size(), EVP_CIPHER_get_iv_length(cipher.get())))
        return failure(Errc::malformed, fmt::format("wrong key length for {}", spec.name));

    CipherContext context(EVP_CIPHER_CTX_new());
    const int encrypts = direction == Direction::encrypt ? 1 : 0;
    if (!context || EVP_CipherInit_ex2(context.get(), cipher.get(), data_of(key),
                                       iv.empty() ? nullptr : data_of(iv), encrypts, nullptr) != 1)
        return failure(Errc::refused, fmt::format("OpenSSL cannot initialise {}", spec.name));
    return context;
}

}  // namespace

Result<CipherSpec> cipher_by_nid(int nid) {
    if (nid == 0) return CipherSpec{};
    const CleanErrors clean;
    const EVP_CIPHER* cipher = nid > 0 ? EVP_get_cipherbynid(nid) : nullptr;
    if (cipher == nullptr || EVP_CIPHER_get_nid(cipher) != nid)
        return failure(Errc::refused, fmt::format("there is no cipher with number {}", nid));
    return spec_of(cipher);
}

Result<CipherSpec> cipher_by_name(std::string_view name) {
    if (equal_ignoring_case(name, "none")) return CipherSpec{};
    const CleanErrors clean;
    const std::string terminated(name);
    const bool is_text = terminated.find('\0') == std::string::npos && !terminated.empty();
    const EVP_CIPHER* cipher = is_text ? EVP_get_cipherbyname(terminated.c_str()) : nullptr;
    if (cipher == nullptr || EVP_CIPHER_get_nid(cipher) == NID_undef)
        return failure(Errc::refused, fmt::format("there is no cipher \"{}\"", name));
    return spec_of(cipher);
}

std::uint64_t stream_budget_bytes(const CipherSpec& spec) {
    const std::size_t length = spec.block_bytes > 1 ? spec.block_bytes
                               : spec.iv_bytes > 1  ? spec.iv_bytes
                                                    : 8;
    const std::size_t exponent = 4 * length - 1;
    if (exponent >= 64) return std::numeric_limits<std::uint64_t>::max();
    return std::uint64_t{1} << exponent;
}

struct StreamCipher::State {
    CipherContext context;
    std::uint64_t left_bytes;
};

Result<StreamCipher> StreamCipher::create(const CipherSpec& spec, Bytes key, Bytes iv,
                                          Direction direction) {
    return create(spec, key, iv, direction, stream_budget_bytes(spec));
}

Result<StreamCipher> StreamCipher::create(const CipherSpec& spec, Bytes key, Bytes iv,
                                          Direction direction, std::uint64_t budget_bytes) {
    if (spec.is_none() || !is_byte_stream(spec))
        return failure(Errc::refused, fmt::format("{} is not a stream cipher", spec.name));
    TINC_TRY(auto context, make_context(spec, key, iv, direction));
    return StreamCipher(std::make_unique<State>(State{std::move(context), budget_bytes}));
}

StreamCipher::StreamCipher(std::unique_ptr<State> state) : state_(std::move(state)) {}
StreamCipher::StreamCipher(StreamCipher&&) noexcept = default;
StreamCipher& StreamCipher::operator=(StreamCipher&&) noexcept = default;
StreamCipher::~StreamCipher() = default;

Result<void> StreamCipher::apply(MutableBytes bytes) {
    if (bytes.size() > state_->left_bytes)
        return failure(Errc::exhausted, "the stream key has been used for as long as it may be");
    state_->left_bytes -= bytes.size();

    while (!bytes.empty()) {
        const auto chunk = bytes.first(std::min(bytes.size(), most_bytes_at_once));
        int written = 0;
        if (EVP_CipherUpdate(state_->context.get(), data_of(chunk), &written, data_of(chunk),
                             static_cast<int>(chunk.size())) != 1 ||
            std::cmp_not_equal(written, chunk.size())) {
            const CleanErrors clean;
            return failure(Errc::refused, "OpenSSL failed in a stream cipher");
        }
        bytes = bytes.subspan(chunk.size());
    }
    return {};
}

struct PacketCipher::State {
    CipherContext context;  ///< empty for none
    Direction direction;
    std::size_t block_bytes;
    Secret iv;
};

Result<PacketCipher> PacketCipher::create(const CipherSpec& spec, Bytes material,
                                          Direction direction) {
    if (spec.mode == Mode::other)
        return failure(Errc::refused,
                       fmt::format("{} cannot encrypt packets: tinc 1.0 can only use ECB, CBC, "
                                   "CFB and OFB ciphers, or none",
                                   spec.name));
    if (material.size() != spec.key_material_bytes())
        return failure(Errc::malformed, fmt::format("wrong key length for {}", spec.name));
    if (spec.is_none())
        return PacketCipher(std::make_unique<State>(State{{}, direction, 1, Secret{}}));

    const Bytes iv = material.subspan(spec.key_bytes);
    TINC_TRY(auto context, make_context(spec, material.first(spec.key_bytes), iv, direction));
    return PacketCipher(std::make_unique<State>(
        State{std::move(context), direction, spec.block_bytes, Secret::copy_of(iv)}));
}

PacketCipher::PacketCipher(std::unique_ptr<State> state) : state_(std::move(state)) {}
PacketCipher::PacketCipher(PacketCipher&&) noexcept = default;
PacketCipher& PacketCipher::operator=(PacketCipher&&) noexcept = default;
PacketCipher::~PacketCipher() = default;

std::size_t PacketCipher::output_bound(std::size_t size) const {
    const bool pads = state_->direction == Direction::encrypt && state_->block_bytes > 1;
    return pads ? (size / state_->block_bytes + 1) * state_->block_bytes : size;
}

std::optional<std::size_t> PacketCipher::apply(Bytes in, MutableBytes out) noexcept {
    if (in.size() > most_bytes_at_once || out.size() < output_bound(in.size())) return std::nullopt;
    EVP_CIPHER_CTX* context = state_->context.get();
    if (context == nullptr) {
        if (!in.empty()) std::memmove(out.data(), in.data(), in.size());
        return in.size();
    }

    // Neither cipher nor key: only the position goes back to the IV, which costs next to nothing.
    const Bytes iv = std::as_const(state_->iv).bytes();
    int written = 0;
    int rest = 0;
    const bool done =
        EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, iv.empty() ? nullptr : data_of(iv),
                          -1) == 1 &&
        EVP_CipherUpdate(context, data_of(out), &written, data_of(in),
                         static_cast<int>(in.size())) == 1 &&
        EVP_CipherFinal_ex(context, data_of(out.subspan(static_cast<std::size_t>(written))),
                           &rest) == 1;
    if (!done) {
        ERR_clear_error();
        return std::nullopt;
    }
    return static_cast<std::size_t>(written) + static_cast<std::size_t>(rest);
}

}  // namespace tinc::crypto
