#include "neighbourhood.hpp"
#include "tinc/base/base64.hpp"
#include "tinc/sptps/datagram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

constexpr std::uint32_t modern = 0x0700000c;

std::shared_ptr<const crypto::Ed25519PrivateKey> key_of(std::uint64_t seed) {
    test::SeededRandom random(seed);
    return std::make_shared<const crypto::Ed25519PrivateKey>(
        crypto::Ed25519PrivateKey::generate(random));
}

MeshSettings modern_settings() {
    auto settings = Neighbourhood::usual_settings();
    settings.key = key_of(1);
    return settings;
}

/// "me", with the neighbour beta and omega behind it, both of 1.1. Beta's key is known.
struct SessionsTest : testing::Test {
    explicit SessionsTest(MeshSettings settings = modern_settings()) : net(std::move(settings)) {
        beta = net.connect("beta", modern);
        net.hear(beta, fmt::format("12 {} beta me 192.0.2.1 655 700000c 10", net.nonce()));
        net.hear(beta, fmt::format("12 {} beta omega 198.51.100.7 655 700000c 10 10.0.0.7 655",
                                   net.nonce()));
        net.hear(beta, fmt::format("12 {} omega beta 198.51.100.8 655 700000c 10", net.nonce()));
        net.forget_effects();
    }
    /// What hosts/omega says of its key.
    void load_key(std::optional<crypto::Ed25519PublicKey> key) {
        config::HostSettings host;
        host.ed25519_key = key;
        net.mesh.key_loaded("omega", host, net.now);
        net.collect();
    }
    void use_omega() {
        net.mesh.tunnel_used(net.node("omega"), net.now);
        net.collect();
    }
    /// Omega's end of a session, which we began.
    void answer_as_omega() {
        const auto request = last_said("15 me omega 15 ");
        omega.emplace(sptps::Parties{.role = sptps::Role::responder,
                                     .own_key = key_of(2),
                                     .peer_key = key_of(1)->public_key(),
                                     .label = sptps::node_label("me", "omega")},
                      random);
        const auto kex = omega->start().value();
        ASSERT_TRUE(omega->receive(parse_base64(request).value()));
        say(std::get<sptps::Session::Send>(kex.front()).datagram);
        const auto sig = last_said("16 me omega ");
        const auto steps =
            omega->receive(parse_base64(sig.substr(0, sig.find(' '))).value()).value();
        for (const auto& step : steps)
            if (const auto* send = std::get_if<sptps::Session::Send>(&step)) say(send->datagram);
    }
    /// What follows these words where we have said them last.
    std::string last_said(std::string_view words) {
        const auto lines = net.lines_to(beta);
        const auto found =
            std::ranges::find_if(lines.rbegin(), lines.rend(),
                                 [&](const std::string& line) { return line.starts_with(words); });
        TINC_ASSERT(found != lines.rend());
        return found->substr(words.size());
    }
    void say(Bytes datagram) {
        net.hear(beta, fmt::format("16 omega me {} -1 -1 -1 9", base64_text(datagram)));
    }

    Neighbourhood net;
    PeerId beta{};
    test::SeededRandom random{7};
    std::optional<sptps::Session> omega;
};

TEST_F(SessionsTest, AKeyIsSoughtInTheHostFileFirst) {
    use_omega();
    ASSERT_THAT(net.all<ReadKey>(), SizeIs(2)) << "and that of beta, who could relay";
    EXPECT_EQ(net.all<ReadKey>().front()->name, "omega");
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
    load_key(key_of(2)->public_key());
    EXPECT_THAT(net.lines_to(beta), ElementsAre(StartsWith("15 me omega 15 ")));
    use_omega();
    EXPECT_THAT(net.lines_to(beta), SizeIs(1)) << "not again within ten seconds";
}

