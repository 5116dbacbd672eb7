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

/// Nothing if packets go without a MAC.
Result<std::optional<crypto::Hmac>> make_mac(const PacketKey& key) {
    if (key.suite.wire_mac_bytes() == 0) return std::nullopt;
    if (key.suite.mac_bytes > key.suite.digest.bytes)
        return failure(Errc::malformed, "MAC length exceeds size of digest!");
    // All of the material, cipher key and IV, is the key of the MAC.
    TINC_TRY(auto mac, crypto::Hmac::create(key.suite.digest, key.material.bytes()));
    return mac;
}

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

Result<PacketTools> PacketTools::create(const PacketKey& key, crypto::Direction direction) {
    TINC_CHECK(packet::Compression::check(key.suite.compression));
    TINC_TRY(auto mac, make_mac(key));
    TINC_TRY(auto cipher,
             crypto::PacketCipher::create(key.suite.cipher, key.material.bytes(), direction));
    return PacketTools{key.suite, std::move(cipher), std::move(mac)};
}

Result<Sealer> Sealer::create(const PacketKey& key, std::uint32_t sequence) {
    TINC_TRY(auto tools, PacketTools::create(key, crypto::Direction::encrypt));
    return Sealer(std::move(tools), sequence);
}

bool Sealer::seal(packet::Packet& packet, packet::Compression& compression) noexcept {
    if (sequence_ >= last_sequence || packet.front_room() < sequence_bytes) return false;
    if (tools_.suite.compression != 0 && !compress(packet, compression)) return false;

    const std::size_t mac_bytes = tools_.suite.wire_mac_bytes();
    const std::size_t sealed_bytes =
        tools_.cipher.output_bound(packet.size() + sequence_bytes) + mac_bytes;
    if (sealed_bytes > limits::datagram_bytes || sealed_bytes > packet.room() + sequence_bytes)
        return false;

    packet.grow_front(sequence_bytes);
    put_u32(packet.bytes(), 0, ++sequence_);
    const auto encrypted = tools_.cipher.apply(packet.bytes(), packet.space());
    if (!encrypted) return false;
    packet.resize(*encrypted + mac_bytes);
    if (tools_.mac)
        tools_.mac->sign(packet.bytes().first(*encrypted),
                         packet.bytes().subspan(*encrypted, mac_bytes));
    return true;
}

bool Sealer::compress(packet::Packet& packet, packet::Compression& compression) noexcept {
    std::array<std::byte, limits::datagram_bytes> smaller;
    const auto size = compression.compress(tools_.suite.compression, packet.bytes(), smaller);
    if (!size) return false;
    packet.assign(std::span(smaller).first(*size));
    return true;
}

Result<Opener> Opener::create(const PacketKey& key, std::size_t window_bytes) {
    TINC_TRY(auto tools, PacketTools::create(key, crypto::Direction::decrypt));
    return Opener(std::move(tools), window_bytes);
}

// The announced length counts even where no MAC is sent, as in 1.0.36.
bool Opener::is_long_enough(std::size_t size) const {
    return size >= sequence_bytes && size - sequence_bytes >= tools_.suite.mac_bytes;
}

bool Opener::recognises(Bytes datagram) noexcept {
    if (!tools_.mac || !is_long_enough(datagram.size())) return false;
    const std::size_t encrypted = datagram.size() - tools_.suite.wire_mac_bytes();
    return tools_.mac->verify(datagram.first(encrypted), datagram.subspan(encrypted));
}

Opener::Verdict Opener::open(packet::Packet& packet, packet::Compression& compression,
                             std::size_t* wire_payload_bytes) noexcept {
    if (!is_long_enough(packet.size())) return Verdict::too_short;
    if (tools_.mac && !recognises(packet.bytes())) return Verdict::forged;
    packet.resize(packet.size() - tools_.suite.wire_mac_bytes());

    // From here on nothing tells a bad padding from a bad MAC, not even to our own caller.
    const auto decrypted = tools_.cipher.apply(packet.bytes(), packet.space());
    if (!decrypted || *decrypted < sequence_bytes) return Verdict::forged;
    packet.resize(*decrypted);
    sequence_ = get_u32(packet.bytes(), 0);
    lost_ = 0;
    packet.shrink_front(sequence_bytes);

    using Judged = packet::ReplayWindow::Verdict;
    const auto last = window_.last();
    switch (window_.accept(sequence_)) {
        case Judged::replayed:
            return Verdict::replayed;
        case Judged::too_far:
            return Verdict::too_far;
        case Judged::fresh_after_loss:
            lost_ = sequence_ - last - 1;
            break;
        case Judged::fresh:
            break;
    }
    if (wire_payload_bytes != nullptr) *wire_payload_bytes = packet.size();
    if (tools_.suite.compression != 0 && !decompress(packet, compression)) return Verdict::damaged;
    return packet.size() < packet::ethernet_bytes ? Verdict::damaged : Verdict::opened;
}

bool Opener::decompress(packet::Packet& packet, packet::Compression& compression) noexcept {
    std::array<std::byte, limits::datagram_bytes> larger;
    const auto size = compression.decompress(tools_.suite.compression, packet.bytes(), larger);
    if (!size) return false;
    packet.assign(std::span(larger).first(*size));
    return true;
}

}  // namespace tinc::legacy
