#include "tinc/node/node.hpp"

#include "support/node_world.hpp"
#include "support/test_data.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::Member;
using test::NodeWorld;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const Endpoint beta_at = endpoint("10.99.1.2", 42'705);
const Endpoint gamma_at = endpoint("10.99.1.3", 42'705);

/// Nonces differ from run to run of another seed; the words around them do not.
auto request(std::string_view number, std::string_view rest) {
    return AllOf(StartsWith(std::string(number) + " "), EndsWith(std::string(rest)));
}

// Connections
// --------------------------------------------------------------------------------------

TEST(NodeTest, AMemberLearnsAllWeKnowAndTheNewEdge) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    ASSERT_EQ(beta->end.state(), peer::State::active);
    EXPECT_THAT(beta->heard(), ElementsAre(request("10", " alpha 192.168.77.1/32#10"),
                                           request("12", " alpha beta 10.99.1.2 655 c 1")));
}

TEST(NodeTest, AMemberIsReachableOnceBothEndsSaySo) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    EXPECT_FALSE(world.reaches("beta"));
    world.tell(*beta, "12 7424ab6f beta alpha 10.99.1.1 655 c 3");
    world.rest();
    EXPECT_TRUE(world.reaches("beta"));
}

TEST(NodeTest, AnnouncesThePortOfItsFirstSocketUnlessOneIsConfigured) {
    struct Case {
        bool is_configured;
        std::string_view ack;
    };
    for (const auto& [is_configured, ack] :
         {Case{false, "Got ACK from alpha (10.99.1.1 port 655): 4 7000 "},
          Case{true, "Got ACK from alpha (10.99.1.1 port 655): 4 656 "}}) {
        auto settings = NodeWorld::default_settings();
        settings.port = is_configured ? "656" : "655";
        settings.has_port = is_configured;
        NodeWorld world(std::move(settings), Level::traffic, 7'000);
        const auto beta = world.join("beta", beta_at);
        EXPECT_TRUE(beta->end.log.contains(ack)) << is_configured;
    }
}

TEST(NodeTest, AMemberThatComesAllTheTimeIsTurnedAway) {
    NodeWorld world;
    for (std::uint32_t i = 0; i < limits::activations_per_member; ++i)
        ASSERT_EQ(world.join("beta", beta_at)->end.state(), peer::State::active) << i;
    const auto once_more = world.join("beta", beta_at);
    EXPECT_TRUE(world.is_closed(once_more->id));
    EXPECT_TRUE(world.log.contains("connects too often"));
    world.pass_time(std::chrono::seconds(10));
    EXPECT_FALSE(world.is_closed(world.join("beta", beta_at)->id));
}

TEST(ReloadTest, WhomItSendsAwayMayComeBack) {
    NodeWorld world;
    for (std::uint32_t i = 0; i <= limits::activations_per_member; ++i) {
        ASSERT_EQ(world.join("beta", beta_at)->end.state(), peer::State::active) << i;
        world.node->reload({NodeWorld::default_settings(), {"beta"}}, world.now);
        world.settle();
    }
}

class HandshakeAgain : public testing::TestWithParam<std::string_view> {};

TEST_P(HandshakeAgain, EndsThatConnectionAndNoOther) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    const auto gamma = world.join("gamma", gamma_at);
    world.tell(*gamma, "12 1 gamma alpha 10.99.1.1 655 c 3");
    world.rest();
    world.tell(*beta, GetParam());
    EXPECT_EQ(world.closing_of(beta->id), Close::How::now);
    EXPECT_FALSE(world.is_closed(gamma->id));
    world.tell(*gamma, "8");
    EXPECT_TRUE(gamma->end.log.contains("Got PONG"));
    EXPECT_THAT(gamma->heard(), Contains(request("13", " alpha beta")));
    EXPECT_TRUE(world.reaches("gamma"));
}
INSTANTIATE_TEST_SUITE_P(Lines, HandshakeAgain,
                         testing::Values("0 beta 17", "1 429 672 0 0 00", "2 00", "3 00",
                                         "4 655 1 c", "5", "6", "7", "18", "garbage",
                                         "10 1 beta 10.0.0.0/33", "12 1 beta", "17 2177"));

