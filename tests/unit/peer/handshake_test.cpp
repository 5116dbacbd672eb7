// The way from the first byte to `active`.

#include "support/golden_keys.hpp"
#include "support/peer_pair.hpp"
#include "support/scripted_random.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <string>

namespace tinc::peer {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::PeerPair;
using test::unhex;
using testing::HasSubstr;

class InPieces : public testing::TestWithParam<std::size_t> {};

TEST_P(InPieces, BothEndsBecomeActiveAndUnderstandEachOther) {
    PeerPair pair;
    pair.begin();
    const auto talked = pair.talk(GetParam());
    ASSERT_TRUE(talked) << talked.error().what;
    ASSERT_EQ(pair.alpha.state(), State::active);
    ASSERT_EQ(pair.beta.state(), State::active);
    EXPECT_EQ(pair.alpha.all<Activated>().size(), 1U);
    EXPECT_EQ(pair.beta.all<Activated>().size(), 1U);
    EXPECT_EQ(pair.beta.peer->name(), "alpha");

    const std::vector<std::byte> frame(1'514, std::byte{'\n'});
    pair.alpha.peer->send_packet(frame, pair.now);
    ASSERT_TRUE(pair.alpha.peer->send_line("14 1 alpha", Peer::Telling::log));
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta, GetParam()));
    ASSERT_EQ(pair.beta.all<PacketArrived>().size(), 1U);
    EXPECT_EQ(pair.beta.all<PacketArrived>()[0].frame, frame);
    ASSERT_EQ(pair.beta.all<RequestArrived>().size(), 1U);
    EXPECT_EQ(pair.beta.all<RequestArrived>()[0].line, "14 1 alpha");
}
INSTANTIATE_TEST_SUITE_P(Sizes, InPieces,
                         testing::Values(1, 2, 7, 64, 1'000, PeerPair::all_at_once));

// Against 1.0.36 ---------------------------------------------------------------------------------

/// One end of a captured connection: what it sent, and what chance it had.
struct Recording {
    json sent;
    json received;
    bool is_initiator = false;
};

Recording recording_of(std::string_view node) {
    const auto golden = json::parse(test::test_data("meta_handshake.json"));
    const auto& directions = golden["directions"];
    const std::size_t own = directions[0]["sender"] == node ? 0 : 1;
    return {directions[own], directions[1 - own], golden["initiator"] == node};
}

std::vector<std::byte> chance_of(const json& sent) {
    auto bytes = unhex(sent["metakey_plain_hex"].get<std::string>());
    const auto challenge = unhex(sent["decrypted_lines"][0].get<std::string>().substr(2));
    bytes.insert(bytes.end(), challenge.begin(), challenge.end());
    return bytes;
}

class RecordedConnection : public testing::TestWithParam<std::string> {};

TEST_P(RecordedConnection, IsRepeatedByteForByte) {
    const auto [sent, received, is_initiator] = recording_of(GetParam());
    const std::string other = received["sender"];
    auto settings = test::peer_settings(GetParam());
    settings.own_keys.rsa = test::golden_private_key(GetParam());
    config::HostSettings host;
    host.public_key = test::golden_public_key(other);
    test::ScriptedRandom random(chance_of(sent));
    test::RecordedLog log;

    // The captured ACK tells how many milliseconds the handshake had taken.
    const std::string ack = sent["decrypted_lines"][2];
    const Time begun{1h};
    const Time now = begun + std::chrono::milliseconds(ack.at(6) - '0');
    auto peer =
        is_initiator
            ? Peer::outgoing(settings, PeerPair::beta_endpoint, other, host, random, log, begun)
            : Peer::accepted(settings, PeerPair::beta_endpoint, random, log, begun);
    if (is_initiator) peer.connected();
    ASSERT_TRUE(peer.receive(unhex(received["tcp_stream_hex"].get<std::string>()), now));

    std::vector<std::string> requests;
    while (auto event = peer.next_event()) {
        if (std::holds_alternative<HostWanted>(*event)) {
            ASSERT_TRUE(peer.provide_host(host, now));
        }
        if (const auto* request = std::get_if<RequestArrived>(&*event))
            requests.push_back(request->line);
    }
    ASSERT_EQ(peer.state(), State::active);
    const auto theirs = received["decrypted_lines"].get<std::vector<std::string>>();
    EXPECT_EQ(requests, std::vector<std::string>(theirs.begin() + 3, theirs.end()));

    for (std::size_t i = 3; i < sent["decrypted_lines"].size(); ++i)
        ASSERT_TRUE(
            peer.send_line(sent["decrypted_lines"][i].get<std::string>(), Peer::Telling::log));
    EXPECT_EQ(hex_text(peer.take_outgoing(now)),
              hex_text(unhex(sent["tcp_stream_hex"].get<std::string>())));
}
INSTANTIATE_TEST_SUITE_P(Golden, RecordedConnection, testing::Values("alpha", "beta"),
                         [](const auto& node) { return node.param; });

// ID
// -----------------------------------------------------------------------------------------------

struct BadId {
    std::string_view name;
    std::string_view line;
    std::string_view complaint;
};

class IdRefused : public testing::TestWithParam<BadId> {};

TEST_P(IdRefused, WithoutAnAnswer) {
    PeerPair pair;
    pair.begin();
    const auto told = pair.say(pair.beta, as_bytes(std::string(GetParam().line) + "\n"));
    ASSERT_FALSE(told);
    EXPECT_THAT(told.error().what, HasSubstr(GetParam().complaint));
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
    EXPECT_TRUE(pair.beta.events.empty());
    EXPECT_FALSE(pair.beta.peer->is_authenticated());
}
INSTANTIATE_TEST_SUITE_P(
    Accepted, IdRefused,
    testing::Values(BadId{"own_name", "0 beta 17", "our own name"},
                    BadId{"control_of_1_1", "0 ^0123456789ABCDEF 17", "illegal name"},
                    BadId{"invitation_of_1_1", "0 ?cookie 17", "illegal name"},
                    BadId{"slash", "0 ../alpha 17", "illegal name"},
                    BadId{"dash", "0 al-pha 17", "illegal name"},
                    BadId{"older", "0 alpha 16", "incompatible version 16"},
                    BadId{"newer", "0 alpha 18", "incompatible version 18"},
                    BadId{"negative", "0 alpha -17", "incompatible version -17"},
                    BadId{"huge", "0 alpha 99999999999", "out of range"},
                    BadId{"no_version", "0 alpha", "missing"}, BadId{"no_name", "0", "missing"},
                    BadId{"empty_line", "", "Bogus data received"},
                    BadId{"http", "GET / HTTP/1.1", "Bogus data received"}),
    [](const auto& row) { return std::string(row.param.name); });

class IdAccepted : public testing::TestWithParam<std::string_view> {};

TEST_P(IdAccepted, AsLiberallyAs1036Is) {
    PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.say(pair.beta, as_bytes(std::string(GetParam()) + "\n")));
    EXPECT_EQ(pair.beta.peer->name(), "alpha");
    EXPECT_EQ(pair.beta.state(), State::authenticating);
}
INSTANTIATE_TEST_SUITE_P(Accepted, IdAccepted,
                         testing::Values("0 alpha 17", "0 alpha 17.7", "0 alpha 17x more",
                                         "0  alpha\t 17", " 0 alpha 17"));

TEST(IdTest, ANameTooLongForAFileIsIllegal) {
    PeerPair pair;
    pair.begin();
    const auto name = std::string(limits::node_name_bytes + 1, 'n');
    EXPECT_FALSE(pair.say(pair.beta, as_bytes("0 " + name + " 17\n")));
}

TEST(IdTest, AnotherNodeThanTheOneWeDialledIsRefused) {
    PeerPair pair;
    pair.begin();
    const auto told = pair.say(pair.alpha, as_bytes("0 gamma 17\n"));
    ASSERT_FALSE(told);
    EXPECT_EQ(
        told.error().what,
        "Error while processing ID from beta (10.99.1.2 port 655): Peer 10.99.1.2 port 655 is "
        "gamma instead of beta");
}

TEST(IdTest, WithoutAHostFileNothingIsSaid) {
    PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.beta.peer->receive(as_bytes("0 stranger 17\n"), pair.now));
    const auto provided =
        pair.beta.peer->provide_host(failure(Errc::system, "No such file"), pair.now);
    ASSERT_FALSE(provided);
    EXPECT_THAT(provided.error().what, HasSubstr("had unknown identity (stranger)"));
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
}

