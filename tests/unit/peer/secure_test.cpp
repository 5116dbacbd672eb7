// Connections of protocol 1.1, and what a man in the middle can make of them.

#include "support/far_stream.hpp"
#include "support/peer_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

namespace tinc::peer {
namespace {

using test::PeerPair;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::shared_ptr<const crypto::Ed25519PrivateKey> some_key(std::uint64_t seed) {
    test::SeededRandom random(seed);
    return std::make_shared<const crypto::Ed25519PrivateKey>(
        crypto::Ed25519PrivateKey::generate(random));
}

/// Both have keys and know each other's.
struct SecureTest : testing::Test {
    SecureTest() {
        pair.alpha.settings.own_keys.ed25519 = some_key(1);
        pair.beta.settings.own_keys.ed25519 = some_key(2);
        pair.alpha.host.ed25519_key = key_of(pair.beta);
        pair.beta.host.ed25519_key = key_of(pair.alpha);
    }
    static crypto::Ed25519PublicKey key_of(const test::PeerEnd& end) {
        return end.settings.own_keys.ed25519->public_key();
    }
    static void forget_key(test::PeerEnd& of) { of.host.ed25519_key = std::nullopt; }

    /// Alpha's ID reaches beta as another line.
    Result<void> begin_with(std::string_view line) {
        pair.begin();
        static_cast<void>(pair.alpha.peer->take_outgoing(pair.now));
        return pair.say(pair.beta, as_bytes(std::string(line) + "\n"));
    }
    /// What beta said to it reaches alpha with another ID line.
    Result<void> answer_with(std::string_view line) {
        const auto said = pair.beta.peer->take_outgoing(pair.now);
        const auto text = as_text(said);
        auto changed = std::string(line) + std::string(text.substr(text.find('\n')));
        return pair.say(pair.alpha, as_bytes(changed));
    }
    PeerPair pair;
};

TEST_F(SecureTest, TwoWithKeysProveThemselvesBySptps) {
    ASSERT_TRUE(pair.activate());
    EXPECT_EQ(pair.alpha.peer->proven_key(), key_of(pair.beta));
    EXPECT_EQ(pair.beta.peer->proven_key(), key_of(pair.alpha));
    const auto activated = pair.beta.all<Activated>();
    ASSERT_EQ(activated.size(), 1U);
    EXPECT_EQ(activated.front().options >> 24U, 7U);
}

TEST_F(SecureTest, BytesMayComeOneByOne) {
    pair.begin();
    ASSERT_TRUE(pair.talk(1));
    ASSERT_EQ(pair.beta.state(), State::active);
    ASSERT_TRUE(pair.tell_beta("10 1 alpha 10.0.0.0/8"));
    EXPECT_EQ(pair.beta.all<RequestArrived>().front().line, "10 1 alpha 10.0.0.0/8");
}

TEST_F(SecureTest, CarriesFramesAndSealedPacketsBetweenRequests) {
    ASSERT_TRUE(pair.activate());
    const std::vector<std::byte> frame(1'000, std::byte{7});
    const std::vector<std::byte> packet(1'033, std::byte{8});
    ASSERT_TRUE(pair.alpha.peer->takes_sptps_packets());
    for (int i = 0; i < 3; ++i) {
        pair.alpha.peer->send_packet(frame, pair.now);
        pair.alpha.peer->send_sptps_packet(packet, pair.now);
        ASSERT_TRUE(pair.tell_beta("14 1 alpha"));
    }
    const auto frames = pair.beta.all<PacketArrived>();
    const auto packets = pair.beta.all<SptpsPacketArrived>();
    ASSERT_EQ(frames.size(), 3U);
    ASSERT_EQ(packets.size(), 3U);
    EXPECT_EQ(frames.back().frame, frame);
    EXPECT_EQ(packets.back().packet, packet);
    EXPECT_EQ(pair.beta.all<RequestArrived>().size(), 3U);
}

TEST_F(SecureTest, APacketThatNoRecordCanHoldEndsTheConnection) {
    ASSERT_TRUE(pair.activate());
    pair.alpha.peer->send_packet(std::vector<std::byte>(5'000), pair.now);
    static_cast<void>(pair.alpha.peer->take_outgoing(pair.now));
    EXPECT_LE(pair.alpha.peer->deadline(), pair.now);
    const auto kept = pair.alpha.peer->on_time(pair.now);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Errc::exhausted);
}

TEST_F(SecureTest, ARequestOfTheHandshakeEndsTheConnection) {
    for (const auto* line :
         {"0 alpha 17.7", "1 429 672 0 0 00", "2 00", "3 00", "4 655 1 c", "18"}) {
        ASSERT_TRUE(pair.activate());
        const auto told = pair.tell_beta(line);
        ASSERT_FALSE(told) << line;
        EXPECT_EQ(told.error().code, Errc::refused) << line;
    }
}

TEST_F(SecureTest, APacketHasTheLengthThatWasTold) {
    ASSERT_TRUE(pair.activate());
    ASSERT_TRUE(pair.tell_beta("17 100"));
    EXPECT_FALSE(pair.tell_beta("not a hundred bytes"));
    for (const auto* header : {"21 5", "21 -1", "21 30000"}) {
        ASSERT_TRUE(pair.activate());
        EXPECT_FALSE(pair.tell_beta(header)) << header;
    }
    ASSERT_TRUE(pair.activate());
    EXPECT_TRUE(pair.tell_beta("21 0"));
}

TEST_F(SecureTest, OneFlippedBitEndsTheConnection) {
    ASSERT_TRUE(pair.activate());
    ASSERT_TRUE(pair.alpha.peer->send_line("8", Peer::Telling::silent));
    auto bytes = pair.alpha.peer->take_outgoing(pair.now);
    bytes.back() ^= std::byte{1};
    const auto told = pair.say(pair.beta, bytes);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::forged);
}

TEST_F(SecureTest, AStrangersLongRecordIsRefusedAtOnce) {
    ASSERT_TRUE(begin_with("0 alpha 17.7"));
    const std::byte long_record[] = {std::byte{0xff}, std::byte{0xff}};
    const auto told = pair.say(pair.beta, long_record);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::exhausted);
}

TEST_F(SecureTest, AnotherKeyIsNotTaken) {
    pair.beta.host.ed25519_key = some_key(3)->public_key();
    pair.begin();
    const auto told = pair.talk();
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr("Failed to verify SIG record"));
    EXPECT_NE(pair.beta.state(), State::active);
}

// --- a man in the middle
// --------------------------------------------------------------------------

TEST_F(SecureTest, WhoseKeyIsKnownCannotBeTalkedDownToRsa) {
    for (const auto* line : {"0 alpha 17", "0 alpha 17.0", "0 alpha 17.x"}) {
        const auto told = begin_with(line);
        ASSERT_FALSE(told) << line;
        EXPECT_THAT(told.error().what, HasSubstr("tries to roll back protocol version"));
        EXPECT_FALSE(pair.beta.peer->has_outgoing()) << line;
    }
}

TEST_F(SecureTest, NeitherCanWhoDials) {
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    const auto told = answer_with("0 beta 17");
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr("tries to roll back protocol version"));
}

TEST_F(SecureTest, AVersionWithoutKeysLeadsToNoConnection) {
    // Beta is made to believe that alpha does not know its key; they tell each other their keys,
    // which are known, and part.
    ASSERT_TRUE(begin_with("0 alpha 17.1"));
    EXPECT_FALSE(answer_with("0 beta 17.1").has_value() && pair.talk().has_value());
    EXPECT_NE(pair.alpha.state(), State::active);
    EXPECT_NE(pair.beta.state(), State::active);
    for (const auto& learned : pair.beta.all<KeyLearned>()) EXPECT_FALSE(learned.key);
}

TEST_F(SecureTest, AMetakeyInPlaceOfARecordIsToldAsWhatItIs) {
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    const auto told = pair.say(pair.alpha, as_bytes("0 beta 17.7\n1 429 672 0 0 00\n"));
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr("does not know our Ed25519 key"));
}