TEST(NodeTest, WhatWasUnderstoodBeforeAnErrorCounts) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    const auto gamma = world.join("gamma", gamma_at);
    world.tell(*beta, "10 1 beta 10.7.0.0/16\n18");
    EXPECT_TRUE(world.is_closed(beta->id));
    world.talk(*gamma);
    EXPECT_THAT(gamma->heard(), Contains("10 1 beta 10.7.0.0/16"));
}

TEST(NodeTest, AFrameThatIsTooShortOrOfNoKindIsHarmless) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    for (const std::size_t size : std::initializer_list<std::size_t>{1, 13, 14, 34, 60, 1661}) {
        beta->end.peer->send_packet(std::vector<std::byte>(size, std::byte{0x45}), world.now);
        world.talk(*beta);
    }
    EXPECT_FALSE(world.is_closed(beta->id));
}

TEST(NodeTest, TheNewestConnectionOfANodeWins) {
    NodeWorld world;
    const auto old = world.join("beta", beta_at);
    const auto fresh = world.join("beta", endpoint("10.99.1.2", 42'706));
    EXPECT_EQ(world.closing_of(old->id), Close::How::now);
    EXPECT_FALSE(world.is_closed(fresh->id));
    world.tell(*fresh, "12 1 beta alpha 10.99.1.1 655 c 3");
    world.rest();
    EXPECT_TRUE(world.reaches("beta"));
}

TEST(NodeTest, AMemberThatDoesNotAnswerPingIsClosed) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    world.pass_time(60s);
    EXPECT_FALSE(world.is_closed(beta->id));
    static_cast<void>(world.answer(beta->id));
    world.node->written(beta->id, 1'000, world.now);
    world.pass_time(5s);
    EXPECT_EQ(world.closing_of(beta->id), Close::How::now);
    EXPECT_TRUE(world.log.contains("didn't respond to PING in 5 seconds"));
}

TEST(NodeTest, EventsOfAConnectionThatIsGoneFindNothing) {
    NodeWorld world;
    const PeerId nobody{4'711};
    world.node->receive(nobody, as_bytes("8\n"), world.now);
    world.node->closed(nobody, "", world.now);
    world.node->connected(nobody, 1, world.now);
    world.node->connect_failed(nobody, "Connection refused", world.now);
    world.node->written(nobody, 100, world.now);
    EXPECT_TRUE(world.node->take_outgoing(nobody).empty());
    EXPECT_THAT(world.node->take_effects(), IsEmpty());
}

// Wake
// ---------------------------------------------------------------------------------------------

TEST(WakeTest, ComesOnceUntilAllIsTaken) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    world.effects.clear();
    const auto count = [&] {
        return std::ranges::count_if(world.all<Wake>(),
                                     [&](const Wake& wake) { return wake.peer == beta->id; });
    };
    world.node->retry(world.now);  // a PING
    world.settle();
    EXPECT_EQ(count(), 1);
    auto settings = NodeWorld::default_settings();
    settings.subnets.push_back(test::subnet("10.8.0.0/16"));
    world.node->reload({settings, {}}, world.now);
    world.settle();
    EXPECT_EQ(count(), 1) << "it has not looked yet";
    EXPECT_FALSE(world.node->take_outgoing(beta->id).empty());
    settings.subnets.push_back(test::subnet("10.9.0.0/16"));
    world.node->reload({settings, {}}, world.now);
    world.settle();
    EXPECT_EQ(count(), 1) << "it will look again after writing";
    EXPECT_FALSE(world.node->take_outgoing(beta->id).empty());
    EXPECT_TRUE(world.node->take_outgoing(beta->id).empty());
    settings.subnets.pop_back();
    world.node->reload({settings, {}}, world.now);
    world.settle();
    EXPECT_EQ(count(), 2);
}

// Reload
// -------------------------------------------------------------------------------------------

TEST(ReloadTest, ClosesTheConnectionsOfChangedHostsOnly) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    const auto gamma = world.join("gamma", gamma_at);
    world.node->reload({NodeWorld::default_settings(), {"beta", "delta"}}, world.now);
    world.settle();
    EXPECT_EQ(world.closing_of(beta->id), Close::How::now);
    EXPECT_FALSE(world.is_closed(gamma->id));
}

TEST(ReloadTest, TellsOfNewAndGoneSubnets) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    auto settings = NodeWorld::default_settings();
    settings.subnets = {test::subnet("10.8.0.0/16")};
    world.effects.clear();
    world.node->reload({settings, {}}, world.now);
    world.settle();
    world.talk(*beta);
    EXPECT_THAT(beta->heard(), Contains(request("11", " alpha 192.168.77.1/32#10")));
    EXPECT_THAT(beta->heard(), Contains(request("10", " alpha 10.8.0.0/16#10")));
    const auto scripts = world.all<RunScript>();
    ASSERT_EQ(scripts.size(), 2U);
    EXPECT_EQ(scripts[0].script, "subnet-down");
    EXPECT_EQ(scripts[1].script, "subnet-up");
}

