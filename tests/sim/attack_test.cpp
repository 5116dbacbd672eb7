// Strangers and members who mean harm. Whatever they do, members get in and stay in.

#include "sim/simulation.hpp"
#include "support/peer_pair.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

namespace tinc::sim {
namespace {

using namespace std::chrono_literals;

Address source(std::uint32_t number) {
    return Address::v4({std::byte{172}, static_cast<std::byte>(16U + (number >> 16U)),
                        static_cast<std::byte>(number >> 8U), static_cast<std::byte>(number)});
}

std::size_t lines_with(const std::vector<std::string>& log, std::string_view part) {
    return static_cast<std::size_t>(std::ranges::count_if(
        log, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
}

/// A hub, a member that dials it, and the name of an evil one whose key the hub knows.
class AttackTest : public testing::Test {
  protected:
    AttackTest() {
        hub = sim.add({.name = "hub", .connect_to = {}, .lan = {}, .adjust = {}});
        member = sim.add({.name = "member", .connect_to = {"hub"}, .lan = {}, .adjust = {}});
        sim.add({.name = "evil", .connect_to = {}, .lan = {}, .adjust = {}});
        sim.start(hub);
    }

    [[nodiscard]] bool member_gets_in(Duration limit) {
        if (!sim.is_running(member)) sim.start(member);
        return sim.run_until(
            [&] {
                return sim.reachable(member).contains("hub") &&
                       sim.reachable(hub).contains("member");
            },
            limit);
    }

    /// The hub's connection with the member was never closed, by either end.
    void expect_the_member_stayed() {
        for (const auto host : {hub, member})
            for (const auto* other : {"hub", "member"})
                EXPECT_EQ(
                    lines_with(sim.log(host), fmt::format("Closing connection with {}", other)), 0U)
                    << "at " << sim.name(host);
        EXPECT_TRUE(sim.reachable(member).contains("hub"));
        EXPECT_TRUE(sim.reachable(hub).contains("member"));
    }

    Simulation sim{2'024};
    HostIndex hub = 0;
    HostIndex member = 0;
};

// Strangers
// ----------------------------------------------------------------------------------------

TEST_F(AttackTest, AThousandSilentStrangersFromManySourcesKeepNobodyOut) {
    for (std::uint32_t i = 0; i < 1'000; ++i) sim.stranger_connects(hub, source(i));
    EXPECT_TRUE(member_gets_in(1s));
}

TEST_F(AttackTest, AThousandSilentStrangersFromOneSourceKeepNobodyOut) {
    std::size_t admitted = 0;
    for (int i = 0; i < 1'000; ++i)
        if (sim.stranger_connects(hub, source(1)) != PeerId{0}) ++admitted;
    EXPECT_EQ(admitted, limits::pending_per_source);
    EXPECT_TRUE(member_gets_in(1s));
}

TEST_F(AttackTest, AMemberComesBackDuringAFloodOfStrangers) {
    ASSERT_TRUE(member_gets_in(1s));
    sim.run_for(1s);
    sim.kill(member);
    sim.run_for(1s);
    sim.start(member);
    std::uint32_t strangers = 0;
    for (; strangers < 1'000; ++strangers) {
        sim.stranger_connects(hub, source(strangers));
        sim.run_for(1ms);
    }
    EXPECT_TRUE(sim.reachable(member).contains("hub"));
}

TEST_F(AttackTest, AStrangersByteASecondBuysNoTime) {
    std::vector<PeerId> strangers;
    for (std::uint32_t i = 0; i < 100; ++i)
        strangers.push_back(sim.stranger_connects(hub, source(i)));
    for (const char c : std::string_view("0 me")) {
        sim.run_for(1s);
        for (const auto stranger : strangers)
            sim.stranger_says(hub, stranger, as_bytes(std::string_view(&c, 1)));
    }
    for (const auto stranger : strangers) EXPECT_FALSE(sim.has_closed(hub, stranger));
    sim.run_for(1s);
    for (const auto stranger : strangers) EXPECT_TRUE(sim.has_closed(hub, stranger));
    EXPECT_TRUE(member_gets_in(1s));
}

TEST_F(AttackTest, GarbageIsClosedAtOnceAndMembersDoNotNotice) {
    ASSERT_TRUE(member_gets_in(1s));
    for (std::uint32_t i = 0; i < 300; ++i) {
        const auto stranger = sim.stranger_connects(hub, source(i % 10));
        std::vector<std::byte> garbage(4'096);
        sim.random().fill(garbage);
        sim.stranger_says(hub, stranger, garbage);
        EXPECT_TRUE(sim.has_closed(hub, stranger));
        EXPECT_TRUE(sim.stranger_reads(hub, stranger).empty());
    }
    EXPECT_EQ(lines_with(sim.log(hub), "Bogus data received") +
                  lines_with(sim.log(hub), "Metadata read buffer overflow"),
              10U)
        << "one for each source";
    sim.run_for(10s);
    expect_the_member_stayed();
}

// A member
// -----------------------------------------------------------------------------------------

/// A Peer with a good key, driven by hand.
class EvilMember {
  public:
    EvilMember(Simulation& sim, HostIndex target) : sim_(sim), target_(target) {
        id = sim.stranger_connects(target, source(666));
        end.peer.emplace(peer::Peer::outgoing(end.settings, {source(1), 655}, sim.name(target),
                                              end.host, end.random, end.log, sim.now()));
        end.peer->connected();
        for (int leg = 0; leg < 5; ++leg) exchange();
    }

    [[nodiscard]] bool is_in() const { return end.state() == peer::State::active; }

    /// Says what it has to say, and reads the answer after a moment.
    void exchange() {
        for (auto bytes = end.peer->take_outgoing(sim_.now()); !bytes.empty();
             bytes = end.peer->take_outgoing(sim_.now())) {
            end.peer->written(bytes.size(), sim_.now());
            sim_.stranger_says(target_, id, bytes);
        }
        sim_.run_for(5ms);
        for (auto bytes = sim_.stranger_reads(target_, id); !bytes.empty();
             bytes = sim_.stranger_reads(target_, id))
            EXPECT_TRUE(end.peer->receive(bytes, sim_.now()));
        while (end.peer->next_event()) {
        }
    }

    void say(std::string_view line) {
        ASSERT_TRUE(end.peer->send_line(line, peer::Peer::Telling::silent));
    }

    test::PeerEnd end{"evil", 666};
    PeerId id{};

  private:
    Simulation& sim_;
    HostIndex target_;
};

struct Flood {
    std::string_view name;
    std::string (*line)(std::uint32_t number);
};

class MemberFlood : public AttackTest, public testing::WithParamInterface<Flood> {};

TEST_P(MemberFlood, EndsAtItsLimitWithAReason) {
    ASSERT_TRUE(member_gets_in(1s));
    EvilMember evil(sim, hub);
    ASSERT_TRUE(evil.is_in());
    std::uint32_t number = 0;
    while (number < 2 * limits::nodes_per_peer && !sim.has_closed(hub, evil.id)) {
        for (int i = 0; i < 500; ++i) evil.say(GetParam().line(++number));
        evil.exchange();
    }
    EXPECT_TRUE(sim.has_closed(hub, evil.id));
    EXPECT_EQ(lines_with(sim.log(hub), "announced more than 4096 nodes"), 1U);
    EXPECT_LE(sim.node(hub).mesh().graph().nodes().size(), limits::nodes_per_peer + 3);
    EXPECT_EQ(lines_with(sim.log(hub), "Error while processing"), 1U) << "nobody else is blamed";
}
INSTANTIATE_TEST_SUITE_P(Of, MemberFlood,
                         testing::Values(Flood{"edges",
                                               [](std::uint32_t number) {
                                                   return fmt::format(
                                                       "12 {:x} evil n{} 10.0.0.1 655 c 1", number,
                                                       number);
                                               }},
                                         Flood{"chains",
                                               [](std::uint32_t number) {
                                                   return fmt::format(
                                                       "12 {:x} n{} n{} 10.0.0.1 655 c 1", number,
                                                       number, number + 1);
                                               }},
                                         Flood{"subnets",
                                               [](std::uint32_t number) {
                                                   return fmt::format("10 {:x} n{} 10.{}.{}.0/24",
                                                                      number, number, number / 250,
                                                                      number % 250);
                                               }}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST_F(AttackTest, AMembersFloodOfKnownThingsDisturbsNobody) {
    ASSERT_TRUE(member_gets_in(1s));
    EvilMember evil(sim, hub);
    ASSERT_TRUE(evil.is_in());
    for (std::uint32_t number = 1; number <= 10'000; ++number) {
        evil.say(fmt::format("{} {:x} evil 10.66.0.0/16", number % 2 == 1 ? 10 : 11, number));
        if (number % 500 == 0) evil.exchange();
    }
    sim.run_for(15s);
    expect_the_member_stayed();
}

TEST_F(AttackTest, AMemberThatNeverReadsIsClosedAndTheOthersAreNot) {
    ASSERT_TRUE(member_gets_in(1s));
    EvilMember evil(sim, hub);
    ASSERT_TRUE(evil.is_in());
    for (int i = 0; i < 100; ++i) evil.say("8");
    for (auto bytes = evil.end.peer->take_outgoing(sim.now()); !bytes.empty();
         bytes = evil.end.peer->take_outgoing(sim.now()))
        sim.stranger_says(hub, evil.id, bytes);
    sim.stranger_stops_reading(hub, evil.id);
    sim.run_for(4s);
    EXPECT_FALSE(sim.has_closed(hub, evil.id));
    sim.run_for(2s);
    EXPECT_TRUE(sim.has_closed(hub, evil.id));
    EXPECT_EQ(lines_with(sim.log(hub), "could not flush for"), 1U);
    sim.run_for(10s);
    expect_the_member_stayed();
}

TEST_F(AttackTest, OneWrongLineEndsOneConnection) {
    ASSERT_TRUE(member_gets_in(1s));
    for (const auto* line : {"0 evil 17", "4 655 1 c", "5", "10 1 evil", "17 9999", "\x01", "99"}) {
        EvilMember evil(sim, hub);
        ASSERT_TRUE(evil.is_in());
        evil.say(line);
        evil.exchange();
        EXPECT_TRUE(sim.has_closed(hub, evil.id)) << line;
    }
    sim.run_for(10s);
    expect_the_member_stayed();
}

}  // namespace
}  // namespace tinc::sim
