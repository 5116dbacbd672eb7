#include "unit/mesh/neighbourhood.hpp"

#include "tinc/base/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace tinc::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

std::string key_text(std::size_t bytes = 48) { return std::string(2 * bytes, 'A'); }

/// me - beta - omega, and me - gamma.
class KeysTest : public testing::Test {
  protected:
    KeysTest() : beta(net.join("beta")), gamma(net.join("gamma")) {
        net.join_behind(beta, "beta", "omega");
        net.forget_effects();
    }
    void give(const std::string& from) {
        net.hear(beta, fmt::format("16 {} me {} 427 672 4 0", from, key_text()));
    }

    Neighbourhood net;
    PeerId beta;
    PeerId gamma;
};

TEST_F(KeysTest, AreGivenToANewNeighbourUnasked) {
    const auto delta = net.join("delta");
    EXPECT_EQ(net.count_lines(delta, "16 me delta "), 1U);
}

TEST_F(KeysTest, AreGivenToWhoAsks) {
    net.hear(beta, "15 omega me");
    ASSERT_THAT(net.lines_to(beta), ElementsAre(StartsWith("16 me omega ")));
    const auto answer = wire::parse_ans_key(net.lines_to(beta).front()).value();
    EXPECT_EQ(answer.key.size(), 96U);
    EXPECT_EQ(answer.cipher, 427);
    EXPECT_EQ(answer.digest, 672);
    EXPECT_EQ(answer.mac_length, 4);
    ASSERT_THAT(net.all<SetOpener>(), SizeIs(1));
    EXPECT_EQ(net.all<SetOpener>().front()->node, net.node("omega"));
}

TEST_F(KeysTest, AreGivenAnewToWhoUsesAnother) {
    net.hear(beta, "15 omega me");
    const auto node = net.node("omega");
    for (int i = 0; i < 3; ++i) net.mesh.session_doubted(node, net.now);
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "16 me omega "), 2U) << "not for each doubt";
    net.mesh.session_doubted(node, net.now + std::chrono::minutes(1));
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "16 me omega "), 3U);
}

TEST_F(KeysTest, AreNotGivenToWhoHasNoneForDoubts) {
    net.mesh.session_doubted(net.node("omega"), net.now);
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "16 me omega "), 0U);
}

TEST_F(KeysTest, OfAWeakCipherAreTakenAndToldOnce) {
    const auto blowfish = fmt::format("16 omega me {} 91 672 4 0", key_text(24));
    net.hear(beta, blowfish);
    net.hear(beta, blowfish);
    EXPECT_THAT(
        net.all<SetSealer>(),
        Contains(testing::Truly([](const auto* effect) { return effect->sealer.has_value(); })));
    const auto is_warning = [](const std::string& line) {
        return line.find("wants its packets encrypted with bf-cbc, which is weak: ") != line.npos;
    };
    EXPECT_EQ(std::ranges::count_if(net.log.lines, is_warning), 1);
}

TEST_F(KeysTest, AreFreshEachTime) {
    net.hear(beta, "15 omega me");
    net.hear(beta, "15 omega me 19 further words");
    const auto lines = net.lines_to(beta);
    ASSERT_THAT(lines, SizeIs(2));
    EXPECT_NE(lines[0], lines[1]);
}

TEST_F(KeysTest, AreNotGivenToOrAskedForTheUnreachable) {
    net.hear(beta, "10 1 gone 10.9.0.0/16");
    net.forget_effects();
    // A tinc 1.0.36 that got such a request would die of it.
    for (const auto* line : {"15 gone me", "15 gone gamma", "15 gamma gone", "15 nobody me",
                             "15 me gamma", "15 omega nobody"})
        net.hear(beta, line);
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
    EXPECT_THAT(net.all<SetOpener>(), IsEmpty());
    net.mesh.key_wanted(net.node("gone"), net.now);
    net.collect();
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
}

TEST_F(KeysTest, AreRelayedByteForByteTowardsTheirReceiver) {
    net.hear(gamma, "15 gamma omega further words");
    EXPECT_THAT(net.lines_to(beta), ElementsAre("15 gamma omega further words"));
    const auto answer = fmt::format("16 omega gamma {} 427 672 4 0", key_text());
    net.hear(beta, answer);
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(answer));
}