TEST_F(SessionsTest, AKeyThatIsNotThereIsAskedForAndKept) {
    use_omega();
    load_key(std::nullopt);
    EXPECT_THAT(net.lines_to(beta), ElementsAre("15 me omega 19"));
    const auto key = key_of(2)->public_key();
    net.hear(beta, "15 omega me 20 " + key.text());
    ASSERT_THAT(net.all<SaveKey>(), SizeIs(1));
    EXPECT_EQ(net.all<SaveKey>().front()->key, key);
    EXPECT_THAT(net.lines_to(beta), Contains(StartsWith("15 me omega 15 ")));
    EXPECT_TRUE(net.log.contains("Learned the Ed25519 key " + key.text() +
                                 " of omega by way of beta (192.0.2.9 port 4000); nobody else "
                                 "vouches for it"));
}

TEST_F(SessionsTest, AKeyNobodyAskedForIsIgnored) {
    net.hear(beta, "15 omega me 20 " + key_of(2)->public_key().text());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
}

TEST_F(SessionsTest, AKnownKeyIsNeverReplaced) {
    use_omega();
    load_key(key_of(2)->public_key());
    net.hear(beta, "15 omega me 20 " + key_of(3)->public_key().text());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
}

TEST_F(SessionsTest, AKeyToldWhileTheHostFileIsReadIsIgnored) {
    // A relay that makes us look for the key tells its own in the same breath.
    net.hear(beta, "15 omega me 19");
    net.hear(beta, "15 omega me 20 " + key_of(3)->public_key().text());
    load_key(key_of(2)->public_key());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
    answer_as_omega();
    EXPECT_TRUE(net.mesh.has_key(net.node("omega"))) << "with the key of the file";
}

TEST_F(SessionsTest, ABrokenKeyInTheHostFileIsNotReplaced) {
    use_omega();
    config::HostSettings broken;
    broken.ed25519_key = failure(Errc::malformed, "hosts/omega line 3: no key");
    net.mesh.key_loaded("omega", broken, net.now);
    net.pass(2 * Mesh::key_request_pause);
    use_omega();
    EXPECT_THAT(net.lines_to(beta), Not(Contains("15 me omega 19")));
    net.hear(beta, "15 omega me 20 " + key_of(3)->public_key().text());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
    EXPECT_TRUE(net.log.contains("hosts/omega line 3"));
}

TEST_F(SessionsTest, AHostFileThatCannotBeReadIsReadAgainLater) {
    const auto reads_of_omega = [this] {
        const auto reads = net.all<ReadKey>();
        return std::ranges::count_if(reads, [](const auto* read) { return read->name == "omega"; });
    };
    use_omega();
    net.mesh.key_loaded("omega", failure(Errc::refused, "Permission denied"), net.now);
    use_omega();
    EXPECT_EQ(reads_of_omega(), 1) << "but not at once";
    EXPECT_THAT(net.lines_to(beta), IsEmpty()) << "it may have a key";
    net.pass(Mesh::key_request_pause);
    use_omega();
    EXPECT_EQ(reads_of_omega(), 2);
}

TEST_F(SessionsTest, ANodeWithoutAHostFileIsAskedForItsKey) {
    use_omega();
    net.mesh.key_loaded("omega", failure(Errc::system, "No such file or directory"), net.now);
    net.collect();
    EXPECT_THAT(net.lines_to(beta), ElementsAre("15 me omega 19"));
}

struct StrictKeysTest : SessionsTest {
    StrictKeysTest() : SessionsTest(strict_settings()) {}
    static MeshSettings strict_settings() {
        auto settings = modern_settings();
        settings.strict_keys = true;
        return settings;
    }
};

TEST_F(StrictKeysTest, NobodyIsAskedForAKeyNorBelievedOne) {
    use_omega();
    load_key(std::nullopt);
    net.pass(2 * Mesh::key_request_pause);
    use_omega();
    net.hear(beta, "15 omega me 20 " + key_of(2)->public_key().text());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
    EXPECT_THAT(net.lines_to(beta), Not(Contains(StartsWith("15 me omega"))));
    EXPECT_THAT(net.log.lines, Contains(HasSubstr("StrictKeys is set")).Times(1));
}

TEST_F(StrictKeysTest, TheHostFileIsBelievedAlsoWhenItGetsAKeyLater) {
    use_omega();
    load_key(std::nullopt);
    const std::vector<std::string> changed{"omega"};
    net.mesh.forget_keys_of(changed);
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    EXPECT_TRUE(net.mesh.has_key(net.node("omega")));
}

