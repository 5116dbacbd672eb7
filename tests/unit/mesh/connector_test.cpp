#include "tinc/mesh/connector.hpp"

#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tinc::mesh {
namespace {

using std::chrono::seconds;

Endpoint host_number(int last) {
    return {Address::parse("192.0.2." + std::to_string(last)).value(), 655};
}

class ConnectorTest : public testing::Test {
  protected:
    ConnectorTest() {
        connector.set_targets({"hub"}, {}, now);
        connector.on_time(now);
    }

    static config::HostSettings host(std::vector<config::HostPort> addresses) {
        config::HostSettings settings;
        settings.addresses = std::move(addresses);
        return settings;
    }
    /// The only effect there is, which must be of this kind.
    template <class Kind>
    Kind wanted() {
        auto effects = connector.take_effects();
        TINC_ASSERT(effects.size() == 1);
        return std::get<Kind>(std::move(effects.front()));
    }
    void dial(PeerId peer) {
        EXPECT_EQ(wanted<ReadHost>().name, "hub");
        connector.host_loaded("hub", host({{"hub.example", ""}}), now);
        EXPECT_EQ(wanted<ResolveAddress>().address, (config::HostPort{"hub.example", "655"}));
        connector.resolved("hub", std::vector{host_number(1)}, now);
        EXPECT_EQ(wanted<Dial>().remote, host_number(1));
        connector.dialling("hub", peer);
    }
    void expect_wait(Duration time) {
        const auto wait = connector.deadline() - now;
        EXPECT_GE(wait, time * 9 / 10) << time / seconds(1);
        EXPECT_LE(wait, time * 11 / 10) << time / seconds(1);
    }
    void time_comes() {
        now = connector.deadline();
        connector.on_time(now);
    }

