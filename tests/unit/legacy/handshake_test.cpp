#include "handshake_ends.hpp"

#include "support/seeded_random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>

namespace tinc::legacy {
namespace {

using namespace test;
using testing::HasSubstr;
using testing::IsEmpty;
using tinc::test::SeededRandom;
using tinc::test::unhex;
using wire::Request;
using State = Handshake::State;

// Two of ours ------------------------------------------------------------------------------------

/// One end of a connection, with the cutting into lines that its owner does.
struct End {
    Handshake handshake;
    std::string incoming;
    std::size_t clear = 0;  ///< of the bytes in `incoming` that are readable
    std::string outgoing;
    std::vector<std::string> rest;  ///< lines behind the handshake

    void start() { outgoing += handshake.metakey_line().value() + "\n"; }

    void send(std::string line) {
        line += '\n';
        ASSERT_TRUE(handshake.encrypt(std::as_writable_bytes(std::span(line))));
        outgoing += line;
    }

    void make_readable() {
        const auto bytes = std::as_writable_bytes(std::span(incoming)).subspan(clear);
        ASSERT_TRUE(handshake.decrypt(bytes));
        clear = incoming.size();
    }

    void receive(std::string_view bytes) {
        incoming += bytes;
        if (handshake.is_decrypting()) make_readable();
        for (auto end = incoming.find('\n'); end != std::string::npos; end = incoming.find('\n')) {
            const std::string line = incoming.substr(0, end);
            incoming.erase(0, end + 1);
            clear -= std::min(clear, end + 1);
            take(line);
        }
    }

    void take(const std::string& line) {
        if (handshake.state() == State::authenticated) {
            rest.push_back(line);
            return;
        }
        const auto request = wire::request_of(line);
        ASSERT_TRUE(request) << line;
        const auto answers = handshake.receive(*request, line);
        ASSERT_TRUE(answers) << answers.error().what;
        if (request == Request::metakey) make_readable();
        for (const auto& answer : *answers) send(answer);
        if (handshake.state() == State::authenticated) send("4 655 1 c");
    }
};

class TwoHandshakes : public testing::TestWithParam<std::size_t> {};

TEST_P(TwoHandshakes, AgreeWhereverTheStreamIsCut) {
    SeededRandom random(GetParam());
    End a{handshake(Role::initiator, random, "alpha", "gamma", "aes-128-cbc"), {}, 0, {}, {}};
    End b{handshake(Role::responder, random, "gamma", "alpha", "none"), {}, 0, {}, {}};
    b.start();
    a.start();
    while (!a.outgoing.empty() || !b.outgoing.empty()) {
        for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
            const auto piece = from->outgoing.substr(0, GetParam());
            from->outgoing.erase(0, piece.size());
            to->receive(piece);
        }
    }
    for (const End* end : {&a, &b}) {
        EXPECT_EQ(end->handshake.state(), State::authenticated);
        EXPECT_THAT(end->rest, testing::ElementsAre("4 655 1 c"));
    }
}
INSTANTIATE_TEST_SUITE_P(Cuts, TwoHandshakes, testing::Values(1, 2, 3, 7, 100, 529, 1000, 100000));

TEST(HandshakeTest, EncryptsEachDirectionFromItsOwnMetakeyOn) {
    SeededRandom random(5);
    Handshake alpha = handshake(Role::initiator, random);
    EXPECT_FALSE(alpha.is_encrypting());
    EXPECT_EQ(encrypted_hex(alpha, "0 alpha 17"), hex_text(as_bytes("0 alpha 17")));
    const auto line = alpha.metakey_line().value();
    EXPECT_TRUE(alpha.is_encrypting());
    EXPECT_FALSE(alpha.is_decrypting());
    EXPECT_EQ(decrypted(alpha, unhex("0A0B")), "\x0a\x0b");
    EXPECT_NE(encrypted_hex(alpha, "2 ABCD"), hex_text(as_bytes("2 ABCD")));
}

TEST(HandshakeTest, WorksWithKeysWhoseSizeIsNoWholeNumberOfBytes) {
    const auto small = crypto::RsaPrivateKey::generate(1025, {}).value();
    const auto odd = crypto::RsaPrivateKey::generate(1031, {}).value();
    for (unsigned seed = 0; seed < 20; ++seed) {
        SeededRandom random(seed);
        const auto cipher = meta_cipher_for(*crypto::cipher_by_name("aes-256-cbc"));
        Handshake a(Role::initiator, small, odd.public_key(), cipher, random);
        Handshake b(Role::responder, odd, small.public_key(), cipher, random);
        const auto from_a = a.metakey_line();
        const auto from_b = b.metakey_line();
        ASSERT_TRUE(from_a && from_b) << seed;
        EXPECT_TRUE(b.receive(Request::metakey, *from_a)) << seed;
        EXPECT_TRUE(a.receive(Request::metakey, *from_b)) << seed;
    }
}

// The meta cipher --------------------------------------------------------------------------------

TEST(MetaCipherTest, FollowsTheKeyLengthOfThePacketCipher) {
    // clang-format off
    for (const auto& [packet_cipher, nid] : std::initializer_list<std::pair<std::string_view, int>>{
             {"none", 421}, {"des-cbc", 421}, {"blowfish", 421}, {"aes-128-cbc", 421},
             {"aes-192-cbc", 425}, {"des-ede3-cbc", 425}, {"aes-256-cbc", 429},
             {"camellia-256-cbc", 429}, {"aes-256-gcm", 429}})
        EXPECT_EQ(meta_cipher_for(*crypto::cipher_by_name(packet_cipher)).nid, nid)
            << packet_cipher;
    // clang-format on
}

/// A peer that is made by hand, so that it can do what ours never would.
struct Intruder {
    std::vector<std::byte> secret = std::vector<std::byte>(256, std::byte{0x21});
    wire::Metakey metakey{.cipher = 429,
                          .digest = 672,
                          .key = golden_public_key("alpha").encrypt_raw(secret).value()};