TEST(ReloadTest, WhatNeedsARestartStaysAsItIs) {
    NodeWorld world;
    auto settings = NodeWorld::default_settings();
    settings.cipher = "aes-128-cbc";
    settings.tcp_only = settings.indirect_data = true;
    settings.pmtu_discovery = false;
    settings.tunnel_server = settings.strict_subnets = true;
    settings.name = "omega";
    world.node->reload({settings, {}}, world.now);
    world.settle();
    const auto beta = world.join("beta", beta_at);
    world.tell(*beta, "12 7424ab6f beta alpha 10.99.1.1 655 c 3");
    world.rest();
    world.talk(*beta);
    EXPECT_EQ(beta->end.peer->options(), 0xcU);
    EXPECT_THAT(beta->heard(), Contains(HasSubstr(" 427 672 4 0"))) << "our key for beta";
    const auto gamma = world.join("gamma", gamma_at);
    EXPECT_THAT(gamma->heard(), Contains(HasSubstr(" beta alpha "))) << "no tunnel server";
}

TEST(ReloadTest, OurNameStaysWhatTheMeshKnows) {
    NodeWorld world;
    auto settings = NodeWorld::default_settings();
    settings.name = "omega";
    world.node->reload({settings, {}}, world.now);
    world.settle();
    const auto beta = world.join("beta", beta_at);
    ASSERT_EQ(beta->end.state(), peer::State::active) << "beta dialled alpha";
    world.node->closed(beta->id, "", world.now);
    world.settle();
    EXPECT_TRUE(world.reaches("alpha"));
}

/// A frame of the host with that MAC address to everybody, from our device.
void send_from(NodeWorld& world, const MacAddress& mac) {
    packet::Batch batch;
    auto& frame = batch.add();
    frame.resize(60);
    std::ranges::fill(frame.bytes(), std::byte{0xff});
    std::ranges::copy(mac, frame.bytes().begin() + 6);
    world.node->from_device(batch, world.now);
    world.settle();
}

TEST(SwitchTest, TellsTheMeshOfHostsBehindTheDeviceUntilTheyAreSilent) {
    auto settings = NodeWorld::default_settings();
    settings.mode = config::RoutingMode::switching;
    settings.mac_expire = std::chrono::seconds(8);
    NodeWorld world(settings);
    const auto beta = world.join("beta", beta_at);
    for (int i = 0; i < 3; ++i) send_from(world, {std::byte{2}, std::byte{9}});
    world.talk(*beta);
    const auto count = [&](std::string_view end) {
        return std::ranges::count_if(beta->heard(),
                                     [&](const auto& line) { return line.ends_with(end); });
    };
    EXPECT_EQ(count(" alpha 2:9:0:0:0:0#10"), 1);
    for (int i = 0; i < 3; ++i) world.pass_time(std::chrono::seconds(5));
    world.talk(*beta);
    EXPECT_GE(count(" alpha 2:9:0:0:0:0#10"), 2) << "DEL_SUBNET";
    EXPECT_TRUE(world.log.contains("Subnet 2:9:0:0:0:0#10 expired"));
    send_from(world, {std::byte{2}, std::byte{9}});
    EXPECT_EQ(std::ranges::count(world.log.lines, "Learned new MAC address 2:9:0:0:0:0"), 2);
}