    Time now{};
    test::SeededRandom random{1};
    test::RecordedLog log;
    Connector connector{{}, random, log};
};

TEST_F(ConnectorTest, WaitsFiveSecondsLongerAfterEachFailure) {
    for (int failures = 1; failures <= 4; ++failures) {
        const PeerId peer{static_cast<std::uint64_t>(failures)};
        dial(peer);
        connector.ended(peer, now);
        expect_wait(seconds(5 * failures));
        EXPECT_TRUE(log.contains("Trying to re-establish outgoing connection in " +
                                 std::to_string(5 * failures)));
        time_comes();
    }
    EXPECT_TRUE(log.contains("Could not set up a meta connection to hub"));
}

TEST_F(ConnectorTest, KeepsItsWaitBetweenMinAndMaxTimeout) {
    connector.set_targets({"hub"}, {seconds(20), seconds(30)}, now);
    const seconds expected[] = {seconds(20), seconds(25), seconds(30), seconds(30)};
    std::uint64_t number = 0;
    for (const auto wait : expected) {
        const PeerId peer{++number};
        dial(peer);
        connector.ended(peer, now);
        expect_wait(wait);
        time_comes();
    }
}

TEST_F(ConnectorTest, SpreadsItsRetries) {
    std::set<Time> dues;
    for (std::uint64_t i = 1; i <= 5; ++i) {
        dial(PeerId{i});
        connector.ended(PeerId{i}, now);
        dues.insert(connector.deadline());
        connector.retry_now(now);
        connector.on_time(now);
    }
    EXPECT_GT(dues.size(), 3U) << "many nodes must not come back to one in the same moment";
}

TEST_F(ConnectorTest, TriesEachResultOfEachAddress) {
    static_cast<void>(wanted<ReadHost>());
    connector.host_loaded("hub", host({{"a", "1"}, {"b", ""}}), now);
    EXPECT_EQ(wanted<ResolveAddress>().address, (config::HostPort{"a", "1"}));
    connector.resolved("hub", std::vector{host_number(1), host_number(2)}, now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(1));
    connector.dialling("hub", PeerId{1});
    connector.ended(PeerId{1}, now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(2));
    connector.dialling("hub", PeerId{2});
    connector.ended(PeerId{2}, now);
    EXPECT_EQ(wanted<ResolveAddress>().address, (config::HostPort{"b", "655"}));
    connector.resolved("hub", failure(Errc::system, "Temporary failure"), now);
    EXPECT_TRUE(log.contains("Temporary failure"));
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, DialsByNameWhatAProxyMayKnow) {
    connector.set_unknown_hosts(Connector::UnknownHosts::dial);
    static_cast<void>(wanted<ReadHost>());
    connector.host_loaded("hub", host({{"hub.onion", "6655"}, {"b", ""}}), now);
    static_cast<void>(wanted<ResolveAddress>());
    connector.resolved("hub", failure(Errc::system, "Name or service not known"), now);
    EXPECT_EQ(wanted<Dial>().remote, Destination("hub.onion", 6655));
    connector.dialling("hub", PeerId{1});
    connector.ended(PeerId{1}, now);
    static_cast<void>(wanted<ResolveAddress>());
    connector.resolved("hub", std::vector{host_number(1)}, now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(1)) << "what is known here is not left to others";
}

TEST_F(ConnectorTest, DialsNoNameThatCouldMeanSomethingElse) {
    connector.set_unknown_hosts(Connector::UnknownHosts::dial);
    static_cast<void>(wanted<ReadHost>());
    const std::vector<config::HostPort> odd = {
        {"fe80::1%eth0", "1"}, {"-x", "1"}, {"a/b", "1"}, {"a", "https"}, {"a", "0"}};
    connector.host_loaded("hub", host(odd), now);
    for (std::size_t i = 0; i < odd.size(); ++i) {
        EXPECT_EQ(wanted<ResolveAddress>().address, odd[i]);
        connector.resolved("hub", failure(Errc::system, "unknown"), now);
    }
    EXPECT_TRUE(connector.take_effects().empty());
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, ComesBackAtOnceToAnAddressThatWasGood) {
    dial(PeerId{1});
    connector.connected("hub", PeerId{1});
    EXPECT_EQ(connector.deadline(), never);
    connector.proven(PeerId{1});
    connector.ended(PeerId{1}, now);
    EXPECT_EQ(connector.deadline(), now);
    time_comes();
    dial(PeerId{2});
    connector.ended(PeerId{2}, now);
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, TriesTheNextAddressAfterAConnectionThatProvedNothing) {
    dial(PeerId{1});
    connector.connected("hub", PeerId{1});
    connector.ended(PeerId{1}, now);
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, WaitsMaxTimeoutForAHostWithoutAddress) {
    static_cast<void>(wanted<ReadHost>());
    connector.host_loaded("hub", host({}), now);
    EXPECT_TRUE(log.contains("No address specified for hub"));
    expect_wait(seconds(900));
    time_comes();
    static_cast<void>(wanted<ReadHost>());
    connector.host_loaded("hub", failure(Errc::system, "no such file"), now);
    expect_wait(seconds(900));
}

TEST_F(ConnectorTest, IsContentWithAConnectionThatCameIn) {
    static_cast<void>(wanted<ReadHost>());
    connector.connected("hub", PeerId{9});
    EXPECT_TRUE(log.contains("Already connected to hub"));
    connector.host_loaded("hub", host({{"a", ""}}), now);
    EXPECT_TRUE(connector.take_effects().empty());
    EXPECT_EQ(connector.deadline(), never);
    connector.proven(PeerId{9});
    connector.ended(PeerId{9}, now);
    EXPECT_EQ(connector.deadline(), now);
}

TEST_F(ConnectorTest, LetsAnOwnAttemptFailWhileAnotherConnectionIsUp) {
    dial(PeerId{1});
    connector.connected("hub", PeerId{9});
    connector.dialling("hub", PeerId{1});  // told late
    connector.ended(PeerId{1}, now);
    EXPECT_EQ(connector.deadline(), never);
    EXPECT_TRUE(connector.take_effects().empty());
}

TEST_F(ConnectorTest, TriesWhatIsLikelyAheadOfTheHostFile) {
    static_cast<void>(wanted<ReadHost>());
    connector.suggest("hub", {host_number(7), host_number(8)});
    connector.host_loaded("hub", host({{"a", ""}}), now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(7));
    connector.dialling("hub", PeerId{1});
    connector.ended(PeerId{1}, now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(8));
    connector.dialling("hub", PeerId{2});
    connector.ended(PeerId{2}, now);
    EXPECT_EQ(wanted<ResolveAddress>().address, (config::HostPort{"a", "655"}));
    connector.resolved("hub", std::vector{host_number(7), host_number(9)}, now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(9)) << "what has failed is not tried again";
}

TEST_F(ConnectorTest, ALikelyAddressIsEnough) {
    static_cast<void>(wanted<ReadHost>());
    connector.suggest("hub", {host_number(7)});
    connector.host_loaded("hub", host({}), now);
    EXPECT_EQ(wanted<Dial>().remote, host_number(7));
    connector.dialling("hub", PeerId{1});
    connector.ended(PeerId{1}, now);
    expect_wait(seconds(5));
    time_comes();
    static_cast<void>(wanted<ReadHost>());
    connector.host_loaded("hub", host({}), now);
    expect_wait(seconds(900));  // what was likely then need not be so any more
}

TEST_F(ConnectorTest, WhatIsLikelyComesTooLateForAnAttemptThatHasBegun) {
    dial(PeerId{1});
    connector.suggest("hub", {host_number(7)});
    connector.suggest("nobody", {host_number(7)});
    connector.ended(PeerId{1}, now);
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, TriesWhomItIsToldToSeekUntilToldToStop) {
    dial(PeerId{1});
    connector.seek("cell", now);
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::sought_waiting);
    connector.on_time(now);
    EXPECT_EQ(wanted<ReadHost>().name, "cell");
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::sought);
    EXPECT_EQ(connector.sought(), std::vector<std::string>{"cell"});
    connector.abandon("cell");
    connector.host_loaded("cell", host({{"a", ""}}), now);
    EXPECT_TRUE(connector.take_effects().empty());
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::none);
}

