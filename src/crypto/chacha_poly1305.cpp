#include "tinc/crypto/chacha_poly1305.hpp"

#include "tinc/base/error.hpp"

#include <sodium.h>

#include <array>

namespace tinc::crypto {

namespace {

using Nonce = std::array<unsigned char, crypto_stream_chacha20_NONCEBYTES>;
using OneTimeKey = std::array<unsigned char, crypto_onetimeauth_poly1305_KEYBYTES>;

static_assert(ChaChaPoly1305::key_bytes == crypto_stream_chacha20_KEYBYTES);
static_assert(ChaChaPoly1305::tag_bytes == crypto_onetimeauth_poly1305_BYTES);

const unsigned char* data_of(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* data_of(MutableBytes bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

Nonce nonce_of(std::uint64_t sequence) {
    Nonce nonce{};
    for (std::size_t i = nonce.size(); i > 0; --i, sequence >>= 8U)
        nonce[i - 1] = static_cast<unsigned char>(sequence & 0xffU);
    return nonce;
}

/// Poly1305 keys are used once and then wiped.
class Tagger {
  public:
    Tagger(Bytes key, const Nonce& nonce) {
        crypto_stream_chacha20(key_.data(), key_.size(), nonce.data(), data_of(key));
    }
    Tagger(const Tagger&) = delete;
    Tagger& operator=(const Tagger&) = delete;
    ~Tagger() { sodium_memzero(key_.data(), key_.size()); }

    void tag(Bytes ciphertext, MutableBytes out) const {
        crypto_onetimeauth_poly1305(data_of(out), data_of(ciphertext), ciphertext.size(),
                                    key_.data());
    }
    [[nodiscard]] bool is_right(Bytes ciphertext, Bytes tag) const {
        return crypto_onetimeauth_poly1305_verify(data_of(tag), data_of(ciphertext),
                                                  ciphertext.size(), key_.data()) == 0;
    }

  private:
    OneTimeKey key_{};
};

void apply_key_stream(Bytes key, const Nonce& nonce, MutableBytes bytes) {
    constexpr std::uint64_t first_data_block = 1;
    crypto_stream_chacha20_xor_ic(data_of(bytes), data_of(Bytes(bytes)), bytes.size(), nonce.data(),
                                  first_data_block, data_of(key));
}

}  // namespace

ChaChaPoly1305::ChaChaPoly1305(Bytes key) : key_(Secret::copy_of(key.first(key_bytes))) {
    // Chooses the forms that are the fastest on this processor.
    static const int started = sodium_init();
    TINC_ASSERT(started >= 0);
}

void ChaChaPoly1305::seal(std::uint64_t sequence, MutableBytes bytes) const noexcept {
    TINC_ASSERT(bytes.size() >= tag_bytes);
    const auto text = bytes.first(bytes.size() - tag_bytes);
    const auto nonce = nonce_of(sequence);
    apply_key_stream(key_.bytes(), nonce, text);
    Tagger(key_.bytes(), nonce).tag(text, bytes.last(tag_bytes));
}

bool ChaChaPoly1305::verify(std::uint64_t sequence, Bytes bytes) const noexcept {
    if (bytes.size() < tag_bytes) return false;
    return Tagger(key_.bytes(), nonce_of(sequence))
        .is_right(bytes.first(bytes.size() - tag_bytes), bytes.last(tag_bytes));
}

bool ChaChaPoly1305::open(std::uint64_t sequence, MutableBytes bytes) const noexcept {
    if (!verify(sequence, bytes)) return false;
    apply_key_stream(key_.bytes(), nonce_of(sequence), bytes.first(bytes.size() - tag_bytes));
    return true;
}

}  // namespace tinc::crypto