TEST(SwitchTest, ARouterLearnsNothing) {
    NodeWorld world;
    send_from(world, {std::byte{2}, std::byte{9}});
    EXPECT_FALSE(world.log.contains("Learned"));
}

TEST(ReloadTest, TheModeStaysThatOfTheDevice) {
    NodeWorld world;
    auto settings = NodeWorld::default_settings();
    settings.mode = config::RoutingMode::switching;
    world.node->reload({settings, {}}, world.now);
    send_from(world, {std::byte{2}, std::byte{9}});
    EXPECT_FALSE(world.log.contains("Learned"));
}

TEST(ReloadTest, NewConnectToIsTriedAtOnce) {
    NodeWorld world;
    world.hosts["beta"].addresses = {{"beta.example", ""}};
    auto settings = NodeWorld::default_settings();
    settings.connect_to = {"beta"};
    world.node->reload({settings, {}}, world.now);
    world.settle();
    const auto resolves = world.all<Resolve>();
    ASSERT_EQ(resolves.size(), 1U);
    EXPECT_EQ(resolves[0].host, "beta.example");
    EXPECT_EQ(resolves[0].port, "655");
    world.node->resolved(resolves[0].query, std::vector{endpoint("10.99.1.2", 655)}, world.now);
    world.settle();
    const auto opens = world.all<Open>();
    ASSERT_EQ(opens.size(), 1U);
    EXPECT_EQ(opens[0].remote, endpoint("10.99.1.2", 655));
    world.node->connected(opens[0].peer, 9, world.now);
    world.settle();
    EXPECT_EQ(world.answer(opens[0].peer), "0 alpha 17\n");
    world.say(opens[0].peer, "0 gamma 17\n");
    EXPECT_EQ(world.closing_of(opens[0].peer), Close::How::now) << "we dialled: no tarpit";
    EXPECT_TRUE(world.log.contains("is gamma instead of beta"));
}

// What the operator sees
// ---------------------------------------------------------------------------

/// The lines that `print` adds to the log.
template <class Print>
std::vector<std::string> printed(NodeWorld& world, Print print) {
    world.log.lines.clear();
    print();
    return world.log.lines;
}