TEST_F(ConnectorTest, WhatIsInConnectToCannotBeAbandoned) {
    connector.seek("hub", now);
    EXPECT_EQ(connector.standing_of("hub"), Connector::Standing::configured);
    connector.abandon("hub");
    connector.abandon_sought();
    EXPECT_EQ(connector.standing_of("hub"), Connector::Standing::configured);
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::none);
}

TEST_F(ConnectorTest, ConnectToTakesOverWhoIsSought) {
    connector.seek("cell", now);
    connector.seek("leaf", now);
    connector.set_targets({"cell"}, {}, now);
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::configured);
    EXPECT_EQ(connector.standing_of("leaf"), Connector::Standing::sought_waiting);
    EXPECT_EQ(connector.standing_of("hub"), Connector::Standing::none);
    connector.abandon_sought();
    EXPECT_EQ(connector.standing_of("cell"), Connector::Standing::configured);
    EXPECT_EQ(connector.standing_of("leaf"), Connector::Standing::none);
}

TEST_F(ConnectorTest, RetriesNowWhenTold) {
    dial(PeerId{1});
    connector.ended(PeerId{1}, now);
    connector.retry_now(now);
    EXPECT_EQ(connector.deadline(), now);
    time_comes();
    dial(PeerId{2});
    connector.ended(PeerId{2}, now);
    expect_wait(seconds(5));
}

TEST_F(ConnectorTest, PausesButNeverComesEarlierForIt) {
    dial(PeerId{1});
    connector.ended(PeerId{1}, now);
    const auto before = connector.deadline();
    connector.pause(now + seconds(1));
    EXPECT_EQ(connector.deadline(), before);
    connector.pause(now + seconds(100));
    EXPECT_EQ(connector.deadline(), now + seconds(100));
}

TEST_F(ConnectorTest, KeepsAwayWhenAConnectionEndsDuringAPause) {
    dial(PeerId{1});
    connector.connected("hub", PeerId{1});
    connector.proven(PeerId{1});
    connector.pause(now + seconds(100));
    connector.ended(PeerId{1}, now);
    EXPECT_TRUE(connector.take_effects().empty());
    EXPECT_EQ(connector.deadline(), now + seconds(100));
    connector.retry_now(now);
    EXPECT_EQ(connector.deadline(), now + seconds(100));
    time_comes();
    EXPECT_EQ(wanted<ReadHost>().name, "hub");
}

TEST_F(ConnectorTest, BelievesInTheConnectionOfSomebodyElseOnlyAfterItsFirstPong) {
    dial(PeerId{1});
    connector.connected("hub", PeerId{2});
    connector.ended(PeerId{2}, now);
    expect_wait(seconds(5));
    time_comes();
    dial(PeerId{3});
    connector.connected("hub", PeerId{4});
    connector.proven(PeerId{4});
    connector.ended(PeerId{4}, now);
    EXPECT_EQ(connector.deadline(), now);
}

TEST_F(ConnectorTest, IgnoresAnswersItDoesNotWaitFor) {
    connector.resolved("hub", std::vector{host_number(1)}, now);
    connector.host_loaded("stranger", host({{"a", ""}}), now);
    connector.ended(PeerId{77}, now);
    connector.proven(PeerId{77});
    EXPECT_EQ(wanted<ReadHost>().name, "hub");
}

TEST_F(ConnectorTest, ForgetsTargetsThatAreConfiguredAway) {
    connector.set_targets({"other"}, {}, now);
    static_cast<void>(connector.take_effects());  // of the time before
    connector.host_loaded("hub", host({{"hub.example", ""}}), now);
    connector.on_time(now);
    EXPECT_EQ(wanted<ReadHost>().name, "other") << "and nothing for the hub";
}

}  // namespace
}  // namespace tinc::mesh
