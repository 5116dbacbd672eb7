#include "support/peer_pair.hpp"
#include "tinc/peer/peer.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tinc::peer {
namespace {

using test::PeerEnd;
using test::PeerPair;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Pace = ProxyHandshake::Pace;
using namespace std::string_literals;

constexpr unsigned status_proxy_passed = 0x200;

config::ProxySettings socks5() {
    return {config::ProxyType::socks5, {"10.99.1.3", "1080"}, "joe", "5ecre7", ""};
}

/// alpha dials beta through a proxy; TCP to the proxy is up.
class ByProxyTest : public testing::Test {
  protected:
    void dial(const Destination& remote, const config::ProxySettings& proxy = socks5()) {
        alpha().peer.emplace(Peer::by_proxy(
            alpha().settings, ProxyHandshake::begin(proxy, remote, Pace::at_once).value(), remote,
            "beta", alpha().host, alpha().random, alpha().log, pair.now));
        alpha().peer->connected();
    }
    std::string said() {
        const auto bytes = alpha().peer->take_outgoing(pair.now);
        alpha().peer->written(bytes.size(), pair.now);
        return std::string(as_text(bytes));
    }
    Result<void> answer(std::string_view bytes) { return pair.say(alpha(), as_bytes(bytes)); }
    /// The proxy has connected us with a beta.
    bool activate() {
        pair.beta.peer.emplace(Peer::accepted(pair.beta.settings, PeerPair::alpha_endpoint,
                                              pair.beta.random, pair.beta.log, pair.now));
        return pair.talk().has_value() && alpha().state() == State::active;
    }
    PeerEnd& alpha() { return pair.alpha; }

    PeerPair pair;
    const std::string granted = "\5\2\1\0\5\0\0\1\1\2\3\4\x11\x5c"s;
};

TEST_F(ByProxyTest, TheProxyIsAskedAndThenThePeer) {
    dial(PeerPair::beta_endpoint);
    EXPECT_EQ(alpha().state(), State::awaiting_proxy);
    EXPECT_TRUE(said().starts_with("\5\1\2"));
    ASSERT_TRUE(answer(granted));
    EXPECT_EQ(alpha().state(), State::awaiting_id);
    EXPECT_EQ(said(), "0 alpha 17\n");
    EXPECT_TRUE(alpha().log.contains("Proxy request granted"));
}

TEST_F(ByProxyTest, WhatFollowsTheAnswerIsThePeers) {
    dial(PeerPair::beta_endpoint);
    static_cast<void>(said());
    const auto refused = answer(granted + "0 gamma 17\n");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().what, HasSubstr("is gamma instead of beta"));
}

TEST_F(ByProxyTest, TheAddressStaysThatOfTheDestination) {
    dial(PeerPair::beta_endpoint);
    static_cast<void>(said());
    ASSERT_TRUE(answer(granted));
    ASSERT_TRUE(activate());
    EXPECT_EQ(alpha().peer->label(), "beta (10.99.1.2 port 655)");
    EXPECT_EQ(alpha().all<Activated>().at(0).address, PeerPair::beta_endpoint);
    EXPECT_NE(alpha().peer->status_word() & status_proxy_passed, 0U);
}

struct Bound {
    std::string_view name;
    std::string reply;
    std::string address;
};

class OfANamedHost : public ByProxyTest, public testing::WithParamInterface<Bound> {};