TEST_F(KeysTest, NeverGoBackToWhereTheyCameFrom) {
    net.hear(beta, "15 gamma omega");
    net.hear(beta, fmt::format("16 gamma omega {} 427 672 4 0", key_text()));
    EXPECT_THAT(net.lines_to(beta), IsEmpty());
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(KeysTest, AreRelayedTenTimesASecondForAPair) {
    const auto ask = [&](int times) {
        for (int i = 0; i < times; ++i)
            TINC_ASSERT(net.mesh.receive(gamma, wire::Request::req_key, "15 gamma omega", net.now)
                            .has_value());
        net.collect();
    };
    ask(100);
    EXPECT_THAT(net.lines_to(beta), SizeIs(10));
    net.now += seconds(1);
    ask(1);
    EXPECT_THAT(net.lines_to(beta), SizeIs(11));
}

TEST_F(KeysTest, AreGivenTenTimesASecond) {
    for (int i = 0; i < 100; ++i)
        TINC_ASSERT(
            net.mesh.receive(beta, wire::Request::req_key, "15 omega me", net.now).has_value());
    net.collect();
    EXPECT_THAT(net.lines_to(beta), SizeIs(10));
}

TEST_F(KeysTest, CarryWhereTheirSenderIsSeenIfTheirReceiverIsProven) {
    const Endpoint seen{Address::parse("203.0.113.5").value(), 4'242};
    net.mesh.source_moved(net.node("omega"), seen, SocketIndex{0}, net.now);
    const auto answer = fmt::format("16 omega gamma {} 427 672 4 0", key_text());
    net.hear(beta, answer);
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(answer)) << "gamma's own path is not proven";

    net.forget_effects();
    net.mesh.probe_replied(net.node("gamma"), 1'000, net.now);
    net.hear(beta, answer);
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(answer + " 203.0.113.5 4242"));

    net.forget_effects();
    const auto with_address = answer + " 198.51.100.99 655";
    net.hear(beta, with_address);
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(with_address)) << "somebody else knew before us";
}

