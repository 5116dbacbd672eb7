#include "tinc/legacy/datagram.hpp"

#include "tinc/base/bytes.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tinc::legacy {

namespace {

constexpr std::size_t sequence_bytes = 4;

/// Packets of a batch that are worked on, and their places in it.
struct Texts {
    void add(packet::Packet& packet, std::size_t place) {
        TINC_ASSERT(count < all.size());
        all[count] = {.space = packet.space(), .size = packet.size()};
        places[count++] = place;
    }
    [[nodiscard]] std::span<crypto::PacketText> added() { return std::span(all).first(count); }

    std::array<crypto::PacketText, limits::batch_packets> all;
    std::array<std::size_t, limits::batch_packets> places;
    std::size_t count = 0;
};

}  // namespace

PacketKey make_packet_key(const PacketSuite& suite, RandomSource& random) {
    PacketKey key{suite, crypto::Secret(suite.cipher.key_material_bytes())};
    random.fill(key.material.bytes());
    return key;
}

// In the order of 1.0.36, so that a key with two faults is reported by the same one.
Result<PacketKey> parse_packet_key(const wire::AnsKey& message, std::string_view label) {
    if (label.empty()) label = message.from;
    const auto refuse = [&](Errc code, std::string_view what) {
        return failure(code, fmt::format("Node {} uses {}!", label, what));
    };
    auto bytes = parse_hex(message.key);
    if (!bytes)
        return failure(Errc::malformed, fmt::format("Got bad ANS_KEY from {}: invalid key", label));
    PacketKey key{{}, crypto::Secret::copy_of(*bytes)};
    crypto::wipe(*bytes);

    auto cipher = crypto::cipher_by_nid(message.cipher);
    if (!cipher) return refuse(Errc::refused, "unknown cipher");
    if (key.material.size() != cipher->key_material_bytes())
        return refuse(Errc::malformed, "wrong keylength");
    auto digest = crypto::digest_by_nid(message.digest);
    if (!digest) return refuse(Errc::refused, "unknown digest");
    // Without a digest the length means nothing, and 1.0.36 sends whatever was configured.
    if (!digest->is_none() &&
        (message.mac_length < 0 || std::cmp_greater(message.mac_length, digest->bytes)))
        return refuse(Errc::malformed, "bogus MAC length");
    if (message.compression < 0 || message.compression > packet::Compression::highest_level)
        return refuse(Errc::refused, "bogus compression level");

    key.suite = {.cipher = *std::move(cipher),
                 .digest = *std::move(digest),
                 .mac_bytes = static_cast<std::size_t>(std::max(message.mac_length, 0)),
                 .compression = message.compression};
    return key;
}

wire::AnsKey ans_key(std::string from, std::string to, const PacketKey& key) {
    return {.from = std::move(from),
            .to = std::move(to),
            .key = hex_text(key.material.bytes()),
            .cipher = key.suite.cipher.nid,
            .digest = key.suite.digest.nid,
            .mac_length = static_cast<int>(key.suite.mac_bytes),
            .compression = key.suite.compression,
            .address = std::nullopt};
}

Result<Sealer> Sealer::create(const PacketKey& key, std::uint32_t sequence) {
    const auto& suite = key.suite;
    TINC_CHECK(packet::Compression::check(suite.compression));
    TINC_TRY(auto sealer, crypto::PacketSealer::create(suite.cipher, suite.digest, suite.mac_bytes,
                                                       key.material.bytes()));
    return Sealer(suite, std::move(sealer), sequence);
}

bool Sealer::seal(packet::Packet& packet, packet::Compression& compression) noexcept {
    if (!number(packet, compression)) return false;
    std::array text{crypto::PacketText{.space = packet.space(), .size = packet.size()}};
    sealer_.seal(text);
    if (text.front().is_good) packet.resize(text.front().size);
    return text.front().is_good;
}

void Sealer::seal(std::span<packet::Packet* const> packets, packet::Compression& compression,
                  crypto::PacketEngine& engine, std::span<bool> sealed) noexcept {
    Texts texts;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        sealed[i] = number(*packets[i], compression);
        if (sealed[i]) texts.add(*packets[i], i);
    }
    sealer_.seal(texts.added(), engine);
    for (std::size_t i = 0; i < texts.count; ++i) {
        const auto place = texts.places[i];
        sealed[place] = texts.all[i].is_good;
        if (sealed[place]) packets[place]->resize(texts.all[i].size);
    }
}