TEST(IdTest, WithoutAPublicKeyNothingIsSaid) {
    PeerPair pair;
    pair.beta.host = {};
    pair.begin();
    EXPECT_FALSE(pair.carry(pair.alpha, pair.beta));
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
}

// METAKEY and what follows
// -------------------------------------------------------------------------

struct BadMetakey {
    std::string_view name;
    std::string line;
    Errc code;
};

class MetakeyRefused : public testing::TestWithParam<BadMetakey> {};

TEST_P(MetakeyRefused, WithoutAnotherByte) {
    PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    static_cast<void>(pair.beta.peer->take_outgoing(pair.now));
    const auto told = pair.say(pair.beta, as_bytes(GetParam().line + "\n"));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, GetParam().code) << told.error().what;
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
}

const std::string some_key = "00" + std::string(126, 'A');

INSTANTIATE_TEST_SUITE_P(
    Accepted, MetakeyRefused,
    testing::Values(
        BadMetakey{"null_cipher", "1 0 672 0 0 " + some_key, Errc::refused},
        BadMetakey{"unknown_cipher", "1 99999 672 0 0 " + some_key, Errc::refused},
        BadMetakey{"block_cipher", "1 427 672 0 0 " + some_key, Errc::refused},
        BadMetakey{"null_digest", "1 429 0 0 0 " + some_key, Errc::refused},
        BadMetakey{"unknown_digest", "1 429 99999 0 0 " + some_key, Errc::refused},
        BadMetakey{"negative_mac", "1 429 672 -1 0 " + some_key, Errc::refused},
        BadMetakey{"mac_too_long", "1 429 672 33 0 " + some_key, Errc::refused},
        BadMetakey{"key_too_short", "1 429 672 0 0 00", Errc::forged},
        BadMetakey{"key_too_long", "1 429 672 0 0 " + some_key + "00", Errc::forged},
        BadMetakey{"above_modulus", "1 429 672 0 0 " + std::string(128, 'F'), Errc::forged},
        BadMetakey{"not_hexadecimal", "1 429 672 0 0 " + std::string(128, 'G'), Errc::malformed},
        BadMetakey{"field_missing", "1 429 672 0 0", Errc::malformed}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(OracleTest, TheResponderAnswersNoChallengeBeforeItsOwnWasAnswered) {
    PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));  // ID
    ASSERT_TRUE(pair.carry(pair.beta, pair.alpha));  // ID, METAKEY
    // Alpha's METAKEY and CHALLENGE, but not its CHAL_REPLY, which it owes only to a CHALLENGE.
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    ASSERT_TRUE(pair.carry(pair.beta, pair.alpha));
    EXPECT_TRUE(pair.beta.log.contains("Got CHALLENGE"));
    EXPECT_FALSE(pair.beta.log.contains("Sending CHAL_REPLY"));
    EXPECT_FALSE(pair.beta.log.contains("Sending ACK"));
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    EXPECT_TRUE(pair.beta.log.contains("Sending CHAL_REPLY"));
    EXPECT_TRUE(pair.beta.log.contains("Sending ACK"));
}

