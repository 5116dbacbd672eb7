#include "tinc/legacy/datagram.hpp"

#include "support/golden_keys.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <array>
#include <functional>
#include <limits>
#include <map>

namespace tinc::legacy {
namespace {

using nlohmann::json;
using test::unhex;
using testing::HasSubstr;
using Verdict = Opener::Verdict;

/// Holds nothing from one packet to the next.
packet::Compression shared_compression;

PacketSuite suite(std::string_view cipher = "aes-256-cbc", std::string_view digest = "sha256",
                  std::size_t mac_bytes = 4, int compression = 0) {
    return {crypto::cipher_by_name(cipher).value(), crypto::digest_by_name(digest).value(),
            mac_bytes, compression};
}

PacketKey key_of(const PacketSuite& wanted) {
    test::SeededRandom random(7);
    return make_packet_key(wanted, random);
}

PacketKey key_of(const std::string& ans_key_line) {
    return parse_packet_key(wire::parse_ans_key(ans_key_line).value()).value();
}

packet::Packet packet_of(Bytes bytes) {
    packet::Packet packet;
    packet.assign(bytes);
    return packet;
}

std::vector<std::byte> frame_of(std::size_t size) {
    std::vector<std::byte> frame(size);
    for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<std::byte>(i * i >> 3U);
    return frame;
}

std::vector<std::byte> sealed(Sealer& sealer, Bytes frame) {
    auto packet = packet_of(frame);
    EXPECT_TRUE(sealer.seal(packet, shared_compression));
    return {packet.bytes().begin(), packet.bytes().end()};
}

std::vector<std::byte> sealed(const PacketKey& key, Bytes frame) {
    auto sealer = Sealer::create(key).value();
    return sealed(sealer, frame);
}

Verdict verdict_on(Opener& opener, Bytes datagram) {
    auto packet = packet_of(datagram);
    return opener.open(packet, shared_compression, nullptr);
}

// Against 1.0.36 ---------------------------------------------------------------------------------

struct GoldenDatagram {
    std::string datagram;
    std::uint32_t sequence;
    std::string clear;  ///< behind the sequence number, before decompression
    std::string frame;
};

void expect_opens(Opener& opener, const GoldenDatagram& golden) {
    auto packet = packet_of(unhex(golden.datagram));
    std::size_t payload_bytes = 0;
    ASSERT_EQ(opener.open(packet, shared_compression, &payload_bytes), Verdict::opened)
        << golden.sequence;
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(unhex(golden.frame)));
    EXPECT_EQ(payload_bytes, golden.clear.size() / 2);
    EXPECT_EQ(opener.window().last(), golden.sequence);
}

void expect_seals(const PacketKey& key, const GoldenDatagram& golden) {
    auto sealer = Sealer::create(key, golden.sequence - 1).value();
    const auto datagram = sealed(sealer, unhex(golden.frame));
    EXPECT_EQ(hex_text(datagram), hex_text(unhex(golden.datagram))) << golden.sequence;
    EXPECT_EQ(sealer.sequence(), golden.sequence);
}

TEST(GoldenDatagramTest, DefaultsOpenAndSealToTheSameBytes) {
    const auto golden = json::parse(test::test_data("udp_default.json"));
    std::map<std::string, Opener> openers;
    for (const auto& packet : golden["packets"]) {
        const std::string to = packet["to"];
        const auto key = key_of(golden["ans_key_lines"][to].get<std::string>());
        const std::string clear = packet["plaintext_hex"];
        const GoldenDatagram datagram{packet["datagram_hex"], packet["seqno"], clear.substr(8),
                                      clear.substr(8)};
        const auto [opener, is_new] = openers.try_emplace(to, Opener::create(key, 16).value());
        expect_opens(opener->second, datagram);
        expect_seals(key, datagram);
    }
    EXPECT_EQ(openers.size(), 2U);
}

class GoldenVariants : public testing::TestWithParam<std::size_t> {};

TEST_P(GoldenVariants, OpenAndSealToTheSameBytes) {
    const auto golden = json::parse(test::test_data("udp_variants.json"))["cases"].at(GetParam());
    SCOPED_TRACE(golden["options_at_receiver"]);
    const auto key = key_of(golden["ans_key_line"].get<std::string>());
    auto opener = Opener::create(key, 16);
    ASSERT_TRUE(opener) << opener.error().what;
    for (const auto& packet : golden["packets"]) {
        const GoldenDatagram datagram{packet["datagram_hex"], packet["seqno"], packet["clear_hex"],
                                      packet["frame_hex"]};
        expect_opens(*opener, datagram);
        if (key.suite.compression == 0) expect_seals(key, datagram);
        auto sealer = Sealer::create(key).value();
        auto fresh = Opener::create(key, 16).value();
        auto again = packet_of(sealed(sealer, unhex(datagram.frame)));
        EXPECT_EQ(fresh.open(again, shared_compression, nullptr), Verdict::opened);
        EXPECT_EQ(hex_text(again.bytes()), hex_text(unhex(datagram.frame)));
    }
}
INSTANTIATE_TEST_SUITE_P(Udp, GoldenVariants, testing::Range<std::size_t>(0, 14));

class UnusableVariants : public testing::TestWithParam<std::size_t> {};

TEST_P(UnusableVariants, AreUnderstoodAndRefused) {
    const auto golden = json::parse(test::test_data("udp_variants.json"))["cases"].at(GetParam());
    const auto key = key_of(golden["ans_key_line"].get<std::string>());
    EXPECT_EQ(Opener::create(key, 16).error().code, Errc::refused);
    EXPECT_EQ(Sealer::create(key).error().code, Errc::refused);
}
INSTANTIATE_TEST_SUITE_P(CtrAndGcm, UnusableVariants, testing::Values(14, 15));

// Keys -------------------------------------------------------------------------------------------

TEST(PacketKeyTest, SurvivesTheWayThroughAnAnsKey) {
    for (const auto& wanted : {suite(), suite("none", "none", 4, 11), suite("aes-128-ecb"),
                               suite("blowfish", "sha1", 20, 9), suite("none", "sha256", 0)}) {
        const auto key = key_of(wanted);
        EXPECT_EQ(key.material.size(), wanted.cipher.key_material_bytes());
        std::string line;
        append(line, ans_key("alpha", "beta", key));
        const auto back = key_of(line);
        EXPECT_EQ(back.suite, key.suite);
        EXPECT_EQ(hex_text(back.material.bytes()), hex_text(key.material.bytes()));
    }
}

TEST(PacketKeyTest, IsFreshEachTime) {
    test::SeededRandom random(7);
    const auto a = make_packet_key(suite(), random);
    const auto b = make_packet_key(suite(), random);
    EXPECT_NE(hex_text(a.material.bytes()), hex_text(b.material.bytes()));
}

TEST(PacketKeyTest, IsSentInTheWordsOfTinc) {
    const auto golden = json::parse(test::test_data("udp_default.json"));
    const std::string line = golden["ans_key_lines"]["alpha"];
    std::string again;
    append(again, ans_key("alpha", "beta", key_of(line)));
    EXPECT_EQ(again, line);
}

TEST(PacketKeyTest, TakesAnyMacLengthWithoutADigest) {
    for (const int length : {-5, 0, 4, 1000000}) {
        wire::AnsKey message = ans_key("beta", "alpha", key_of(suite("none", "none")));
        message.mac_length = length;
        const auto key = parse_packet_key(message);
        ASSERT_TRUE(key) << length;
        EXPECT_EQ(key->suite.wire_mac_bytes(), 0U);
        EXPECT_TRUE(Sealer::create(*key));
    }
}

struct BadKey {
    std::string name;
    std::function<void(wire::AnsKey&)> spoil;
    std::string what;
};

class BadKeys : public testing::TestWithParam<BadKey> {};

TEST_P(BadKeys, AreRefusedInTheWordsOfTinc) {
    wire::AnsKey message = ans_key("beta", "alpha", key_of(suite()));
    GetParam().spoil(message);
    const auto key = parse_packet_key(message, "beta (10.99.1.2 port 655)");
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().what, GetParam().what);
    EXPECT_THAT(parse_packet_key(message).error().what, HasSubstr("beta"));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Legacy, BadKeys, testing::Values(
    BadKey{"no_hex", [](auto& m) { m.key.front() = 'z'; },
           "Got bad ANS_KEY from beta (10.99.1.2 port 655): invalid key"},
    BadKey{"odd", [](auto& m) { m.key.pop_back(); },
           "Got bad ANS_KEY from beta (10.99.1.2 port 655): invalid key"},
    BadKey{"unknown_cipher", [](auto& m) { m.cipher = 672; },
           "Node beta (10.99.1.2 port 655) uses unknown cipher!"},
    BadKey{"negative_cipher", [](auto& m) { m.cipher = -1; },
           "Node beta (10.99.1.2 port 655) uses unknown cipher!"},
    BadKey{"short", [](auto& m) { m.key.resize(94); },
           "Node beta (10.99.1.2 port 655) uses wrong keylength!"},
    BadKey{"long", [](auto& m) { m.key += "00"; },
           "Node beta (10.99.1.2 port 655) uses wrong keylength!"},
    BadKey{"no_cipher_but_a_key", [](auto& m) { m.cipher = 0; },
           "Node beta (10.99.1.2 port 655) uses wrong keylength!"},
    BadKey{"empty", [](auto& m) { m.key.clear(); m.cipher = 0; },
           "Node beta (10.99.1.2 port 655) uses wrong keylength!"},
    BadKey{"unknown_digest", [](auto& m) { m.digest = 427; },
           "Node beta (10.99.1.2 port 655) uses unknown digest!"},
    BadKey{"mac_too_long", [](auto& m) { m.mac_length = 33; },
           "Node beta (10.99.1.2 port 655) uses bogus MAC length!"},
    BadKey{"negative_mac", [](auto& m) { m.mac_length = -1; },
           "Node beta (10.99.1.2 port 655) uses bogus MAC length!"},
    BadKey{"compression_13", [](auto& m) { m.compression = 13; },
           "Node beta (10.99.1.2 port 655) uses bogus compression level!"},
    BadKey{"negative_compression", [](auto& m) { m.compression = -1; },
           "Node beta (10.99.1.2 port 655) uses bogus compression level!"}),
    [](const testing::TestParamInfo<BadKey>& tested) { return tested.param.name; });