/// Makes of a frame what is encrypted, if it can be sent.
bool Sealer::number(packet::Packet& packet, packet::Compression& compression) noexcept {
    if (sequence_ >= last_sequence || packet.front_room() < sequence_bytes) return false;
    if (suite_.compression != 0 && !compress(packet, compression)) return false;
    const auto sealed_bytes = sealer_.sealed_bytes(packet.size() + sequence_bytes);
    if (sealed_bytes > limits::datagram_bytes || sealed_bytes > packet.room() + sequence_bytes)
        return false;
    packet.grow_front(sequence_bytes);
    put_u32(packet.bytes(), 0, ++sequence_);
    return true;
}

bool Sealer::compress(packet::Packet& packet, packet::Compression& compression) noexcept {
    std::array<std::byte, limits::datagram_bytes> smaller;
    const auto size = compression.compress(suite_.compression, packet.bytes(), smaller);
    if (!size) return false;
    packet.assign(std::span(smaller).first(*size));
    return true;
}

Result<Opener> Opener::create(const PacketKey& key, std::size_t window_bytes) {
    const auto& suite = key.suite;
    TINC_CHECK(packet::Compression::check(suite.compression));
    TINC_TRY(auto opener, crypto::PacketOpener::create(suite.cipher, suite.digest, suite.mac_bytes,
                                                       key.material.bytes()));
    return Opener(suite, std::move(opener), window_bytes);
}

// The announced length counts even where no MAC is sent, as in 1.0.36.
bool Opener::is_long_enough(std::size_t size) const {
    return size >= sequence_bytes && size - sequence_bytes >= suite_.mac_bytes;
}

bool Opener::recognises(Bytes datagram) noexcept {
    return is_long_enough(datagram.size()) && opener_.recognises(datagram);
}

Opener::Verdict Opener::open(packet::Packet& packet, packet::Compression& compression,
                             std::size_t* wire_payload_bytes) noexcept {
    if (!is_long_enough(packet.size())) return Verdict::too_short;
    std::array text{crypto::PacketText{.space = packet.space(), .size = packet.size()}};
    opener_.open(text);
    const auto opened = take(packet, text.front(), compression);
    if (wire_payload_bytes != nullptr) *wire_payload_bytes = opened.wire_payload_bytes;
    return opened.verdict;
}

void Opener::open(std::span<packet::Packet* const> packets, packet::Compression& compression,
                  crypto::PacketEngine& engine, std::span<Opened> opened) noexcept {
    Texts texts;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        opened[i] = {.verdict = Verdict::too_short};
        if (is_long_enough(packets[i]->size())) texts.add(*packets[i], i);
    }
    opener_.open(texts.added(), engine);
    for (std::size_t i = 0; i < texts.count; ++i) {
        const auto place = texts.places[i];
        opened[place] = take(*packets[place], texts.all[i], compression);
    }
}

/// What comes after the MAC and the cipher have been judged. Nothing tells a bad padding from a bad
/// MAC, not even to our own caller.
Opener::Opened Opener::take(packet::Packet& packet, const crypto::PacketText& plain,
                            packet::Compression& compression) noexcept {
    if (!plain.is_good || plain.size < sequence_bytes) return {.verdict = Verdict::forged};
    packet.resize(plain.size);
    sequence_ = get_u32(packet.bytes(), 0);
    lost_ = 0;
    packet.shrink_front(sequence_bytes);

    Opened opened{.verdict = Verdict::opened, .sequence = sequence_, .last = window_.last()};
    using Judged = packet::ReplayWindow::Verdict;
    const auto judged = window_.accept(sequence_);
    opened.far = window_.far();
    switch (judged) {
        case Judged::replayed:
            opened.verdict = Verdict::replayed;
            return opened;
        case Judged::too_far:
            opened.verdict = Verdict::too_far;
            return opened;
        case Judged::fresh_after_loss:
            lost_ = sequence_ - opened.last - 1;
            break;
        case Judged::fresh:
            break;
    }
    opened.lost = lost_;
    opened.wire_payload_bytes = packet.size();
    const bool is_whole = suite_.compression == 0 || decompress(packet, compression);
    if (!is_whole || packet.size() < packet::ethernet_bytes) opened.verdict = Verdict::damaged;
    return opened;
}

bool Opener::decompress(packet::Packet& packet, packet::Compression& compression) noexcept {
    std::array<std::byte, limits::datagram_bytes> larger;
    const auto size = compression.decompress(suite_.compression, packet.bytes(), larger);
    if (!size) return false;
    packet.assign(std::span(larger).first(*size));
    return true;
}

}  // namespace tinc::legacy