// Source: legacy protocol 2.9.
TEST_P(OfANamedHost, TheAddressIsWhatTheProxySays) {
    dial({"beta.invalid", 655});
    static_cast<void>(said());
    ASSERT_TRUE(answer("\5\2\1\0"s + GetParam().reply));
    ASSERT_TRUE(activate());
    EXPECT_EQ(alpha().peer->label(), "beta (beta.invalid port 655)");
    EXPECT_EQ(alpha().all<Activated>().at(0).address,
              (Endpoint{Address::parse(GetParam().address).value(), 655}));
}
INSTANTIATE_TEST_SUITE_P(
    Replies, OfANamedHost,
    testing::Values(Bound{"ipv4", "\5\0\0\1\1\2\3\4\x11\x5c"s, "1.2.3.4"},
                    Bound{"ipv4_zeros", "\5\0\0\1\0\0\0\0\x11\x5c"s, "0.0.0.1"},
                    Bound{"ipv6_zeros", "\5\0\0\4"s + std::string(18, '\0'), "100::"},
                    Bound{"name", "\5\0\0\3\1h\x11\x5c"s, "0.0.0.1"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(ByProxyTest, TheAddressOfAHostThatACommandKnowsIsNoAddress) {
    dial({"beta.invalid", 655}, {config::ProxyType::exec, {}, "", "", "nc"});
    ASSERT_TRUE(activate());
    EXPECT_EQ(alpha().all<Activated>().at(0).address,
              (Endpoint{Address::parse("0.0.0.1").value(), 655}));
}

TEST_F(ByProxyTest, ItsRefusalEndsTheConnection) {
    dial(PeerPair::beta_endpoint);
    static_cast<void>(said());
    const auto refused = answer("\5\2\1\1");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::refused);
    EXPECT_EQ(refused.error().what,
              "Error while connecting to beta (10.99.1.2 port 655): SOCKS5 proxy refused: wrong "
              "user or password");
}

TEST_F(ByProxyTest, PingTimeoutHoldsForProxyAndPeerTogether) {
    const auto begun = pair.now;
    dial(PeerPair::beta_endpoint);
    EXPECT_EQ(alpha().peer->deadline(), begun + alpha().settings.ping_timeout);
    pair.now += std::chrono::seconds(4);
    ASSERT_TRUE(alpha().peer->on_time(pair.now));
    ASSERT_TRUE(answer(granted));
    EXPECT_EQ(alpha().peer->deadline(), begun + alpha().settings.ping_timeout);
    pair.now += std::chrono::seconds(1);
    const auto late = alpha().peer->on_time(pair.now);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().what, "Timeout from beta (10.99.1.2 port 655) during authentication");
}

TEST_F(ByProxyTest, ASilentProxyIsNamedAsTheCause) {
    dial(PeerPair::beta_endpoint);
    pair.now += alpha().settings.ping_timeout;
    const auto late = alpha().peer->on_time(pair.now);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Errc::timed_out);
    EXPECT_EQ(late.error().what,
              "Timeout from beta (10.99.1.2 port 655) during authentication: the proxy does not "
              "answer");
}

TEST_F(ByProxyTest, AProxyThatHeardOnlyHalfIsNotWaitedForLong) {
    dial(PeerPair::beta_endpoint);
    pair.now += std::chrono::seconds(2);
    ASSERT_TRUE(answer("\5\2"));
    EXPECT_TRUE(alpha().peer->is_held_up_by_proxy());
    EXPECT_EQ(alpha().peer->deadline(), pair.now + ProxyHandshake::patience);
    EXPECT_FALSE(alpha().peer->on_time(alpha().peer->deadline()));
}

TEST_F(ByProxyTest, UserAndPasswordAreNotLogged) {
    dial(PeerPair::beta_endpoint);
    EXPECT_THAT(said(), HasSubstr("5ecre7"));
    static_cast<void>(answer("\5\2\1\1"));
    EXPECT_FALSE(alpha().log.lines.empty());
    for (const auto* secret : {"5ecre7", "joe"}) EXPECT_FALSE(alpha().log.contains(secret));
}

TEST_F(ByProxyTest, ACommandIsThereAtOnce) {
    dial(PeerPair::beta_endpoint, {config::ProxyType::exec, {}, "", "", "nc"});
    EXPECT_EQ(alpha().state(), State::awaiting_id);
    EXPECT_NE(alpha().peer->status_word() & status_proxy_passed, 0U);
    EXPECT_EQ(said(), "0 alpha 17\n");
}

}  // namespace
}  // namespace tinc::peer