TEST(OracleTest, AWrongReplyGetsNoReply) {
    PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    ASSERT_TRUE(pair.carry(pair.beta, pair.alpha));
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    static_cast<void>(pair.beta.peer->take_outgoing(pair.now));
    const auto told = pair.tell_beta("3 " + std::string(64, '0'));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::forged);
    EXPECT_THAT(told.error().what, HasSubstr("Possible intruder"));
    EXPECT_THAT(told.error().what, HasSubstr("alpha (10.99.1.1 port 42705)"));
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
}

// ACK
// ----------------------------------------------------------------------------------------------

/// What each end wants, and the option bits that follow: merged ones are the same at both ends but
/// for ClampMSS, about which the own host file has the last word. Source: legacy protocol 2.2.
struct Merging {
    std::string_view name;
    void (*adjust)(PeerPair&);
    std::uint32_t alpha;
    std::uint32_t beta;
};

class OptionMerge : public testing::TestWithParam<Merging> {};

TEST_P(OptionMerge, FollowsTheTable) {
    PeerPair pair;
    GetParam().adjust(pair);
    ASSERT_TRUE(pair.activate());
    EXPECT_EQ(pair.alpha.peer->options(), GetParam().alpha);
    EXPECT_EQ(pair.beta.peer->options(), GetParam().beta);
    EXPECT_EQ(pair.alpha.all<Activated>().at(0).options, GetParam().alpha);
}
INSTANTIATE_TEST_SUITE_P(
    Table, OptionMerge,
    testing::Values(
        Merging{"defaults", [](PeerPair&) {}, 0xc, 0xc},
        Merging{"indirect", [](PeerPair& p) { p.alpha.settings.indirect_data = true; }, 0xd, 0xd},
        Merging{"indirect_host", [](PeerPair& p) { p.beta.host.indirect_data = true; }, 0xd, 0xd},
        Merging{"tcp_only", [](PeerPair& p) { p.alpha.settings.tcp_only = true; }, 0xb, 0xb},
        Merging{"tcp_only_host", [](PeerPair& p) { p.beta.host.tcp_only = true; }, 0xb, 0xb},
        Merging{"no_pmtu", [](PeerPair& p) { p.beta.settings.pmtu_discovery = false; }, 0x8, 0x8},
        Merging{"one_clamps", [](PeerPair& p) { p.beta.settings.clamp_mss = false; }, 0xc, 0xc},
        Merging{"none_clamps",
                [](PeerPair& p) { p.alpha.settings.clamp_mss = p.beta.settings.clamp_mss = false; },
                0x4, 0x4},
        Merging{"host_forces_off", [](PeerPair& p) { p.alpha.host.clamp_mss = false; }, 0x4, 0xc},
        Merging{"host_forces_on",
                [](PeerPair& p) {
                    p.alpha.settings.clamp_mss = p.beta.settings.clamp_mss = false;
                    p.beta.host.clamp_mss = true;
                },
                0xc, 0xc}),
    [](const auto& row) { return std::string(row.param.name); });