// clang-format on

TEST(PacketKeyTest, ThatNobodyCanRunIsRefusedAtTheSealer) {
    for (const auto& wanted : {suite("aes-256-ctr"), suite("rc4"), suite("none", "shake128"),
                               suite("aes-256-cbc", "sha256", 33), suite("none", "none", 4, 13)}) {
        EXPECT_FALSE(Sealer::create(key_of(wanted)));
        EXPECT_FALSE(Opener::create(key_of(wanted), 16));
    }
    auto wrong_length = key_of(suite());
    wrong_length.material = crypto::Secret(47);
    EXPECT_FALSE(Sealer::create(wrong_length));
    EXPECT_FALSE(Opener::create(wrong_length, 16));
}

// Sealing ----------------------------------------------------------------------------------------

class Suites : public testing::TestWithParam<PacketSuite> {};

TEST_P(Suites, CarryFramesOfEverySize) {
    const auto key = key_of(GetParam());
    auto sealer = Sealer::create(key).value();
    auto opener = Opener::create(key, 16).value();
    for (std::size_t size = 14; size <= limits::frame_bytes; size += 47) {
        const auto frame = frame_of(size);
        auto packet = packet_of(sealed(sealer, frame));
        EXPECT_EQ(opener.recognises(packet.bytes()), GetParam().wire_mac_bytes() > 0);
        ASSERT_EQ(opener.open(packet, shared_compression, nullptr), Verdict::opened) << size;
        EXPECT_EQ(hex_text(packet.bytes()), hex_text(frame));
    }
}
INSTANTIATE_TEST_SUITE_P(
    Legacy, Suites,
    testing::Values(suite(), suite("none", "none"), suite("none", "sha512", 64),
                    suite("aes-256-cbc", "none", 0), suite("aes-128-ofb", "sha1", 20, 1),
                    suite("camellia-128-cbc", "sha384", 48, 9), suite("des-ede3-cbc", "md5", 0),
                    suite("aria-256-cbc", "blake2s256", 32, 10), suite("sm4-cbc", "sm3", 1),
                    suite("none", "sha3-256", 32, 11)));