    [[nodiscard]] std::string metakey_line() const {
        std::string line;
        append(line, metakey);
        return line;
    }
};

class StreamCiphersOfPeers : public testing::TestWithParam<std::string> {};

TEST_P(StreamCiphersOfPeers, AreAccepted) {
    const auto spec = *crypto::cipher_by_name(GetParam());
    Intruder peer;
    peer.metakey.cipher = spec.nid;
    peer.metakey.digest = 64;
    SeededRandom random(1);
    Handshake alpha = handshake(Role::responder, random);
    ASSERT_TRUE(alpha.metakey_line());
    ASSERT_TRUE(alpha.receive(Request::metakey, peer.metakey_line()));

    auto stream = crypto::StreamCipher::create(
        spec, std::span(peer.secret).last(spec.key_bytes),
        std::span(peer.secret).last(spec.key_bytes + spec.iv_bytes).first(spec.iv_bytes),
        crypto::Direction::encrypt);
    ASSERT_TRUE(stream);
    std::string text = "2 " + std::string(512, 'A');
    const std::string clear = text;
    ASSERT_TRUE(stream->apply(std::as_writable_bytes(std::span(text))));
    EXPECT_EQ(decrypted(alpha, {as_bytes(text).begin(), as_bytes(text).end()}), clear);
    ASSERT_TRUE(alpha.receive(Request::challenge, clear));
    EXPECT_EQ(alpha.state(), State::awaiting_chal_reply);
}
INSTANTIATE_TEST_SUITE_P(All, StreamCiphersOfPeers,
                         testing::Values("aes-128-cfb", "aes-192-ofb", "aes-256-ofb", "aes-256-ctr",
                                         "chacha20", "camellia-256-cfb", "bf-ofb", "cast5-cfb"));

TEST(HandshakeTest, AnswersWithTheDigestThatTheChallengerAnnounced) {
    Intruder peer;
    peer.metakey.digest = 64;  // SHA-1
    SeededRandom random(1);
    Handshake alpha = handshake(Role::initiator, random);
    ASSERT_TRUE(alpha.metakey_line());
    ASSERT_TRUE(alpha.receive(Request::metakey, peer.metakey_line()));
    const auto answers = alpha.receive(Request::challenge, "2 " + std::string(512, '0'));
    const auto sum =
        crypto::hash(*crypto::digest_by_name("sha1"), std::vector<std::byte>(256)).value();
    EXPECT_THAT(*answers, testing::ElementsAre("3 " + hex_text(sum)));
}

// What is refused --------------------------------------------------------------------------------

struct BadMetakey {
    std::string name;
    std::function<void(wire::Metakey&)> spoil;
    Errc code;
    std::string what;
};

class BadMetakeys : public testing::TestWithParam<BadMetakey> {};

TEST_P(BadMetakeys, EndTheHandshake) {
    SeededRandom random(1);
    Handshake alpha = handshake(Role::responder, random);
    ASSERT_TRUE(alpha.metakey_line());
    Intruder peer;
    GetParam().spoil(peer.metakey);
    const auto answers = alpha.receive(Request::metakey, peer.metakey_line());
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code, GetParam().code) << answers.error().what;
    EXPECT_THAT(answers.error().what, HasSubstr(GetParam().what));
    EXPECT_EQ(alpha.state(), State::failed);
    EXPECT_FALSE(alpha.is_decrypting());
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Legacy, BadMetakeys, testing::Values(
    BadMetakey{"short_key", [](auto& m) { m.key.pop_back(); }, Errc::forged,
               "Possible intruder " + peer_label + ": wrong keylength"},
    BadMetakey{"long_key", [](auto& m) { m.key.push_back({}); }, Errc::forged, "wrong keylength"},
    BadMetakey{"above_the_modulus", [](auto& m) { m.key.assign(256, std::byte{0xff}); },
               Errc::forged, "Error during decryption of meta key for " + peer_label},
    BadMetakey{"no_cipher", [](auto& m) { m.cipher = 0; }, Errc::refused,
               peer_label + " uses null cipher!"},
    BadMetakey{"no_digest", [](auto& m) { m.digest = 0; }, Errc::refused,
               peer_label + " uses null digest!"},
    BadMetakey{"unknown_cipher", [](auto& m) { m.cipher = 672; }, Errc::refused,
               peer_label + " uses unknown cipher!"},
    BadMetakey{"negative_cipher", [](auto& m) { m.cipher = -1; }, Errc::refused,
               "uses unknown cipher!"},
    BadMetakey{"unknown_digest", [](auto& m) { m.digest = 427; }, Errc::refused,
               "uses unknown digest!"},
    BadMetakey{"negative_mac", [](auto& m) { m.mac_length = -1; }, Errc::refused,
               "uses bogus MAC length!"},
    BadMetakey{"mac_above_the_digest", [](auto& m) { m.mac_length = 33; }, Errc::refused,
               "uses bogus MAC length!"},
    BadMetakey{"block_cipher", [](auto& m) { m.cipher = 427; }, Errc::refused,
               "Error during initialisation of cipher from " + peer_label},
    BadMetakey{"aead", [](auto& m) { m.cipher = 901; }, Errc::refused, "cipher from"}),
    [](const testing::TestParamInfo<BadMetakey>& tested) { return tested.param.name; });