TEST_F(StrictKeysTest, WhoAsksForOurKeyGetsIt) {
    net.hear(beta, "15 omega me 19");
    EXPECT_THAT(net.lines_to(beta),
                ElementsAre("15 me omega 20 " + key_of(1)->public_key().text()));
}

TEST_F(SessionsTest, AReloadMaySetStrictKeysWhileTheNodeIsAsked) {
    use_omega();
    load_key(std::nullopt);
    net.mesh.reload(StrictKeysTest::strict_settings(), net.now);
    net.hear(beta, "15 omega me 20 " + key_of(2)->public_key().text());
    EXPECT_THAT(net.all<SaveKey>(), IsEmpty());
}

TEST_F(StrictKeysTest, AReloadThatUnsetsItLetsTheNodeBeAsked) {
    use_omega();
    load_key(std::nullopt);
    net.mesh.reload(modern_settings(), net.now);
    net.pass(Mesh::key_request_pause);
    use_omega();
    load_key(std::nullopt);
    EXPECT_THAT(net.lines_to(beta), Contains("15 me omega 19"));
}

TEST_F(SessionsTest, WhoAsksForOurKeyGetsIt) {
    net.hear(beta, "15 omega me 19");
    EXPECT_THAT(net.lines_to(beta),
                ElementsAre("15 me omega 20 " + key_of(1)->public_key().text()));
    EXPECT_THAT(net.all<ReadKey>(), SizeIs(1)) << "we will need omega's, too";
}

TEST_F(SessionsTest, TheExchangeGivesKeysToTheDataPlane) {
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    EXPECT_TRUE(net.mesh.has_key(net.node("omega")));
    ASSERT_THAT(net.all<SetSptpsSealer>(), SizeIs(1));
    EXPECT_EQ(net.all<SetSptpsSealer>().front()->compression, 9) << "as omega wants";
    EXPECT_THAT(net.all<SetSptpsOpener>(), SizeIs(1));
}

TEST_F(SessionsTest, ADamagedMessageIsIgnored) {
    use_omega();
    load_key(key_of(2)->public_key());
    for (const auto* line : {"16 omega me AAAA -1 -1 -1 0", "16 omega me !!! -1 -1 -1 0",
                             "16 omega me AAAA -1 -1 -1 13", "15 omega me 15 AAAA",
                             "15 omega me 15", "15 omega me 77 x", "15 omega me 20 short"})
        net.hear(beta, line);
    answer_as_omega();
    EXPECT_TRUE(net.mesh.has_key(net.node("omega")));
}

TEST_F(SessionsTest, AnUnansweredRequestIsRepeatedAfterTenSeconds) {
    use_omega();
    load_key(key_of(2)->public_key());
    net.forget_effects();
    net.now += seconds(9);
    use_omega();
    EXPECT_EQ(net.count_lines(beta, "15 me omega 15 "), 0U);
    net.now += seconds(1);
    use_omega();
    EXPECT_EQ(net.count_lines(beta, "15 me omega 15 "), 1U);
}

TEST_F(SessionsTest, OfTwoRequestsThatCrossThatOfTheLowerNameLives) {
    use_omega();
    load_key(key_of(2)->public_key());
    sptps::Session theirs(sptps::Parties{.role = sptps::Role::initiator,
                                         .own_key = key_of(2),
                                         .peer_key = key_of(1)->public_key(),
                                         .label = sptps::node_label("omega", "me")},
                          random);
    const auto kex = theirs.start().value();
    const auto request = base64_text(std::get<sptps::Session::Send>(kex.front()).datagram);
    const auto before = net.lines_to(beta).size();
    net.hear(beta, "15 omega me 15 " + request);
    EXPECT_EQ(net.lines_to(beta).size(), before) << "ours goes on: me comes before omega";
}