TEST(SealerTest, OpensWhatItsOwnOutputBecameInPlace) {
    // A relay opens a packet and seals it for the next hop in the same buffer, again and again.
    const auto key = key_of(suite());
    auto sealer = Sealer::create(key).value();
    auto opener = Opener::create(key, 16).value();
    const auto frame = frame_of(limits::frame_bytes);
    auto packet = packet_of(frame);
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(sealer.seal(packet, shared_compression)) << i;
        ASSERT_EQ(opener.open(packet, shared_compression, nullptr), Verdict::opened) << i;
    }
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(frame));
    EXPECT_EQ(opener.window().last(), 1000U);
}

TEST(SealerTest, GivesEveryPacketTheNextNumber) {
    auto sealer = Sealer::create(key_of(suite("none", "none", 0))).value();
    EXPECT_EQ(sealer.sequence(), 0U);
    for (std::uint32_t expected = 1; expected < 4; ++expected) {
        EXPECT_EQ(get_u32(sealed(sealer, frame_of(20)), 0), expected);
        EXPECT_EQ(sealer.sequence(), expected);
    }
}

TEST(SealerTest, StopsBeforeItsNumbersRunOut) {
    auto sealer = Sealer::create(key_of(suite("none", "none", 0)), last_sequence - 1).value();
    EXPECT_EQ(get_u32(sealed(sealer, frame_of(20)), 0), 0xffff0000U);
    auto packet = packet_of(frame_of(20));
    EXPECT_FALSE(sealer.seal(packet, shared_compression));
    EXPECT_FALSE(sealer.seal(packet, shared_compression));
    EXPECT_EQ(sealer.sequence(), last_sequence);
    auto exhausted = Sealer::create(key_of(suite()), UINT32_MAX).value();
    EXPECT_FALSE(exhausted.seal(packet, shared_compression));
}