// clang-format on

TEST(HandshakeTest, TakesEveryMacLengthUpToTheDigest) {
    for (const int length : {0, 4, 32}) {
        SeededRandom random(1);
        Handshake alpha = handshake(Role::responder, random);
        ASSERT_TRUE(alpha.metakey_line());
        Intruder peer;
        peer.metakey.mac_length = length;
        EXPECT_TRUE(alpha.receive(Request::metakey, peer.metakey_line())) << length;
    }
}

TEST(HandshakeTest, FitsIntoTheSmallestRsaKey) {
    const auto tiny = crypto::RsaPrivateKey::generate(512, {}).value();
    SeededRandom random(1);
    const auto cipher = meta_cipher_for(*crypto::cipher_by_name("aes-256-cbc"));
    Handshake alpha(Role::responder, tiny, tiny.public_key(), cipher, random);
    const auto line = alpha.metakey_line();  // 48 bytes out of 64: just fits
    ASSERT_TRUE(line) << line.error().what;
    EXPECT_TRUE(alpha.receive(Request::metakey, *line));
}

/// A handshake that has come as far as `state`, and the right line for each request from there.
struct Halfway {
    SeededRandom random{3};
    Handshake own;
    std::string metakey = Intruder().metakey_line();
    std::string challenge = "2 " + std::string(512, '5');
    std::string reply;

