// Datagrams of a peer. Byte 0 chooses a suite and whether the rest is a datagram as it arrives, or
// what a peer with the right key encrypts: only such input gets past the MAC. The same bytes are
// also sealed as a frame, which must come back. Parts of both are sealed and opened together, and
// come to what each comes to alone.

#include "support/packets.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/legacy/datagram.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace {

using namespace tinc;
using Verdict = legacy::Opener::Verdict;

struct Choice {
    const char* cipher;
    const char* digest;
    std::size_t mac_bytes;
    int compression;
};
constexpr std::array<Choice, 8> choices{{{"aes-256-cbc", "sha256", 4, 0},
                                         {"none", "none", 4, 0},
                                         {"aes-256-cbc", "none", 0, 1},
                                         {"none", "sha256", 4, 10},
                                         {"aes-128-ofb", "sha1", 20, 11},
                                         {"aes-256-ecb", "sha512", 64, 9},
                                         {"des-ede3-cbc", "md5", 0, 0},
                                         {"aes-256-cfb", "sha256", 32, 10}}};

legacy::PacketKey key_for(const Choice& choice) {
    test::SeededRandom random(1);
    return legacy::make_packet_key(
        {crypto::cipher_by_name(choice.cipher).value(),
         crypto::digest_by_name(choice.digest).value(), choice.mac_bytes, choice.compression},
        random);
}

// They hold nothing from one packet to the next.
packet::Compression shared_compression;
crypto::PacketEngine shared_engine;

/// Enough that they are worked on side by side.
constexpr std::size_t parts = 8;

/// `plain` begins with its sequence number, if it is long enough to have one.
std::vector<std::byte> sealed_by_hand(const legacy::PacketKey& key, Bytes plain) {
    auto cipher = crypto::PacketCipher::create(key.suite.cipher, key.material.bytes(),
                                               crypto::Direction::encrypt)
                      .value();
    std::vector<std::byte> datagram(cipher.output_bound(plain.size()) + key.suite.wire_mac_bytes());
    const auto size = cipher.apply(plain, datagram).value();
    if (key.suite.wire_mac_bytes() > 0)
        crypto::Hmac::create(key.suite.digest, key.material.bytes())
            .value()
            .sign(std::span(datagram).first(size), std::span(datagram).subspan(size));
    return datagram;
}

void check_round_trip(const legacy::PacketKey& key, Bytes frame) {
    auto sealer = legacy::Sealer::create(key).value();
    auto opener = legacy::Opener::create(key, 16).value();
    packet::Packet packet;
    packet.assign(frame);
    if (!sealer.seal(packet, shared_compression)) return;
    TINC_ASSERT(packet.size() <= limits::datagram_bytes);
    const auto verdict = opener.open(packet, shared_compression, nullptr);
    if (frame.size() < 14) return;
    TINC_ASSERT(verdict == Verdict::opened);
    TINC_ASSERT(std::ranges::equal(packet.bytes(), frame));
}

/// The whole, and beginnings of it.
test::Packets parts_of(Bytes bytes) {
    test::Packets packets;
    for (std::size_t i = 0; i < parts; ++i)
        packets.add(bytes.first(bytes.size() * i / (parts - 1)));
    return packets;
}

void check_sealed_together(const legacy::PacketKey& key, Bytes frame) {
    auto together = legacy::Sealer::create(key).value();
    auto alone = legacy::Sealer::create(key).value();
    auto packets = parts_of(frame);
    auto same = parts_of(frame);
    std::array<bool, parts> sealed{};
    together.seal(packets.all(), shared_compression, shared_engine, sealed);
    for (std::size_t i = 0; i < parts; ++i) {
        TINC_ASSERT(alone.seal(same[i], shared_compression) == sealed[i]);
        TINC_ASSERT(!sealed[i] || test::is_same(packets[i], same[i]));
    }
}

void check_opened_together(const legacy::PacketKey& key, Bytes datagram) {
    auto together = legacy::Opener::create(key, 16).value();
    auto alone = legacy::Opener::create(key, 16).value();
    auto packets = parts_of(datagram);
    auto same = parts_of(datagram);
    std::array<legacy::Opener::Opened, parts> opened;
    together.open(packets.all(), shared_compression, shared_engine, opened);
    for (std::size_t i = 0; i < parts; ++i) {
        const auto verdict = alone.open(same[i], shared_compression, nullptr);
        TINC_ASSERT(verdict == opened[i].verdict);
        TINC_ASSERT(verdict != Verdict::opened || test::is_same(packets[i], same[i]));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const auto key = key_for(choices[data[0] % choices.size()]);
    const bool is_raw = (data[0] & 0x80U) != 0;
    constexpr std::size_t room = packet::Packet::capacity - packet::Packet::headroom;
    const auto input = std::as_bytes(std::span(data, std::min(size, room - 128))).subspan(1);

    auto opener = legacy::Opener::create(key, 16).value();
    packet::Packet packet;
    packet.assign(is_raw ? input : Bytes(sealed_by_hand(key, input)));
    check_opened_together(key, packet.bytes());
    const auto before = packet.size();
    const bool is_recognised = opener.recognises(packet.bytes());
    TINC_ASSERT(!is_recognised || key.suite.wire_mac_bytes() > 0);
    std::size_t payload_bytes = 0;
    if (opener.open(packet, shared_compression, &payload_bytes) == Verdict::opened) {
        TINC_ASSERT(is_recognised || key.suite.wire_mac_bytes() == 0);
        TINC_ASSERT(packet.size() >= 14 && packet.size() <= room);
        TINC_ASSERT(payload_bytes + 4 <= before);
    }
    check_round_trip(key, input);
    check_sealed_together(key, input);
    return 0;
}