TEST_F(KeysTest, AreNotMadeTooLongForTheNextNode) {
    const Endpoint seen{Address::parse("203.0.113.5").value(), 4'242};
    net.mesh.source_moved(net.node("omega"), seen, SocketIndex{0}, net.now);
    net.mesh.probe_replied(net.node("gamma"), 1'000, net.now);
    auto answer = fmt::format("16 omega gamma {} 427 672 4 ", key_text(1'000));
    answer.append(limits::meta_buffer_bytes - 1 - answer.size(), '0');
    net.hear(beta, answer);
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(answer));
}

TEST_F(KeysTest, AreUsedToSendWith) {
    give("omega");
    EXPECT_TRUE(net.mesh.has_key(net.node("omega")));
    ASSERT_THAT(net.all<SetSealer>(), SizeIs(1));
    EXPECT_TRUE(net.all<SetSealer>().front()->sealer.has_value());
    EXPECT_TRUE(net.mesh.path_mtu(net.node("omega"))->is_running()) << "probing starts";
}

TEST_F(KeysTest, MoveAnUnprovenAddress) {
    net.hear(beta, fmt::format("16 omega me {} 427 672 4 0 203.0.113.9 999", key_text()));
    EXPECT_EQ(net.mesh.udp_address(net.node("omega"))->text(), "203.0.113.9 port 999");
    net.mesh.probe_replied(net.node("omega"), 1'000, net.now);
    net.hear(beta, fmt::format("16 omega me {} 427 672 4 0 203.0.113.10 999", key_text()));
    EXPECT_EQ(net.mesh.udp_address(net.node("omega"))->text(), "203.0.113.9 port 999");
}

class BadKey : public testing::TestWithParam<const char*> {};

TEST_P(BadKey, InvalidatesTheKeyButKeepsTheConnection) {
    Neighbourhood net;
    const auto beta = net.join("beta");
    net.hear(beta, fmt::format("16 beta me {} 427 672 4 0", key_text()));
    ASSERT_TRUE(net.mesh.has_key(net.node("beta")));
    net.forget_effects();
    const auto line = fmt::format(fmt::runtime(GetParam()), key_text());
    EXPECT_TRUE(net.say(beta, line)) << line;
    EXPECT_FALSE(net.mesh.has_key(net.node("beta")));
    ASSERT_THAT(net.all<SetSealer>(), SizeIs(1));
    EXPECT_FALSE(net.all<SetSealer>().front()->sealer.has_value());
}
INSTANTIATE_TEST_SUITE_P(AnsKey, BadKey,
                         testing::Values("16 beta me ZZ{} 427 672 4 0",
                                         "16 beta me 00{} 427 672 4 0",
                                         "16 beta me {} 99999 672 4 0",
                                         "16 beta me {} 427 99999 4 0",
                                         "16 beta me {} 427 672 33 0", "16 beta me {} 427 672 -1 0",
                                         "16 beta me {} 427 672 4 13", "16 beta me {} 427 672 4 -1",
                                         "16 beta me {} 901 672 4 0"));

TEST_F(KeysTest, OfTheUnknownChangeNothing) {
    for (const auto* from : {"nobody", "me"})
        net.hear(beta, fmt::format("16 {} me {} 427 672 4 0", from, key_text()));
    net.hear(beta, fmt::format("16 omega nobody {} 427 672 4 0", key_text()));
    EXPECT_THAT(net.all<SetSealer>(), IsEmpty());
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(KeysTest, AreAskedForEveryTenSeconds) {
    const auto omega = net.node("omega");
    for (int i = 0; i < 5; ++i) net.mesh.key_wanted(omega, net.now + seconds(i));
    net.collect();
    EXPECT_THAT(net.lines_to(beta), ElementsAre("15 me omega"));
    net.mesh.key_wanted(omega, net.now + Mesh::key_request_pause);
    net.collect();
    EXPECT_THAT(net.lines_to(beta), SizeIs(2));
    give("omega");
    net.mesh.key_wanted(omega, net.now + seconds(100));
    net.collect();
    EXPECT_EQ(net.count_lines(beta, "15 "), 2U) << "there is one";
}

TEST_F(KeysTest, ThatChangedAreAskedForAtOnce) {
    const auto omega = net.node("omega");
    net.mesh.key_wanted(omega, net.now);
    give("omega");
    net.forget_effects();
    net.hear(beta, "14 99 omega");
    EXPECT_FALSE(net.mesh.has_key(omega));
    net.mesh.key_wanted(omega, net.now);
    net.collect();
    EXPECT_THAT(net.lines_to(beta), ElementsAre("15 me omega"));
}

TEST_F(KeysTest, ThatChangeTooOftenArePassedOnOnceASecond) {
    for (int i = 0; i < 50; ++i)
        TINC_ASSERT(net.mesh
                        .receive(beta, wire::Request::key_changed,
                                 fmt::format("14 {} omega", net.nonce()), net.now)
                        .has_value());
    net.collect();
    EXPECT_THAT(net.lines_to(gamma), SizeIs(1));
}

TEST_F(KeysTest, OfOursThatChangedAreNobodyElsesToTell) {
    net.hear(beta, "14 98 me");
    EXPECT_THAT(net.lines_to(gamma), IsEmpty());
}

TEST_F(KeysTest, ExpireWithANoticeAndNewKeysForNeighbours) {
    net.hear(beta, "15 omega me");
    net.forget_effects();
    net.mesh.keys_worn_out();
    net.mesh.keys_worn_out();
    net.settle();
    EXPECT_FALSE(net.log.contains("Expiring symmetric keys")) << "once in a PingTimeout, no more";
    net.pass(seconds(5));
    EXPECT_TRUE(net.log.contains("Expiring symmetric keys"));
    EXPECT_THAT(net.lines_to(beta), ElementsAre(StartsWith("14 "), StartsWith("16 me beta ")));
    EXPECT_THAT(net.lines_to(gamma), ElementsAre(StartsWith("14 "), StartsWith("16 me gamma ")));
    std::size_t lost = 0;
    for (const auto* set : net.all<SetOpener>()) lost += set->key ? 0U : 1U;
    EXPECT_EQ(lost, 3U) << "beta, gamma and omega";
}

TEST_F(KeysTest, ThatAreBadAreToldOfOnceAMinute) {
    for (int i = 0; i < 100; ++i) net.hear(beta, "16 beta me zz 427 672 4 0");
    const auto told = [&] {
        return std::ranges::count_if(net.log.lines, [](const std::string& line) {
            return line.starts_with("Got bad ANS_KEY");
        });
    };
    EXPECT_EQ(told(), 1);
    net.pass(seconds(60));
    net.hear(beta, "16 beta me zz 427 672 4 0");
    EXPECT_EQ(told(), 2);
}

TEST_F(KeysTest, OfANodeThatInventsOthersCrowdOutNobody) {
    for (int i = 0; i < 5'000; ++i)
        net.hear(beta, fmt::format("12 {} beta n{} 192.0.2.9 655 c 1", net.nonce(), i % 2'000));
    net.forget_effects();
    for (int i = 0; i < 5'000; ++i)
        net.hear(beta, fmt::format("16 n{} gamma 00 0 0 0 0", i % 2'000));
    EXPECT_THAT(net.lines_to(gamma), IsEmpty()) << "whom nobody reaches has no keys";
    net.hear(gamma, "15 gamma me");
    EXPECT_EQ(net.count_lines(gamma, "16 me gamma "), 1U);
}

TEST_F(KeysTest, ExpireAfterKeyExpireWithATenthOfJitter) {
    const auto count_changes = [&] { return net.count_lines(beta, "14 "); };
    net.pass(seconds(3'600 * 9 / 10 - 60));
    EXPECT_EQ(count_changes(), 0U);
    net.pass(seconds(3'600 * 2 / 10 + 120));
    EXPECT_EQ(count_changes(), 1U);
}

TEST_F(KeysTest, ThatCameBeforeTheirEdgeAreKept) {
    net.hear(beta, "12 1 beta theta 198.51.100.7 655 c 10");
    give("theta");
    EXPECT_TRUE(net.mesh.has_key(net.node("theta")));
    net.hear(beta, "12 2 theta beta 198.51.100.8 655 c 10");
    EXPECT_TRUE(net.mesh.has_key(net.node("theta")));
    EXPECT_TRUE(net.mesh.path_mtu(net.node("theta"))->is_running());
}

TEST_F(KeysTest, AreLostWithReachability) {
    give("omega");
    net.hear(beta, "15 omega me");
    net.forget_effects();
    net.hear(beta, "13 97 beta omega");
    EXPECT_FALSE(net.mesh.has_key(net.node("omega")));
    ASSERT_THAT(net.all<SetOpener>(), SizeIs(1));
    EXPECT_EQ(net.all<SetOpener>().front()->key, nullptr);
}

}  // namespace
}  // namespace tinc::mesh