    Halfway(Role role, State state) : own(handshake(role, random)) {
        EXPECT_TRUE(own.metakey_line());
        if (state == State::awaiting_metakey) return;
        const auto answers = own.receive(Request::metakey, metakey).value();
        const auto challenge_bytes = unhex(answers.at(0).substr(2));
        const auto sum = crypto::hash(*crypto::digest_by_name("sha256"), challenge_bytes).value();
        reply = "3 " + hex_text(sum);
        if (state == State::awaiting_challenge) return;
        EXPECT_TRUE(own.receive(Request::challenge, challenge));
        if (state == State::awaiting_chal_reply) return;
        EXPECT_TRUE(own.receive(Request::chal_reply, reply));
    }

    [[nodiscard]] const std::string& line_for(Request request) const {
        return request == Request::metakey     ? metakey
               : request == Request::challenge ? challenge
                                               : reply;
    }
};

TEST(HandshakeTest, RefusesEveryOtherOrder) {
    for (const auto role : {Role::initiator, Role::responder})
        for (const auto state : {State::awaiting_metakey, State::awaiting_challenge,
                                 State::awaiting_chal_reply, State::authenticated})
            for (const auto request : {Request::id, Request::metakey, Request::challenge,
                                       Request::chal_reply, Request::ack, Request::ping}) {
                Halfway tried(role, state);
                ASSERT_EQ(tried.own.state(), state);
                const bool in_order =
                    (state == State::awaiting_metakey && request == Request::metakey) ||
                    (state == State::awaiting_challenge && request == Request::challenge) ||
                    (state == State::awaiting_chal_reply && request == Request::chal_reply);
                const auto answers = tried.own.receive(request, tried.line_for(request));
                EXPECT_EQ(answers.has_value(), in_order)
                    << "state " << int(state) << " request " << int(request);
                if (in_order) continue;
                EXPECT_EQ(answers.error().code, Errc::refused);
                EXPECT_EQ(tried.own.state(), State::failed);
            }
}

TEST(HandshakeTest, ResponderKeepsItsReplyUntilTheInitiatorHasProvenItself) {
    Halfway tried(Role::responder, State::awaiting_challenge);
    EXPECT_THAT(tried.own.receive(Request::challenge, tried.challenge).value(), IsEmpty());
    const auto answers = tried.own.receive(Request::chal_reply, tried.reply);
    EXPECT_THAT(*answers, testing::ElementsAre(testing::StartsWith("3 ")));
}

TEST(HandshakeTest, ResponderNeverAnswersAStranger) {
    Halfway tried(Role::responder, State::awaiting_chal_reply);
    const auto answers = tried.own.receive(Request::chal_reply, "3 " + std::string(64, '0'));
    ASSERT_FALSE(answers);
    EXPECT_EQ(answers.error().code, Errc::forged);
    EXPECT_THAT(answers.error().what,
                HasSubstr("Possible intruder " + peer_label + ": wrong challenge reply"));
    EXPECT_FALSE(tried.own.receive(Request::chal_reply, tried.reply)) << "even if it is right";
}

TEST(HandshakeTest, InitiatorAnswersAtOnce) {
    Halfway tried(Role::initiator, State::awaiting_challenge);
    EXPECT_THAT(tried.own.receive(Request::challenge, tried.challenge).value(),
                testing::ElementsAre(testing::StartsWith("3 ")));
    EXPECT_THAT(tried.own.receive(Request::chal_reply, tried.reply).value(), IsEmpty());
}