TEST(SealerTest, DropsWhatIsTooLongForADatagram) {
    auto sealer = Sealer::create(key_of(suite("none", "sha512", 64))).value();
    auto packet = packet_of(frame_of(limits::datagram_bytes - 4 - 64));
    EXPECT_TRUE(sealer.seal(packet, shared_compression));
    EXPECT_EQ(packet.size(), limits::datagram_bytes);
    packet = packet_of(frame_of(limits::datagram_bytes - 4 - 64 + 1));
    EXPECT_FALSE(sealer.seal(packet, shared_compression));
    EXPECT_EQ(sealer.sequence(), 1U) << "a dropped packet takes no number";
    packet = packet_of(frame_of(packet::Packet::capacity - packet::Packet::headroom));
    EXPECT_FALSE(sealer.seal(packet, shared_compression));
}

TEST(SealerTest, DropsWhatGrowsTooLongWhenCompressed) {
    std::vector<std::byte> noise(limits::datagram_bytes - 8);
    test::SeededRandom(1).fill(noise);
    for (const int level : {1, 9, 10, 11}) {
        auto sealer = Sealer::create(key_of(suite("none", "sha256", 4, level))).value();
        auto packet = packet_of(noise);
        EXPECT_FALSE(sealer.seal(packet, shared_compression)) << level;
    }
}

TEST(SealerTest, NeedsRoomInFront) {
    auto sealer = Sealer::create(key_of(suite())).value();
    auto packet = packet_of(frame_of(60));
    packet.grow_front(packet.front_room());
    EXPECT_FALSE(sealer.seal(packet, shared_compression));
}