/// Brings beta to where it waits for ACK, and hands it this one.
Activated acknowledged(PeerPair& pair, std::string_view ack) {
    EXPECT_TRUE(pair.bring_beta_to(State::awaiting_ack));
    const auto told = pair.tell_beta(ack);
    EXPECT_TRUE(told) << told.error().what;
    const auto activations = pair.beta.all<Activated>();
    return activations.empty() ? Activated{} : activations.front();
}

TEST(AckTest, AWeakCipherIsToldOnceItsOwnerIsProven) {
    PeerPair pair;
    pair.beta.settings.meta_cipher = crypto::cipher_by_name("bf-ofb").value();
    ASSERT_TRUE(pair.activate());
    EXPECT_TRUE(
        pair.alpha.log.contains(" encrypts its meta connection with bf-ofb, which is weak: "
                                "its blocks of 64 bits"));
    EXPECT_FALSE(pair.beta.log.contains("which is weak"));
}

TEST(AckTest, WeightIsTheMeanOfBothEstimates) {
    PeerPair pair;
    pair.beta.host.weight = 7;
    EXPECT_EQ(acknowledged(pair, "4 655 4 c").weight, 5);
}

TEST(AckTest, WeightDefaultsToTheMillisecondsSinceTheBeginning) {
    PeerPair pair;
    pair.begin();
    pair.now += 40ms;
    ASSERT_TRUE(pair.talk());
    EXPECT_EQ(pair.beta.all<Activated>().at(0).weight, 40);
    EXPECT_TRUE(pair.beta.log.contains("Sending ACK to alpha (10.99.1.1 port 42705): 4 655 40 c"));
}

TEST(AckTest, WeightsAtTheirLimitsDoNotOverflow) {
    constexpr std::int32_t most = 2'147'483'647;
    PeerPair high;
    high.beta.host.weight = most;
    EXPECT_EQ(acknowledged(high, "4 655 2147483647 c").weight, most);
    PeerPair low;
    low.beta.host.weight = -most;
    EXPECT_EQ(acknowledged(low, "4 655 -2147483648 c").weight, -most);
}