struct BadLine {
    std::string name;
    State state;
    Request request;
    std::string line;
    Errc code;
    std::string what;
};

class BadLines : public testing::TestWithParam<BadLine> {};

TEST_P(BadLines, EndTheHandshake) {
    for (const auto role : {Role::initiator, Role::responder}) {
        Halfway tried(role, GetParam().state);
        const auto answers = tried.own.receive(GetParam().request, GetParam().line);
        ASSERT_FALSE(answers);
        EXPECT_EQ(answers.error().code, GetParam().code) << answers.error().what;
        EXPECT_THAT(answers.error().what, HasSubstr(GetParam().what));
        EXPECT_EQ(tried.own.state(), State::failed);
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Legacy, BadLines, testing::Values(
    BadLine{"metakey_without_fields", State::awaiting_metakey, Request::metakey, "1 429 672 0 0",
            Errc::malformed, "Got bad METAKEY from " + peer_label},
    BadLine{"metakey_no_hex", State::awaiting_metakey, Request::metakey,
            "1 429 672 0 0 " + std::string(512, 'Z'), Errc::malformed, "Got bad METAKEY"},
    BadLine{"challenge_empty", State::awaiting_challenge, Request::challenge, "2",
            Errc::malformed, "Got bad CHALLENGE from " + peer_label},
    BadLine{"challenge_short", State::awaiting_challenge, Request::challenge,
            "2 " + std::string(510, 'A'), Errc::forged, "wrong challenge length"},
    BadLine{"challenge_long", State::awaiting_challenge, Request::challenge,
            "2 " + std::string(514, 'A'), Errc::forged, "wrong challenge length"},
    BadLine{"reply_empty", State::awaiting_chal_reply, Request::chal_reply, "3",
            Errc::malformed, "Got bad CHAL_REPLY from " + peer_label},
    BadLine{"reply_short", State::awaiting_chal_reply, Request::chal_reply,
            "3 " + std::string(62, 'A'), Errc::forged, "wrong challenge reply length"},
    BadLine{"reply_long", State::awaiting_chal_reply, Request::chal_reply,
            "3 " + std::string(66, 'A'), Errc::forged, "wrong challenge reply length"},
    BadLine{"reply_no_hex", State::awaiting_chal_reply, Request::chal_reply,
            "3 " + std::string(64, 'Z'), Errc::malformed, "Got bad CHAL_REPLY"}),
    [](const testing::TestParamInfo<BadLine>& tested) { return tested.param.name; });
// clang-format on

TEST(HandshakeTest, GivesNothingMoreAfterAFailure) {
    Halfway tried(Role::initiator, State::awaiting_challenge);
    ASSERT_FALSE(tried.own.receive(Request::ack, "4 655 0 c"));
    EXPECT_FALSE(tried.own.receive(Request::challenge, tried.challenge));
    EXPECT_FALSE(tried.own.metakey_line());
    std::array<std::byte, 4> bytes{};
    EXPECT_FALSE(tried.own.encrypt(bytes));
    EXPECT_FALSE(tried.own.decrypt(bytes));
    EXPECT_EQ(bytes, (std::array<std::byte, 4>{}));
    EXPECT_EQ(tried.own.state(), State::failed);
}

TEST(HandshakeTest, SendsItsMetakeyOnceAndFirst) {
    SeededRandom random(1);
    Handshake twice = handshake(Role::initiator, random);
    ASSERT_TRUE(twice.metakey_line());
    EXPECT_FALSE(twice.metakey_line());
    Handshake never = handshake(Role::initiator, random);
    const auto answers = never.receive(Request::metakey, Intruder().metakey_line());
    ASSERT_FALSE(answers) << "the CHALLENGE would leave in clear";
    EXPECT_EQ(answers.error().code, Errc::refused);
}

}  // namespace
}  // namespace tinc::legacy