// Opening ----------------------------------------------------------------------------------------

TEST(OpenerTest, DropsWhatWasTamperedWithAnywhere) {
    const auto key = key_of(suite());
    const auto good = sealed(key, frame_of(60));
    auto opener = Opener::create(key, 16).value();
    for (std::size_t i = 0; i < good.size(); ++i) {
        auto bad = good;
        bad[i] ^= std::byte{0x80};
        EXPECT_FALSE(opener.recognises(bad)) << i;
        EXPECT_EQ(verdict_on(opener, bad), Verdict::forged) << i;
    }
    EXPECT_EQ(opener.window().last(), 0U) << "nothing forged may move the window";
    EXPECT_EQ(verdict_on(opener, good), Verdict::opened);
}

TEST(OpenerTest, DropsWhatWasCutAnywhere) {
    for (const auto& wanted : {suite(), suite("none", "sha1", 20), suite("aes-128-ofb")}) {
        const auto key = key_of(wanted);
        const auto good = sealed(key, frame_of(60));
        auto opener = Opener::create(key, 16).value();
        for (std::size_t size = 0; size < good.size(); ++size) {
            const auto cut = std::span(good).first(size);
            EXPECT_FALSE(opener.recognises(cut)) << size;
            EXPECT_EQ(verdict_on(opener, cut),
                      size < 4 + wanted.mac_bytes ? Verdict::too_short : Verdict::forged)
                << size;
        }
        EXPECT_EQ(verdict_on(opener, good), Verdict::opened);
    }
}

TEST(OpenerTest, SurvivesEveryCutWithoutAMac) {
    for (const std::string_view cipher : {"aes-256-cbc", "none", "aes-256-ofb", "aes-256-ecb"}) {
        const auto key = key_of(suite(cipher, "none", 0));
        const auto good = sealed(key, frame_of(60));
        for (std::size_t size = 0; size < good.size(); ++size) {
            auto opener = Opener::create(key, 16).value();
            const auto verdict = verdict_on(opener, std::span(good).first(size));
            EXPECT_EQ(verdict == Verdict::opened,
                      (cipher == "none" || cipher == "aes-256-ofb") && size >= 18)
                << cipher << " " << size;
        }
    }
}

TEST(OpenerTest, CountsTheAnnouncedMacEvenIfNoneIsSent) {
    auto sealer = Sealer::create(key_of(suite("none", "none", 0))).value();
    const auto datagram = sealed(sealer, frame_of(14));
    auto opener = Opener::create(key_of(suite("none", "none", 15)), 16).value();
    EXPECT_EQ(verdict_on(opener, datagram), Verdict::too_short);
    opener = Opener::create(key_of(suite("none", "none", 14)), 16).value();
    EXPECT_EQ(verdict_on(opener, datagram), Verdict::opened);
    constexpr auto huge = std::numeric_limits<std::size_t>::max();
    opener = Opener::create(key_of(suite("none", "none", huge)), 16).value();
    EXPECT_EQ(verdict_on(opener, datagram), Verdict::too_short);
}

TEST(OpenerTest, TellsBadPaddingFromABadMacToNobody) {
    // One byte more than whole blocks, under a right MAC: only the decryption can fail.
    const auto key = key_of(suite());
    auto mac = crypto::Hmac::create(key.suite.digest, key.material.bytes()).value();
    for (const std::size_t size : {15U, 16U, 17U, 31U, 48U}) {
        std::vector<std::byte> datagram(size + 4, std::byte{0x33});
        mac.sign(std::span(datagram).first(size), std::span(datagram).subspan(size));
        auto opener = Opener::create(key, 16).value();
        EXPECT_TRUE(opener.recognises(datagram));
        EXPECT_EQ(verdict_on(opener, datagram), Verdict::forged) << size;
    }
}

