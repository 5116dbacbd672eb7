#include "tinc/sptps/handshake.hpp"

#include "tinc/crypto/key_expansion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace tinc::sptps {

namespace {

constexpr std::byte kex_version{0};
constexpr std::size_t nonce_bytes = 32;
constexpr std::size_t direction_key_bytes = 64;

Role other(Role role) { return role == Role::initiator ? Role::responder : Role::initiator; }

void append(std::vector<std::byte>& out, Bytes bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

Bytes nonce_of(Bytes kex) { return kex.subspan(1, nonce_bytes); }

crypto::Ed25519PublicKey point_of(Bytes kex) {
    return crypto::Ed25519PublicKey(kex.last<crypto::Ed25519PublicKey::size_bytes>());
}

/// Both labels of 1.1 end in a NUL byte, which counts.
std::string label(std::string_view kind, std::string_view initiator, std::string_view responder) {
    auto text = fmt::format("tinc {} key expansion {} {}", kind, initiator, responder);
    text += '\0';
    return text;
}

}  // namespace

std::string meta_label(std::string_view initiator, std::string_view responder) {
    return label("TCP", initiator, responder);
}

std::string node_label(std::string_view initiator, std::string_view responder) {
    return label("UDP", initiator, responder);
}

std::vector<Handshake::Step> Handshake::start() {
    std::vector<Step> steps;
    if (state_ == State::idle) send_kex(steps);
    return steps;
}

void Handshake::send_kex(std::vector<Step>& steps) {
    own_kex_.assign(1 + nonce_bytes, kex_version);
    random_->fill(MutableBytes(own_kex_).subspan(1));
    ephemeral_.emplace(*random_);
    append(own_kex_, ephemeral_->public_key().bytes());
    state_ = State::awaiting_kex;
    steps.emplace_back(Send{own_kex_});
}

Result<std::vector<Handshake::Step>> Handshake::receive(Bytes message) {
    switch (state_) {
        case State::idle:
        case State::awaiting_kex:
            return on_kex(message);
        case State::awaiting_sig:
            return on_sig(message);
        case State::awaiting_ack:
            return on_ack(message);
    }
    return failure(Errc::refused, "No handshake is under way");
}

Result<std::vector<Handshake::Step>> Handshake::on_kex(Bytes message) {
    if (message.size() != kex_bytes) return failure(Errc::malformed, "Invalid KEX record length");
    if (message.front() != kex_version)
        return failure(Errc::refused, fmt::format("Received incorrect version {}",
                                                  std::to_integer<int>(message.front())));
    // Somebody who hands us our own words back wants us to sign them.
    if (state_ == State::awaiting_kex && std::ranges::equal(message, own_kex_))
        return failure(Errc::forged, "Received our own KEX record");
    std::vector<Step> steps;
    if (state_ == State::idle) send_kex(steps);
    peer_kex_.assign(message.begin(), message.end());
    state_ = State::awaiting_sig;
    if (parties_.role == Role::initiator) steps.emplace_back(own_signature());
    return steps;
}

Result<std::vector<Handshake::Step>> Handshake::on_sig(Bytes message) {
    if (message.size() != sig_bytes) return failure(Errc::malformed, "Invalid SIG record length");
    if (!parties_.peer_key.verify(signed_text(other(parties_.role)), message))
        return failure(Errc::forged, "Failed to verify SIG record");
    TINC_TRY(const auto material, key_material());
    const bool is_initiator = parties_.role == Role::initiator;
    const Bytes to_initiator = material.bytes().first(direction_key_bytes);
    const Bytes to_responder = material.bytes().subspan(direction_key_bytes);
    auto sending = crypto::Secret::copy_of(is_initiator ? to_responder : to_initiator);
    auto receiving = crypto::Secret::copy_of(is_initiator ? to_initiator : to_responder);

    std::vector<Step> steps;
    if (!is_initiator) steps.emplace_back(own_signature());
    const bool is_first = !std::exchange(has_keys_, true);
    if (!is_first) steps.emplace_back(Send{});  // ACK
    steps.emplace_back(SendWith{std::move(sending)});
    steps.emplace_back(ExpectKey{std::move(receiving)});
    if (is_first) {
        steps.emplace_back(ReceiveWithIt{});
        steps.emplace_back(Complete{});
    }
    state_ = is_first ? State::idle : State::awaiting_ack;
    ephemeral_.reset();
    return steps;
}

Result<std::vector<Handshake::Step>> Handshake::on_ack(Bytes message) {
    if (!message.empty()) return failure(Errc::malformed, "Invalid ACK record length");
    state_ = State::idle;
    std::vector<Step> steps;
    steps.emplace_back(ReceiveWithIt{});
    steps.emplace_back(Complete{});
    return steps;
}

Handshake::Send Handshake::own_signature() const {
    const auto signature = parties_.own_key->sign(signed_text(parties_.role));
    return {{signature.begin(), signature.end()}};
}

/// What `signer` puts its name to: who it is, its own KEX, the other one's, and the label.
std::vector<std::byte> Handshake::signed_text(Role signer) const {
    const bool is_own = signer == parties_.role;
    std::vector<std::byte> text{signer == Role::initiator ? std::byte{1} : std::byte{0}};
    append(text, is_own ? own_kex_ : peer_kex_);
    append(text, is_own ? peer_kex_ : own_kex_);
    append(text, as_bytes(parties_.label));
    return text;
}

Result<crypto::Secret> Handshake::key_material() const {
    TINC_TRY(const auto shared, ephemeral_->shared_with(point_of(peer_kex_)));
    const bool is_initiator = parties_.role == Role::initiator;
    std::vector<std::byte> seed;
    append(seed, as_bytes("key expansion"));
    append(seed, nonce_of(is_initiator ? own_kex_ : peer_kex_));
    append(seed, nonce_of(is_initiator ? peer_kex_ : own_kex_));
    append(seed, as_bytes(parties_.label));
    return crypto::expand_key(shared.bytes(), seed, 2 * direction_key_bytes);
}

}  // namespace tinc::sptps