TEST(AckTest, ThePortComesFromTheAckUnlessItIsUseless) {
    PeerPair numeric;
    EXPECT_EQ(acknowledged(numeric, "4 1655 1 c").address.port, 1'655);
    for (const auto* ack : {"4 0 1 c", "4 http 1 c", "4 70000 1 c", "4 -1 1 c"}) {
        PeerPair pair;
        EXPECT_EQ(acknowledged(pair, ack).address, PeerPair::alpha_endpoint) << ack;
    }
}

TEST(AckTest, UnknownOptionBitsArePassedOn) {
    PeerPair pair;
    EXPECT_EQ(acknowledged(pair, "4 655 1 0700000c").options, 0x0700000cU);
}

TEST(AckTest, PmtuOfTheHostFileIsReported) {
    PeerPair pair;
    pair.beta.host.pmtu = 1'400;
    EXPECT_EQ(acknowledged(pair, "4 655 1 c").pmtu, 1'400);
}

class AckRefused : public testing::TestWithParam<std::string_view> {};

TEST_P(AckRefused, AsMalformed) {
    PeerPair pair;
    ASSERT_TRUE(pair.bring_beta_to(State::awaiting_ack));
    const auto told = pair.tell_beta(GetParam());
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::malformed);
    EXPECT_TRUE(pair.beta.all<Activated>().empty());
}
INSTANTIATE_TEST_SUITE_P(Lines, AckRefused,
                         testing::Values("4", "4 655", "4 655 1", "4 655 x c", "4 655 1 g",
                                         "4 655 2147483648 c", "4 655 1 100000000"));

// What the operator sees
// ---------------------------------------------------------------------------

TEST(StatusTest, WordsAreThoseOf1036) {
    PeerPair pair;
    pair.alpha.peer.emplace(Peer::outgoing(pair.alpha.settings, PeerPair::beta_endpoint, "beta",
                                           pair.alpha.host, pair.alpha.random, pair.alpha.log,
                                           pair.now));
    EXPECT_EQ(pair.alpha.peer->status_word(), 0x4U);  // connecting
    ASSERT_TRUE(pair.activate());
    EXPECT_EQ(pair.alpha.peer->status_word(), 0xc2U);  // active, encrypting, decrypting
    ASSERT_TRUE(pair.alpha.peer->ping(pair.now));
    EXPECT_EQ(pair.alpha.peer->status_word(), 0xc3U);
}

TEST(StatusTest, LabelsNameAStrangerUnknownUntilItsId) {
    PeerPair pair;
    pair.begin();
    EXPECT_EQ(pair.beta.peer->label(), "<unknown> (10.99.1.1 port 42705)");
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    EXPECT_EQ(pair.beta.peer->label(), "alpha (10.99.1.1 port 42705)");
    EXPECT_TRUE(pair.beta.log.contains("Got ID from <unknown> (10.99.1.1 port 42705): 0 alpha 17"));
}

TEST(StatusTest, AuthenticationIsClaimedOnlyOnceProven) {
    PeerPair pair;
    pair.begin();
    EXPECT_FALSE(pair.beta.peer->is_authenticated());
    ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
    EXPECT_FALSE(pair.beta.peer->is_authenticated());
    ASSERT_TRUE(pair.talk());
    EXPECT_TRUE(pair.beta.peer->is_authenticated());
    EXPECT_TRUE(pair.beta.log.contains("Connection with alpha (10.99.1.1 port 42705) activated"));
}

// --bypass-security ------------------------------------------------------------------------------

TEST(BypassSecurityTest, AckFollowsIdInClear) {
    PeerPair pair;
    pair.alpha.settings.bypass_security = pair.beta.settings.bypass_security = true;
    pair.begin();
    const auto hello = pair.alpha.peer->take_outgoing(pair.now);
    EXPECT_EQ(as_text(hello), "0 alpha 17\n");
    ASSERT_TRUE(pair.say(pair.beta, hello));
    const auto answer = pair.beta.peer->take_outgoing(pair.now);
    EXPECT_EQ(as_text(answer), "0 beta 17\n4 655 0 c\n");
    ASSERT_TRUE(pair.say(pair.alpha, answer));
    EXPECT_EQ(as_text(pair.alpha.peer->take_outgoing(pair.now)), "4 655 0 c\n");
    ASSERT_TRUE(pair.say(pair.beta, as_bytes(std::string_view("4 655 0 c\n8\n"))));
    EXPECT_EQ(pair.alpha.state(), State::active);
    EXPECT_EQ(pair.beta.state(), State::active);
    EXPECT_EQ(as_text(pair.beta.peer->take_outgoing(pair.now)), "9\n");
}

TEST(BypassSecurityTest, HostFilesAreNotAskedFor) {
    PeerPair pair;
    pair.alpha.settings.bypass_security = pair.beta.settings.bypass_security = true;
    pair.beta.host.public_key = failure(Errc::refused, "no such host file");
    ASSERT_TRUE(pair.activate());
    EXPECT_TRUE(pair.beta.all<HostWanted>().empty());
}

TEST(BypassSecurityTest, TakesTwo) {
    for (const bool alphas : {true, false}) {
        PeerPair pair;
        (alphas ? pair.alpha : pair.beta).settings.bypass_security = true;
        EXPECT_FALSE(pair.activate());
        EXPECT_NE(pair.alpha.state(), State::active);
        EXPECT_NE(pair.beta.state(), State::active);
    }
}

TEST(BypassSecurityTest, NamesAreStillChecked) {
    for (const auto* line : {"0 beta 17\n", "0 al.pha 17\n", "0 alpha 16\n", "4 655 0 c\n"}) {
        PeerPair pair;
        pair.beta.settings.bypass_security = true;
        pair.begin();
        EXPECT_FALSE(pair.say(pair.beta, as_bytes(std::string_view(line)))) << line;
    }
}

}  // namespace
}  // namespace tinc::peer
