#include "support/node_world.hpp"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

namespace tinc::node {
namespace {

using config::ProxyType;
using std::chrono::seconds;
using test::endpoint;
using test::NodeWorld;
using testing::ElementsAre;
using testing::Pair;
using namespace std::string_literals;

const Endpoint beta_at = endpoint("10.99.1.2", 655);
const Endpoint proxy_at = endpoint("10.99.1.3", 1'080);

/// alpha has a proxy and wants to be connected with beta.
class ProxyTest : public testing::Test {
  protected:
    void start(ProxyType type, std::vector<config::HostPort> addresses = {{"beta.example", ""}}) {
        auto settings = NodeWorld::default_settings();
        settings.proxy = {type, {"proxy.example", "1080"}, "", "", "relay --to $REMOTEADDRESS"};
        settings.connect_to = {"beta"};
        world.hosts["beta"].addresses = std::move(addresses);
        world.node->reload({std::move(settings), {}}, world.now);
        world.settle();
    }
    /// Answers the latest question.
    void resolve(Result<std::vector<Endpoint>> answer, std::string_view host) {
        ASSERT_FALSE(world.all<Resolve>().empty());
        const auto asked = world.all<Resolve>().back();
        EXPECT_EQ(asked.host, host);
        world.node->resolved(asked.query, std::move(answer), world.now);
        world.settle();
    }
    /// As far as a connection to the proxy.
    PeerId reach_proxy(ProxyType type = ProxyType::socks5) {
        start(type);
        resolve(std::vector{beta_at}, "beta.example");
        resolve(std::vector{proxy_at}, "proxy.example");
        return connect_latest();
    }
    PeerId connect_latest() {
        const auto open = world.all<Open>().back();
        EXPECT_EQ(open.remote, proxy_at);
        world.node->connected(open.peer, 9, world.now);
        world.settle();
        return open.peer;
    }
    std::size_t opened() { return world.all<Open>().size(); }

    NodeWorld world;
    const std::string request = "\5\1\0\1\x0a\x63\1\2\2\x8f"s;
};

TEST_F(ProxyTest, TheProxyIsConnectedToAndTheNodeIsNamed) {
    const auto peer = reach_proxy();
    EXPECT_EQ(world.answer(peer), "\5\1\0"s + request);
    EXPECT_TRUE(world.log.contains("Trying to connect to beta (10.99.1.2 port 655)"));
    EXPECT_TRUE(world.log.contains("Using proxy at proxy.example port 1080"));
    world.say(peer, "\5\0\5\0\0\1\0\0\0\0\0\0"s);
    EXPECT_EQ(world.answer(peer), "0 alpha 17\n");
}

TEST_F(ProxyTest, EachAddressOfTheProxyIsTried) {
    start(ProxyType::http);
    resolve(std::vector{beta_at}, "beta.example");
    resolve(std::vector{endpoint("::1", 1'080), proxy_at}, "proxy.example");
    const auto first = world.all<Open>().back();
    EXPECT_EQ(first.remote, endpoint("::1", 1'080));
    world.node->connect_failed(first.peer, "Connection refused", world.now);
    world.settle();
    EXPECT_TRUE(
        world.log.contains("Error while connecting to beta (10.99.1.2 port 655): proxy "
                           "::1 port 1080: Connection refused"));
    const auto second = world.all<Open>().back();
    EXPECT_EQ(second.remote, proxy_at);
    EXPECT_EQ(second.peer, first.peer);
    world.node->connect_failed(second.peer, "No route to host", world.now);
    world.settle();
    EXPECT_EQ(opened(), 2U);
    EXPECT_TRUE(world.log.contains("Could not set up a meta connection to beta"));
}

TEST_F(ProxyTest, AProxyNobodyKnowsEndsTheAttempt) {
    start(ProxyType::http);
    resolve(std::vector{beta_at}, "beta.example");
    resolve(failure(Errc::system, "proxy.example port 1080: Name or service not known"),
            "proxy.example");
    EXPECT_TRUE(world.log.contains("proxy proxy.example port 1080: Name or service not known"));
    EXPECT_EQ(opened(), 0U);
    world.pass_time(seconds(6));
    EXPECT_EQ(world.all<Resolve>().back().host, "beta.example") << "it tries again";
}

TEST_F(ProxyTest, AHangingProxyTimesOutAndTheNextAddressIsTried) {
    start(ProxyType::http);
    const auto other = endpoint("10.99.1.4", 655);
    resolve(std::vector{beta_at, other}, "beta.example");
    resolve(std::vector{proxy_at}, "proxy.example");
    const auto peer = connect_latest();
    EXPECT_EQ(world.answer(peer), "CONNECT 10.99.1.2:655 HTTP/1.1\r\n\r\n");
    world.say(peer, "HTTP/1.1 200 OK\r\n");
    world.pass_time(seconds(5));
    EXPECT_EQ(world.closing_of(peer), Close::How::now);
    EXPECT_TRUE(world.log.contains("Timeout from beta (10.99.1.2 port 655) during authentication"));
    resolve(std::vector{proxy_at}, "proxy.example");
    EXPECT_EQ(world.answer(connect_latest()), "CONNECT 10.99.1.4:655 HTTP/1.1\r\n\r\n");
}

TEST_F(ProxyTest, AResolverThatHangsTimesOutAsWell) {
    start(ProxyType::http, {{"beta.example", ""}, {"other.example", ""}});
    resolve(std::vector{beta_at}, "beta.example");
    EXPECT_EQ(world.all<Resolve>().back().host, "proxy.example");
    const auto late = world.all<Resolve>().back().query;
    world.pass_time(seconds(5));
    EXPECT_EQ(world.all<Resolve>().back().host, "other.example");
    world.node->resolved(late, std::vector{proxy_at}, world.now);
    world.settle();
    EXPECT_EQ(opened(), 0U);
}

TEST_F(ProxyTest, ARefusalIsToldInWords) {
    const auto peer = reach_proxy();
    world.say(peer, "\5\0\5\2"s);
    EXPECT_EQ(world.closing_of(peer), Close::How::now);
    EXPECT_TRUE(
        world.log.contains("Error while connecting to beta (10.99.1.2 port 655): SOCKS5 proxy "
                           "refused: connection not allowed by ruleset"));
    EXPECT_EQ(opened(), 1U) << "it has said no, and is not asked again at once";
}

TEST_F(ProxyTest, AProxyThatHeardOnlyHalfIsAskedStepByStep) {
    const auto hasty = reach_proxy();
    world.say(hasty, "\5\0"s);
    world.pass_time(seconds(1));
    EXPECT_EQ(world.closing_of(hasty), Close::How::now);
    resolve(std::vector{proxy_at}, "proxy.example");
    const auto patient = connect_latest();
    EXPECT_EQ(world.answer(patient), "\5\1\0"s);
    world.say(patient, "\5\0"s);
    EXPECT_EQ(world.answer(patient), request);
    EXPECT_FALSE(world.log.contains("Could not set up a meta connection to beta"));
}

TEST_F(ProxyTest, AProxyThatHangsUpOverAllAtOnceIsAskedStepByStep) {
    const auto hasty = reach_proxy();
    world.say(hasty, "\5\0"s);
    world.node->closed(hasty, "", world.now);
    world.settle();
    resolve(std::vector{proxy_at}, "proxy.example");
    EXPECT_EQ(world.answer(connect_latest()), "\5\1\0"s);
}

TEST_F(ProxyTest, AskingStepByStepHappensOnce) {
    const auto hasty = reach_proxy();
    world.say(hasty, "\5\0"s);
    world.node->closed(hasty, "", world.now);
    world.settle();
    resolve(std::vector{proxy_at}, "proxy.example");
    const auto patient = connect_latest();
    world.say(patient, "\5\0"s);
    world.node->closed(patient, "", world.now);
    world.settle();
    EXPECT_TRUE(world.log.contains("Could not set up a meta connection to beta"));
    EXPECT_EQ(opened(), 2U);
}

TEST_F(ProxyTest, AnUnknownHostIsLeftToTheProxy) {
    start(ProxyType::socks5, {{"beta.onion", "6655"}});
    resolve(failure(Errc::system, "beta.onion port 6655: Name or service not known"), "beta.onion");
    EXPECT_TRUE(world.log.contains("Trying to connect to beta (beta.onion port 6655)"));
    resolve(std::vector{proxy_at}, "proxy.example");
    EXPECT_EQ(world.answer(connect_latest()),
              "\5\1\0\5\1\0\3\x0a"
              "beta.onion\x19\xff"s);
}

TEST_F(ProxyTest, Socks4LeavesOutWhatItCannotLeadTo) {
    start(ProxyType::socks4);
    resolve(std::vector{endpoint("fd99::2", 655), beta_at}, "beta.example");
    EXPECT_TRUE(world.log.contains(
        "Error while connecting to beta (fd99::2 port 655): Can only connect to numeric IPv4 "
        "addresses through a SOCKS 4 proxy!"));
    EXPECT_TRUE(world.log.contains("Trying to connect to beta (10.99.1.2 port 655)"));
}

TEST_F(ProxyTest, ACommandIsStartedWithTheDestinationInItsEnvironment) {
    start(ProxyType::exec);
    resolve(std::vector{beta_at}, "beta.example");
    EXPECT_EQ(opened(), 0U);
    const auto commands = world.all<OpenCommand>();
    ASSERT_EQ(commands.size(), 1U);
    EXPECT_EQ(commands[0].command, "relay --to $REMOTEADDRESS");
    EXPECT_THAT(commands[0].environment,
                ElementsAre(Pair("NODE", "beta"), Pair("REMOTEADDRESS", "10.99.1.2"),
                            Pair("REMOTEPORT", "655")));
    world.node->connected(commands[0].peer, 9, world.now);
    EXPECT_EQ(world.answer(commands[0].peer), "0 alpha 17\n");
    EXPECT_FALSE(world.log.contains("relay")) << "it may hold a password";
}

TEST_F(ProxyTest, AReloadGoesOverToAnotherProxy) {
    const auto old = reach_proxy();
    start(ProxyType::http);
    EXPECT_EQ(world.closing_of(old), Close::How::now);
    EXPECT_EQ(world.all<Resolve>().back().host, "beta.example");
    resolve(std::vector{beta_at}, "beta.example");
    resolve(std::vector{proxy_at}, "proxy.example");
    EXPECT_EQ(world.answer(connect_latest()), "CONNECT 10.99.1.2:655 HTTP/1.1\r\n\r\n");
}

TEST_F(ProxyTest, DumpsTellTheDestination) {
    const auto peer = reach_proxy();
    world.say(peer, "\5\0\5\0\0\1\0\0\0\0\0\0"s);
    world.log.lines.clear();
    world.node->dump_connections();
    EXPECT_THAT(world.log.lines,
                testing::Contains(testing::StartsWith(
                    " beta at 10.99.1.2 port 655 options 0 socket 9 status 0200 ")));
}

}  // namespace
}  // namespace tinc::node