TEST_F(SecureTest, OurOwnRecordsComeBackInVain) {
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    static_cast<void>(pair.beta.peer->take_outgoing(pair.now));
    ASSERT_TRUE(pair.say(pair.alpha, as_bytes("0 beta 17.7\n")));
    const auto kex = pair.alpha.peer->take_outgoing(pair.now);
    const auto told = pair.say(pair.alpha, kex);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::forged);
}

TEST_F(SecureTest, ABrokenKeyInTheHostFileIsNoReasonToDoWithoutIt) {
    pair.beta.host.ed25519_key = failure(Errc::malformed, "hosts/alpha line 3: no key");
    pair.begin();
    const auto told = pair.talk();
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr("line 3"));
}

TEST_F(SecureTest, APeerMayChangeKeysOnTheConnection) {
    ASSERT_TRUE(begin_with("0 alpha 17.7"));
    auto said = pair.beta.peer->take_outgoing(pair.now);
    test::FarStream alpha({.role = sptps::Role::initiator,
                           .own_key = pair.alpha.settings.own_keys.ed25519,
                           .peer_key = key_of(pair.beta),
                           .label = sptps::meta_label("alpha", "beta")},
                          pair.alpha.random);
    said.erase(said.begin(), std::ranges::find(said, std::byte{'\n'}) + 1);
    const auto exchange = [&] {
        for (; !said.empty(); said = pair.beta.peer->take_outgoing(pair.now)) {
            ASSERT_TRUE(alpha.hear(said));
            ASSERT_TRUE(pair.say(pair.beta, alpha.take_outgoing()));
        }
    };
    ASSERT_TRUE(pair.say(pair.beta, alpha.take_outgoing()));
    exchange();
    alpha.say(0, as_bytes("4 655 10 700000c\n"));
    for (int i = 0; i < 3; ++i) {
        alpha.say(0, as_bytes("14 1 alpha\n"));
        alpha.start();
        said = alpha.take_outgoing();
        ASSERT_TRUE(pair.say(pair.beta, said));
        said = pair.beta.peer->take_outgoing(pair.now);
        exchange();
    }
    EXPECT_EQ(pair.beta.state(), State::active);
    EXPECT_THAT(pair.beta.all<RequestArrived>(), SizeIs(3));
    EXPECT_THAT(pair.beta.all<Activated>(), SizeIs(1)) << "once, however many keys there were";
    EXPECT_EQ(std::ranges::count(alpha.heard, test::FarStream::handshake_type,
                                 &test::FarStream::Heard::type),
              1 + 3);
}

