#include "tinc/legacy/handshake.hpp"

#include <fmt/format.h>

#include <utility>

namespace tinc::legacy {

namespace {

using wire::Request;

// Numbers of algorithms as they are on the wire. Source: legacy protocol 1.
constexpr int aes_128_cfb = 421;
constexpr int aes_192_cfb = 425;
constexpr int aes_256_cfb = 429;
constexpr int sha256 = 672;

/// What both directions of a stream cut out of the random string of a METAKEY: the key is its end,
/// the IV the bytes before. Nothing if the string is too short for the cipher.
struct StreamKey {
    Bytes key;
    Bytes iv;
};
std::optional<StreamKey> stream_key(Bytes random_string, const crypto::CipherSpec& cipher) {
    const std::size_t needed = cipher.key_bytes + cipher.iv_bytes;
    if (random_string.size() < needed) return std::nullopt;
    const Bytes end = random_string.last(needed);
    return StreamKey{.key = end.last(cipher.key_bytes), .iv = end.first(cipher.iv_bytes)};
}

/// Random bytes that are, read as a number, below every modulus of that many bits: one bit fewer.
crypto::Secret random_below(const crypto::RsaPublicKey& key, RandomSource& random) {
    crypto::Secret secret(key.modulus_bytes());
    random.fill(secret.bytes());
    const unsigned free_bits = (key.modulus_bits() - 1) % 8;  // of the first byte
    secret.bytes().front() &= static_cast<std::byte>((1U << free_bits) - 1U);
    return secret;
}

/// What we announce, whatever the Digest option says. Source: legacy protocol 2.2.
crypto::DigestSpec own_digest() {
    auto digest = crypto::digest_by_nid(sha256);
    TINC_ASSERT(digest.has_value());
    return *std::move(digest);
}

}  // namespace

crypto::CipherSpec meta_cipher_for(const crypto::CipherSpec& packet_cipher) {
    const int nid = packet_cipher.key_bytes <= 16   ? aes_128_cfb
                    : packet_cipher.key_bytes <= 24 ? aes_192_cfb
                                                    : aes_256_cfb;
    auto cipher = crypto::cipher_by_nid(nid);
    TINC_ASSERT(cipher.has_value());
    return *std::move(cipher);
}

Handshake::Handshake(Role role, crypto::RsaPrivateKey own_key, crypto::RsaPublicKey peer_key,
                     crypto::CipherSpec meta_cipher, RandomSource& random, std::string label)
    : role_(role),
      own_key_(std::move(own_key)),
      peer_key_(std::move(peer_key)),
      meta_cipher_(std::move(meta_cipher)),
      random_(random),
      label_(std::move(label)) {}

Result<std::string> Handshake::metakey_line() {
    if (state_ != State::awaiting_metakey || encryptor_)
        return failure(Errc::refused, fmt::format("METAKEY was already sent to {}", label_));
    const auto secret = random_below(peer_key_, random_);
    const auto key = stream_key(secret.bytes(), meta_cipher_);
    if (!key)
        return failure(Errc::refused, fmt::format("the RSA key of {} is too short for {}", label_,
                                                  meta_cipher_.name));
    TINC_TRY(auto encrypted, peer_key_.encrypt_raw(secret.bytes()));
    TINC_TRY(encryptor_, crypto::StreamCipher::create(meta_cipher_, key->key, key->iv,
                                                      crypto::Direction::encrypt));
    std::string line;
    append(line, wire::Metakey{.cipher = meta_cipher_.nid,
                               .digest = own_digest().nid,
                               .mac_length = 0,
                               .compression = 0,
                               .key = std::move(encrypted)});
    return line;
}

Result<std::vector<std::string>> Handshake::receive(Request request, std::string_view line) {
    auto answer = answer_to(request, line);
    if (!answer) state_ = State::failed;
    return answer;
}

Result<std::vector<std::string>> Handshake::answer_to(Request request, std::string_view line) {
    if (state_ == State::awaiting_metakey && request == Request::metakey) return on_metakey(line);
    if (state_ == State::awaiting_challenge && request == Request::challenge)
        return on_challenge(line);
    if (state_ == State::awaiting_chal_reply && request == Request::chal_reply)
        return on_chal_reply(line);
    return failure(Errc::refused, fmt::format("Unauthorized request from {}", label_));
}

Result<std::vector<std::string>> Handshake::on_metakey(std::string_view line) {
    if (!encryptor_)
        return failure(Errc::refused, fmt::format("METAKEY from {} before our own", label_));
    const auto metakey = wire::parse_metakey(line);
    if (!metakey)
        return failure(Errc::malformed,
                       fmt::format("Got bad METAKEY from {}: {}", label_, metakey.error().what));
    TINC_CHECK(take_stream_key(*metakey));
    state_ = State::awaiting_challenge;
    return std::vector{challenge_line()};
}

Result<void> Handshake::take_stream_key(const wire::Metakey& metakey) {
    if (metakey.key.size() != own_key_.modulus_bytes())
        return failure(Errc::forged, fmt::format("Possible intruder {}: wrong keylength", label_));
    const auto refuse = [&](std::string_view what) {
        return failure(Errc::refused, fmt::format("{} uses {}!", label_, what));
    };
    if (metakey.cipher == 0) return refuse("null cipher");
    const auto cipher = crypto::cipher_by_nid(metakey.cipher);
    if (!cipher) return refuse("unknown cipher");
    if (metakey.digest == 0) return refuse("null digest");
    const auto digest = crypto::digest_by_nid(metakey.digest);
    if (!digest) return refuse("unknown digest");
    if (metakey.mac_length < 0 || std::cmp_greater(metakey.mac_length, digest->bytes))
        return refuse("bogus MAC length");

    const auto secret = own_key_.decrypt_raw(metakey.key);
    if (!secret)
        return failure(Errc::forged, fmt::format("Error during decryption of meta key for {}: {}",
                                                 label_, secret.error().what));
    const auto key = stream_key(secret->bytes(), *cipher);
    if (!key) return refuse(fmt::format("{}, which is too long for our RSA key", cipher->name));
    auto stream =
        crypto::StreamCipher::create(*cipher, key->key, key->iv, crypto::Direction::decrypt);
    if (!stream)
        return failure(Errc::refused, fmt::format("Error during initialisation of cipher from {}: "
                                                  "{}",
                                                  label_, stream.error().what));
    decryptor_ = *std::move(stream);
    peer_cipher_ = *cipher;
    peer_digest_ = *digest;
    return {};
}

std::string Handshake::challenge_line() {
    own_challenge_.resize(peer_key_.modulus_bytes());
    random_.fill(own_challenge_);
    std::string line;
    append(line, wire::Challenge{own_challenge_});
    return line;
}

Result<std::vector<std::string>> Handshake::on_challenge(std::string_view line) {
    const auto challenge = wire::parse_challenge(line);
    if (!challenge)
        return failure(Errc::malformed, fmt::format("Got bad CHALLENGE from {}: {}", label_,
                                                    challenge.error().what));
    if (challenge->bytes.size() != own_key_.modulus_bytes())
        return failure(Errc::forged,
                       fmt::format("Possible intruder {}: wrong challenge length", label_));
    TINC_TRY(owed_reply_hash_, crypto::hash(peer_digest_, challenge->bytes));
    state_ = State::awaiting_chal_reply;
    if (role_ == Role::responder) return std::vector<std::string>{};
    return std::vector{chal_reply_line()};
}

Result<std::vector<std::string>> Handshake::on_chal_reply(std::string_view line) {
    const auto reply = wire::parse_chal_reply(line);
    if (!reply)
        return failure(Errc::malformed,
                       fmt::format("Got bad CHAL_REPLY from {}: {}", label_, reply.error().what));
    TINC_TRY(const auto expected, crypto::hash(own_digest(), own_challenge_));
    if (reply->hash.size() != expected.size())
        return failure(Errc::forged,
                       fmt::format("Possible intruder {}: wrong challenge reply length", label_));
    if (!crypto::equal_in_constant_time(reply->hash, expected))
        return failure(Errc::forged,
                       fmt::format("Possible intruder {}: wrong challenge reply", label_));
    state_ = State::authenticated;
    if (role_ == Role::initiator) return std::vector<std::string>{};
    return std::vector{chal_reply_line()};
}

std::string Handshake::chal_reply_line() const {
    std::string line;
    append(line, wire::ChalReply{owed_reply_hash_});
    return line;
}

Result<void> Handshake::encrypt(MutableBytes bytes) { return run(encryptor_, bytes, "encrypting"); }

Result<void> Handshake::decrypt(MutableBytes bytes) { return run(decryptor_, bytes, "decrypting"); }

Result<void> Handshake::run(std::optional<crypto::StreamCipher>& cipher, MutableBytes bytes,
                            std::string_view doing) {
    const auto fail = [&](Errc code, std::string_view why) {
        state_ = State::failed;
        return failure(code, fmt::format("Error while {} metadata of {}: {}", doing, label_, why));
    };
    if (state_ == State::failed) return fail(Errc::refused, "authentication has failed");
    if (!cipher) return {};
    if (auto done = cipher->apply(bytes); !done) return fail(done.error().code, done.error().what);
    return {};
}

}  // namespace tinc::legacy