TEST(DumpTest, ConnectionsAreListedAs1036ListsThem) {
    NodeWorld world;
    const auto beta = world.join("beta", beta_at);
    world.tell(*beta, "12 7424ab6f beta alpha 10.99.1.1 655 c 3");
    world.rest();
    world.talk(*beta);
    world.connect(endpoint("10.0.0.1", 4'000));
    EXPECT_THAT(
        printed(world, [&] { world.node->dump_connections(); }),
        ElementsAre("Connections:",
                    " beta at 10.99.1.2 port 42705 options c socket 8 status 01c2 outbuf 0/0/0",
                    " <unknown> at 10.0.0.1 port 4000 options 0 socket 8 status 0000 outbuf 0/0/0",
                    "End of connections."));
    world.node->retry(world.now);
    EXPECT_THAT(
        printed(world, [&] { world.node->dump_connections(); }),
        Contains(" beta at 10.99.1.2 port 42705 options c socket 8 status 01c3 outbuf 2/0/2"));
}

TEST(DumpTest, TheMeshIsListedAs1036ListsIt) {
    NodeWorld world;
    world.hosts["beta"].weight = 3;
    const auto beta = world.join("beta", beta_at);
    world.tell(*beta, "12 7424ab6f beta alpha 10.99.1.1 655 c 3");
    world.rest();
    world.tell(*beta, "10 41edef7c beta 192.168.77.2/32#10");
    world.tell(*beta, "10 41edef7d newnode 192.168.77.3/32");
    world.tell(*beta, "15 beta alpha");
    world.tell(*beta, "16 beta alpha " + std::string(96, 'A') + " 427 672 4 0");
    EXPECT_THAT(
        printed(world, [&] { world.node->dump_state(); }),
        ElementsAre(
            "Statistics for Linux tun/tap device (tun mode) /dev/net/tun:",
            " total bytes in:           0", " total bytes out:          0", "Nodes:",
            " alpha at MYSELF cipher 0 digest 0 maclength 0 compression 0 options c status 0018 "
            "nexthop alpha via alpha pmtu 1518 (min 0 max 1518)",
            " beta at 10.99.1.2 port 655 cipher 427 digest 672 maclength 4 compression 0 options c "
            "status 001a nexthop beta via beta pmtu 1518 (min 0 max 1518)",
            " newnode at (null) cipher 0 digest 0 maclength 0 compression 0 options 0 status 0020 "
            "nexthop - via - pmtu 1518 (min 0 max 1518)",
            "End of nodes.", "Edges:", " alpha to beta at 10.99.1.2 port 655 options c weight 3",
            " beta to alpha at 10.99.1.1 port 655 options c weight 3", "End of edges.",
            "Subnet list:", " 192.168.77.1/32#10 owner alpha", " 192.168.77.2/32#10 owner beta",
            " 192.168.77.3/32#10 owner newnode", "End of subnet list."));
}

// Scripts
// ------------------------------------------------------------------------------------------

/// "hosts/beta-up NODE=beta REMOTEADDRESS=..", with the variables in order of their names.
std::string told(const RunScript& script) {
    auto environment = script.environment;
    std::ranges::sort(environment);
    std::string text = script.script;
    for (const auto& [name, value] : environment) text += fmt::format(" {}={}", name, value);
    return text;
}

/// The same out of what 1.0.36 gave its scripts, without what floor 5 adds for all of them.
std::vector<std::string> recorded_scripts() {
    std::vector<std::string> scripts;
    std::istringstream lines(test::test_data("scripts_env_alpha.txt"));
    const std::string base = "CONFBASE/";
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("== ")) {
            scripts.push_back(line.substr(line.find(base) + base.size()));
        } else if (!line.starts_with("DEVICE=") && !line.starts_with("INTERFACE=") &&
                   !line.starts_with("NAME=") && !line.starts_with("NETNAME=")) {
            scripts.back() += " " + line;
        }
    }
    return scripts;
}

TEST(ScriptTest, RunInTheOrderAndWithTheVariablesOf1036) {
    NodeWorld world;
    const auto beta = world.join("beta", endpoint("10.99.1.2", 42'705));
    world.tell(*beta, "12 7424ab6f beta alpha 10.99.1.1 655 c 3");
    world.rest();
    world.tell(*beta, "10 41edef7c beta 192.168.77.2/32#10");
    world.node->stop(world.now);
    world.node->device_closing(world.now);
    world.settle();
    std::vector<std::string> scripts;
    for (const auto& script : world.all<RunScript>()) scripts.push_back(told(script));
    ASSERT_FALSE(scripts.empty());
    EXPECT_EQ(scripts.front(), "tinc-up");
    scripts.erase(scripts.begin());
    EXPECT_EQ(scripts, recorded_scripts());
    EXPECT_TRUE(world.is_closed(beta->id));
}

TEST(StopTest, NobodyIsAcceptedAnyMore) {
    NodeWorld world;
    world.connect(endpoint("10.0.0.1", 4'000));
    const auto beta = world.join("beta", beta_at);
    world.node->stop(world.now);
    world.settle();
    EXPECT_EQ(world.all<Close>().size(), 2U);
    EXPECT_FALSE(world.node->accepted(endpoint("10.0.0.2", 4'000), 8, world.now));
}

}  // namespace
}  // namespace tinc::node