TEST_F(SessionsTest, ARequestThatComesBeforeTheKeyIsAnsweredWhenTheKeyIsThere) {
    sptps::Session theirs(sptps::Parties{.role = sptps::Role::initiator,
                                         .own_key = key_of(2),
                                         .peer_key = key_of(1)->public_key(),
                                         .label = sptps::node_label("omega", "me")},
                          random);
    const auto kex = theirs.start().value();
    const auto request = base64_text(std::get<sptps::Session::Send>(kex.front()).datagram);
    net.hear(beta, "15 omega me 15 " + request);
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
    load_key(key_of(2)->public_key());
    EXPECT_THAT(net.lines_to(beta), ElementsAre(StartsWith("16 me omega ")))
        << "and no request of our own, which theirs would win over";
    const auto answer = last_said("16 me omega ");
    EXPECT_TRUE(theirs.receive(parse_base64(answer.substr(0, answer.find(' '))).value()));
}

TEST_F(SessionsTest, ADoubtedSessionIsRenewedRarely) {
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    net.forget_effects();
    net.mesh.session_doubted(net.node("omega"), net.now);
    net.collect();
    EXPECT_THAT(net.lines_to(beta), IsEmpty()) << "it has just begun";
    net.now += seconds(10);
    for (int i = 0; i < 5; ++i) net.mesh.session_doubted(net.node("omega"), net.now);
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "15 me omega 15 "), 1U);
    EXPECT_TRUE(net.mesh.has_key(net.node("omega"))) << "the old one is good until then";
}

struct WornSessionTest : SessionsTest {
    static constexpr std::uint32_t few_records = 100;

    WornSessionTest() : SessionsTest(settings()) {
        use_omega();
        load_key(key_of(2)->public_key());
        answer_as_omega();
    }
    static MeshSettings settings() {
        auto settings = modern_settings();
        settings.session_records = few_records;
        return settings;
    }
    /// What seals packets for omega.
    sptps::Sealer& sealer() {
        for (auto& effect : net.effects)
            if (auto* set = std::get_if<SetSptpsSealer>(&effect)) sealer_ = std::move(set->sealer);
        net.forget_effects();
        return *sealer_;
    }
    /// Packets go to omega until so many numbers are used up.
    void use_up(std::uint32_t records) {
        while (sealer().counter().taken() < records) {
            packet::Packet packet;
            packet.resize(40);
            ASSERT_TRUE(sealer().seal(packet, 0));
        }
    }
    std::size_t sessions_begun() { return net.count_lines(beta, "15 me omega 15 "); }

  private:
    std::optional<sptps::Sealer> sealer_;
};

TEST_F(WornSessionTest, IsLeftAloneUntilItsNumbersComeNearTheirEnd) {
    use_up(few_records - 1);
    net.pass(2 * settings().ping_timeout);
    EXPECT_EQ(sessions_begun(), 0U);
}

TEST_F(WornSessionTest, IsReplacedByOneWhoseNumbersBeginAnew) {
    use_up(few_records);
    net.pass(2 * settings().ping_timeout);
    ASSERT_EQ(sessions_begun(), 1U);
    EXPECT_TRUE(net.mesh.has_key(net.node("omega"))) << "the old one is good until then";
    answer_as_omega();
    EXPECT_LT(sealer().counter().taken(), 10U);
    net.pass(seconds(60));
    EXPECT_EQ(sessions_begun(), 0U) << "once is enough";
}

TEST_F(WornSessionTest, IsReplacedInTheEndIfNobodyAnswersAtFirst) {
    use_up(few_records);
    net.pass(seconds(35));
    EXPECT_GE(sessions_begun(), 3U);
    EXPECT_LE(sessions_begun(), 4U);
    answer_as_omega();
    EXPECT_LT(sealer().counter().taken(), 10U);
}

TEST_F(SessionsTest, BothEndsKnowTheKeysTheyHaveComeToByTheSameMarks) {
    use_omega();
    load_key(key_of(2)->public_key());
    EXPECT_EQ(net.mesh.settled_keys(net.node("omega")), nullptr);
    answer_as_omega();
    const auto* ours = net.mesh.settled_keys(net.node("omega"));
    ASSERT_NE(ours, nullptr);
    EXPECT_EQ(ours->sealing, omega->marks().opening);
    EXPECT_EQ(ours->opening, omega->marks().sealing);
    EXPECT_NE(ours->opening, ours->sealing);
}