TEST(OpenerTest, DropsPlaintextTooShortForANumber) {
    const auto key = key_of(suite());
    auto cipher = crypto::PacketCipher::create(key.suite.cipher, key.material.bytes(),
                                               crypto::Direction::encrypt)
                      .value();
    auto mac = crypto::Hmac::create(key.suite.digest, key.material.bytes()).value();
    for (std::size_t size = 0; size < 4; ++size) {
        std::array<std::byte, 20> datagram{};
        ASSERT_EQ(cipher.apply(frame_of(size), datagram), 16U);
        mac.sign(std::span(datagram).first(16), std::span(datagram).subspan(16));
        auto opener = Opener::create(key, 16).value();
        EXPECT_EQ(verdict_on(opener, datagram), Verdict::forged) << size;
    }
}

TEST(OpenerTest, DropsReplaysAndNumbersFarAhead) {
    const auto key = key_of(suite());
    auto opener = Opener::create(key, 16).value();
    const auto first = sealed(key, frame_of(60));
    EXPECT_EQ(verdict_on(opener, first), Verdict::opened);
    EXPECT_EQ(verdict_on(opener, first), Verdict::replayed);
    auto far = Sealer::create(key, 999).value();
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(verdict_on(opener, sealed(far, frame_of(60))), Verdict::too_far);
    EXPECT_EQ(verdict_on(opener, sealed(far, frame_of(60))), Verdict::opened) << "believed";
    EXPECT_EQ(opener.window().last(), 1004U);
}

TEST(OpenerTest, WithoutAWindowTakesEverything) {
    const auto key = key_of(suite());
    auto opener = Opener::create(key, 0).value();
    const auto first = sealed(key, frame_of(60));
    EXPECT_EQ(verdict_on(opener, first), Verdict::opened);
    EXPECT_EQ(verdict_on(opener, first), Verdict::opened);
}

TEST(OpenerTest, CallsDamagedWhatIsNoFrame) {
    const auto key = key_of(suite());
    auto sealer = Sealer::create(key).value();
    auto opener = Opener::create(key, 16).value();
    for (std::size_t size = 0; size < 14; ++size)
        EXPECT_EQ(verdict_on(opener, sealed(sealer, frame_of(size))), Verdict::damaged) << size;
    EXPECT_EQ(verdict_on(opener, sealed(sealer, frame_of(14))), Verdict::opened);
}

TEST(OpenerTest, CallsDamagedWhatDoesNotDecompressOrNotIntoABuffer) {
    for (const int level : {1, 9, 10, 11}) {
        auto plain = key_of(suite());
        auto squeezing = key_of(suite("aes-256-cbc", "sha256", 4, level));
        auto opener = Opener::create(squeezing, 16).value();
        EXPECT_EQ(verdict_on(opener, sealed(plain, frame_of(60))), Verdict::damaged) << level;
        auto bomb_sealer = Sealer::create(plain, 1).value();
        const std::vector<std::byte> zeros(limits::datagram_bytes + 1);
        std::array<std::byte, 1500> bomb{};
        const auto size = shared_compression.compress(level, zeros, bomb);
        ASSERT_TRUE(size);
        EXPECT_EQ(verdict_on(opener, sealed(bomb_sealer, std::span(bomb).first(*size))),
                  Verdict::damaged)
            << level;
    }
}

TEST(OpenerTest, RecognisesItsOwnSenderOnly) {
    test::SeededRandom random(11);
    const auto own = make_packet_key(suite(), random);
    const auto other = make_packet_key(suite(), random);
    auto opener = Opener::create(own, 16).value();
    EXPECT_TRUE(opener.recognises(sealed(own, frame_of(60))));
    EXPECT_FALSE(opener.recognises(sealed(other, frame_of(60))));
    EXPECT_EQ(opener.window().last(), 0U) << "recognising is not opening";
    auto blind = Opener::create(key_of(suite("aes-256-cbc", "none")), 16).value();
    EXPECT_FALSE(blind.recognises(sealed(key_of(suite("aes-256-cbc", "none")), frame_of(60))));
}

}  // namespace
}  // namespace tinc::legacy