// --- keys instead of ACK
// --------------------------------------------------------------------------

TEST_F(SecureTest, WhoKnowEachOtherByRsaTellTheirKeysAndPart) {
    forget_key(pair.alpha);
    forget_key(pair.beta);
    pair.begin();
    const auto told = pair.talk();
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::closed) << told.error().what;
    // What was understood before the end counts.
    static_cast<void>(pair.collect(pair.beta));
    const auto at_beta = pair.beta.all<KeyLearned>();
    ASSERT_EQ(at_beta.size(), 1U);
    EXPECT_EQ(at_beta.front().name, "alpha");
    EXPECT_EQ(at_beta.front().key, key_of(pair.alpha));
    EXPECT_THAT(pair.beta.all<Activated>(), IsEmpty());
}

TEST_F(SecureTest, WhoAloneLacksAKeyGetsIt) {
    forget_key(pair.alpha);
    pair.begin();
    static_cast<void>(pair.talk());
    static_cast<void>(pair.collect(pair.alpha));
    const auto learned = pair.alpha.all<KeyLearned>();
    ASSERT_EQ(learned.size(), 1U);
    EXPECT_EQ(learned.front().key, key_of(pair.beta));
    for (const auto& known : pair.beta.all<KeyLearned>()) EXPECT_EQ(known.key, std::nullopt);
}

TEST_F(SecureTest, AKeyIsNeverReplacedByAnother) {
    pair.alpha.host.ed25519_key = std::nullopt;
    pair.beta.host.ed25519_key = some_key(3)->public_key();
    pair.begin();
    Result<void> told;
    while (told && (pair.alpha.peer->has_outgoing() || pair.beta.peer->has_outgoing())) {
        told = pair.carry(pair.alpha, pair.beta);
        if (told) told = pair.carry(pair.beta, pair.alpha);
    }
    ASSERT_FALSE(told);
    EXPECT_THAT(pair.beta.all<KeyLearned>(), IsEmpty());
}

// --- with nodes of 1.0
// ----------------------------------------------------------------------------

TEST_F(SecureTest, ANodeOfTheOldProtocolIsSpokenToAsEver) {
    pair.alpha.settings.own_keys.ed25519 = nullptr;
    forget_key(pair.beta);
    ASSERT_TRUE(pair.activate());
    EXPECT_EQ(pair.beta.peer->proven_key(), std::nullopt);
    EXPECT_FALSE(pair.beta.peer->takes_sptps_packets());
    EXPECT_EQ(pair.beta.all<Activated>().front().options >> 24U, 0U);
    const auto told = pair.tell_beta("21 100");
    EXPECT_FALSE(told) << "that is no packet of this protocol";
}

TEST_F(SecureTest, WithoutAnRsaKeyOldNodesAreToldSo) {
    pair.alpha.settings.own_keys.ed25519 = nullptr;
    pair.beta.settings.own_keys.rsa.reset();
    forget_key(pair.beta);
    pair.begin();
    const auto told = pair.talk();
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr("we have no RSA key"));
}

}  // namespace
}  // namespace tinc::peer