TEST_F(SessionsTest, WhatBecomesUnreachableLosesItsSession) {
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    net.hear(beta, fmt::format("13 {} beta omega", net.nonce()));
    EXPECT_FALSE(net.mesh.has_key(net.node("omega")));
}

TEST_F(SessionsTest, WithoutAKeyOfOurOwnRequestsMeanWhatTheyMeanTo10) {
    Neighbourhood old;
    const auto peer = old.connect("beta", modern);
    old.hear(peer, fmt::format("12 {} beta me 192.0.2.1 655 700000c 10", old.nonce()));
    old.forget_effects();
    old.hear(peer, "15 beta me 19");
    EXPECT_EQ(old.count_lines(peer, "16 me beta "), 1U);
    EXPECT_FALSE(old.mesh.is_sptps(old.node("beta")));
}

// --- the way by UDP
// -------------------------------------------------------------------------------

TEST_F(SessionsTest, ProbesGoToWhatIsKnownOfANode) {
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    net.forget_effects();
    for (int i = 0; i < 10; ++i) {
        net.now += seconds(2);
        use_omega();
    }
    std::vector<std::string> targets;
    for (const auto* probe : net.all<SendProbe>())
        targets.push_back(probe->local ? probe->local->address.text() : "its address");
    EXPECT_THAT(targets, Contains("198.51.100.7")) << "where beta sees it";
    EXPECT_THAT(targets, Contains("its address"));
}

TEST_F(SessionsTest, AnAnswerConfirmsTheWay) {
    use_omega();
    load_key(key_of(2)->public_key());
    answer_as_omega();
    EXPECT_FALSE(net.mesh.has_udp_contact(net.node("omega")));
    net.mesh.probe_replied(net.node("omega"), 1'000, net.now);
    EXPECT_TRUE(net.mesh.has_udp_contact(net.node("omega")));
    net.collect();
    EXPECT_EQ(net.all<SetMtu>().back()->min_mtu, 1'000U);
    net.mesh.source_moved(net.node("omega"), Endpoint{Address::parse("10.9.9.9").value(), 1},
                          SocketIndex{0}, net.now);
    EXPECT_FALSE(net.mesh.has_udp_contact(net.node("omega"))) << "that was another way";
}

TEST_F(SessionsTest, SizesThatMakeNoSenseAreIgnored) {
    for (const auto* line : {"23 omega me 511", "23 omega me 0", "23 omega me -1",
                             "23 omega me 2147483647", "23 nobody me 1400", "23 me omega 1400"})
        net.hear(beta, line);
    EXPECT_FALSE(net.say(beta, "23 omega me x"));
}

TEST_F(SessionsTest, NewsOfAddressesIsTakenUntilTheWayIsProven) {
    net.hear(beta, "22 omega me 203.0.113.5 700");
    EXPECT_EQ(net.mesh.udp_address(net.node("omega"))->text(), "203.0.113.5 port 700");
    net.mesh.probe_replied(net.node("omega"), 18, net.now);
    net.hear(beta, "22 omega me 203.0.113.6 700");
    EXPECT_EQ(net.mesh.udp_address(net.node("omega"))->text(), "203.0.113.5 port 700");
}

TEST_F(SessionsTest, NoRequestGoesBackWhereItCameFrom) {
    for (const auto* line : {"22 omega beta 203.0.113.5 700", "23 omega beta 1400",
                             "15 omega beta 15 AAAA", "16 omega beta AAAA -1 -1 -1 0"})
        net.hear(beta, line);
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
}

TEST_F(SessionsTest, WhoGetsRelayedPacketsTellsWhereItIs) {
    net.mesh.relayed_from(net.node("omega"), net.now);
    net.mesh.relayed_from(net.node("omega"), net.now);
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "23 me omega 1518"), 1U) << "once in five seconds";
}

}  // namespace
}  // namespace tinc::mesh
