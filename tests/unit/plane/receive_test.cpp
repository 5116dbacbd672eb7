#include "unit/plane/crossroads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tinc::plane {
namespace {

using std::chrono::seconds;
using test::Frame;
using test::udp_frame;

Endpoint stranger(int number) {
    return {Address::parse(fmt::format("198.51.{}.{}", number / 250, number % 250 + 1)).value(),
            static_cast<std::uint16_t>(1'024 + number)};
}

class ReceiveTest : public testing::Test {
  protected:
    ReceiveTest() : frame(udp_frame({.source = "10.2.0.1", .destination = "10.1.0.1"}, 100)) {}

    std::string receive(Bytes datagram, const Endpoint& source) {
        roads.from_network(datagram, source);
        return roads.outcome();
    }
    std::uint64_t dropped(Drop reason) const { return roads.plane.dropped(reason); }
    /// Where a packet for beta goes.
    Endpoint address_of_beta() {
        roads.from_device(udp_frame({.source = "10.1.0.1", .destination = "10.2.0.1"}, 100));
        return roads.out.datagrams().front().remote;
    }
    Frame probe(std::size_t size, int first = 0) {
        Frame made(size, std::byte{0x55});
        std::fill_n(made.begin(), 14, std::byte{0});
        made[0] = static_cast<std::byte>(first);
        return made;
    }

    Crossroads roads;
    Frame frame;
};

TEST_F(ReceiveTest, KnowsASenderByItsAddress) {
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device");
}

TEST_F(ReceiveTest, KnowsASenderThatMovedByItsMac) {
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::elsewhere()), "device, moved beta");
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::elsewhere()), "device");
    EXPECT_EQ(address_of_beta(), Crossroads::elsewhere());
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device, moved beta");
}

TEST_F(ReceiveTest, DoubtsAKeyWhenManyPacketsInARowAreForged) {
    const auto send = [&](bool is_right) {
        auto datagram = roads.sealed_by(beta, test::udp_frame({}, 100));
        if (!is_right) datagram.back() ^= std::byte{1};
        receive(datagram, Crossroads::home(beta));
        return roads.all<SessionDoubted>().size();
    };
    for (int i = 0; i < 19; ++i) ASSERT_EQ(send(false), 0U);
    ASSERT_EQ(send(true), 0U);
    for (int i = 0; i < 19; ++i) ASSERT_EQ(send(false), 0U);
    EXPECT_EQ(send(false), 1U);
    EXPECT_EQ(send(false), 0U);
}

TEST_F(ReceiveTest, MovesNobodyForWhatIsReplayedOrForged) {
    const auto datagram = roads.sealed_by(beta, frame);
    receive(datagram, Crossroads::home(beta));
    EXPECT_EQ(receive(datagram, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::replayed), 1U);
    auto forged = roads.sealed_by(beta, frame);
    forged.back() ^= std::byte{1};
    EXPECT_EQ(receive(forged, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::unknown_source), 1U);
    EXPECT_EQ(address_of_beta(), Crossroads::home(beta));
}

TEST_F(ReceiveTest, NeverAnswersStrangers) {
    for (const std::size_t size : {0U, 1U, 4U, 36U, 52U, 100U, 1'661U})
        EXPECT_EQ(receive(Frame(size, std::byte{7}), Crossroads::elsewhere()), "") << size;
    EXPECT_EQ(dropped(Drop::unknown_source), 7U);
    EXPECT_EQ(receive(Frame(1'662), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::too_long), 1U);
    EXPECT_TRUE(roads.log.contains("Received UDP packet from unknown source 203.0.113.9"));
}

TEST_F(ReceiveTest, LogsStrangersOnceASecond) {
    for (int i = 0; i < 100; ++i) receive(Frame(100), stranger(i));
    const auto count = [&] {
        return std::ranges::count_if(roads.log.lines, [](const std::string& line) {
            return line.find("unknown source") != std::string::npos;
        });
    };
    EXPECT_EQ(count(), 1);
    roads.now += seconds(1);
    receive(Frame(100), stranger(0));
    EXPECT_EQ(count(), 2);
}

TEST_F(ReceiveTest, CountsEveryWayToFail) {
    auto forged = roads.sealed_by(beta, frame);
    forged.front() ^= std::byte{1};
    receive(forged, Crossroads::home(beta));
    EXPECT_EQ(dropped(Drop::forged), 1U);
    receive(Frame(3), Crossroads::home(beta));
    EXPECT_EQ(dropped(Drop::too_short), 1U);
    roads.plane.set_address(omega, Crossroads::home(omega), SocketIndex{0});
    receive(frame, Crossroads::home(omega));
    EXPECT_EQ(dropped(Drop::no_key), 1U);
}

TEST_F(ReceiveTest, TellsTheNumbersOfWhatItRefusesAsTincDoes) {
    const auto first = roads.sealed_by(beta, frame);
    receive(first, Crossroads::home(beta));
    receive(first, Crossroads::home(beta));
    EXPECT_TRUE(roads.log.contains("Got late or replayed packet from beta"));
    EXPECT_TRUE(roads.log.contains(", seqno 1, last received 1"));
    roads.give_new_key(beta, 999);
    for (int i = 0; i < 5; ++i) receive(roads.sealed_by(beta, frame), Crossroads::home(beta));
    EXPECT_TRUE(roads.log.contains(" is 999 seqs in the future, dropped (1)"));
    EXPECT_TRUE(roads.log.contains(" is 1002 seqs in the future, dropped (4)"));
    EXPECT_TRUE(roads.log.contains("Lost 1003 packets from beta"));
}

TEST_F(ReceiveTest, SurvivesEveryFlippedBitAndLength) {
    const auto nothing = testing::AnyOf("", "doubted beta");
    const auto datagram = roads.sealed_by(beta, frame);
    for (std::size_t bit = 0; bit < datagram.size() * 8; ++bit) {
        auto flipped = datagram;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        ASSERT_THAT(receive(flipped, Crossroads::home(beta)), nothing) << bit;
    }
    for (std::size_t size = 0; size < datagram.size(); ++size)
        ASSERT_THAT(receive(Bytes(datagram).first(size), Crossroads::home(beta)), nothing) << size;
    EXPECT_EQ(receive(datagram, Crossroads::home(beta)), "device") << "the session stays";
}

TEST_F(ReceiveTest, CountsNumbersOfTheFarFutureUntilItBelievesThem) {
    std::vector<Frame> sent;
    for (int i = 0; i < 300; ++i) sent.push_back(roads.sealed_by(beta, frame));
    EXPECT_EQ(receive(sent[0], Crossroads::home(beta)), "device");
    for (std::size_t i = 200; i < 204; ++i)
        EXPECT_EQ(receive(sent[i], Crossroads::home(beta)), "") << i;
    EXPECT_EQ(dropped(Drop::too_far), 4U);
    EXPECT_EQ(receive(sent[204], Crossroads::home(beta)), "device");
    EXPECT_EQ(receive(sent[10], Crossroads::home(beta)), "") << "late beyond the window";
    EXPECT_EQ(dropped(Drop::replayed), 1U);
}

TEST_F(ReceiveTest, AnswersProbesWithTheSameLength) {
    for (const std::size_t size : {14U, 15U, 64U, 1'000U, 1'518U}) {
        roads.from_network(roads.sealed_by(beta, probe(size)), Crossroads::home(beta));
        ASSERT_EQ(roads.out.datagrams().size(), 1U) << size;
        EXPECT_EQ(roads.opened(roads.out.datagrams().front()), probe(size, 1));
    }
}

TEST_F(ReceiveTest, AnswersProbesWhereTheyNowComeFrom) {
    receive(roads.sealed_by(beta, probe(100)), Crossroads::elsewhere());
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::elsewhere());
}

TEST_F(ReceiveTest, ReportsAnswersToProbes) {
    EXPECT_EQ(receive(roads.sealed_by(beta, probe(1'000, 1)), Crossroads::home(beta)),
              "probe beta 1000");
}

TEST_F(ReceiveTest, CountsCompressedAnswersAsWhatPassed) {
    roads.suite.compression = 6;
    roads.give_new_key(beta);
    roads.from_network(roads.sealed_by(beta, probe(1'000, 1)), Crossroads::home(beta));
    ASSERT_EQ(roads.all<ProbeReply>().size(), 1U);
    EXPECT_LT(roads.all<ProbeReply>().front().frame_bytes, 100U)
        << "a thousand equal bytes prove next to nothing";
}

TEST_F(ReceiveTest, OpensWithTheOldKeyForTenSeconds) {
    const auto early = roads.sealed_by(beta, frame);
    const auto late = roads.sealed_by(beta, frame);
    roads.give_new_key(beta);
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device");
    roads.now += Plane::old_key_grace - seconds(1);
    EXPECT_EQ(receive(early, Crossroads::home(beta)), "device");
    EXPECT_EQ(receive(early, Crossroads::home(beta)), "") << "replayed";
    roads.now += seconds(1);
    EXPECT_EQ(receive(late, Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::forged), 1U);
}

TEST_F(ReceiveTest, OpensWithAnExpiredKeyForTenSeconds) {
    const auto early = roads.sealed_by(beta, frame);
    const auto late = roads.sealed_by(beta, frame);
    roads.plane.set_opener(beta, std::nullopt, roads.now);
    EXPECT_EQ(receive(early, Crossroads::home(beta)), "device");
    roads.now += Plane::old_key_grace;
    EXPECT_EQ(receive(late, Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::no_key), 1U);
}

TEST_F(ReceiveTest, ReportsWornOutKeysOnceATurn) {
    roads.give_new_key(beta, limits::max_sequence + 1);
    std::vector<Frame> sent;
    for (int i = 0; i < 8; ++i) sent.push_back(roads.sealed_by(beta, frame));
    packet::Batch batch;
    std::vector<Endpoint> sources;
    for (const auto& datagram : sent) {
        batch.add().assign(datagram);
        sources.push_back(Crossroads::home(beta));
    }
    roads.begin();
    roads.plane.from_network(batch, sources, SocketIndex{0}, roads.now, roads.out);
    roads.end();
    EXPECT_EQ(roads.out.frames().size(), 4U) << "four were too far to be believed";
    EXPECT_EQ(roads.all<KeysWornOut>().size(), 1U);
}

TEST_F(ReceiveTest, TellsNodesApartThatShareAnAddress) {
    // A NAT may show two nodes at one address, or somebody announces what is not his.
    for (const auto node : {gamma, epsilon})
        roads.plane.set_address(node, Crossroads::home(beta), SocketIndex{0});
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device");
        const auto of_gamma = udp_frame({.source = "10.3.0.1", .destination = "10.6.0.1"}, 100);
        EXPECT_EQ(receive(roads.sealed_by(gamma, of_gamma), Crossroads::home(beta)), "udp epsilon");
    }
    roads.plane.set_address(gamma, Crossroads::elsewhere(), SocketIndex{0});
    roads.plane.forget(epsilon);
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device");
}

/// Many nodes with keys, none at a known address.
class CrowdTest : public ReceiveTest {
  protected:
    static constexpr std::uint32_t crowd = 200;
    CrowdTest() {
        for (std::uint32_t i = 10; i < 10 + crowd; ++i) roads.give_new_key(NodeIndex{i});
    }
    /// Datagrams of `node` from a new address until it is recognised.
    int datagrams_until_known(NodeIndex node, const Endpoint& source) {
        for (int i = 1; i <= 100; ++i) {
            receive(roads.sealed_by(node, frame), source);
            if (!roads.all<SourceMoved>().empty()) return i;
        }
        return 101;
    }
};

TEST_F(CrowdTest, IsTriedInTurnsOfEight) {
    EXPECT_LE(datagrams_until_known(NodeIndex{150}, Crossroads::elsewhere()),
              static_cast<int>(crowd / limits::trials_per_datagram) + 2);
}

TEST_F(CrowdTest, IsTriedFirstWhereTheMeshAnnouncesIt) {
    roads.plane.set_announced_addresses(std::make_shared<const AnnouncedAddresses>(
        AnnouncedAddresses{{Crossroads::elsewhere().address, {NodeIndex{150}}}}));
    EXPECT_EQ(datagrams_until_known(NodeIndex{150}, Crossroads::elsewhere()), 1);
}

TEST_F(CrowdTest, IsNotHiddenByLiesAboutItsAddress) {
    AnnouncedAddresses lies;
    for (std::uint32_t i = 10; i < 10 + crowd; ++i)
        if (i != 150) lies[Crossroads::elsewhere().address].push_back(NodeIndex{i});
    roads.plane.set_announced_addresses(
        std::make_shared<const AnnouncedAddresses>(std::move(lies)));
    for (std::uint32_t i = 10; i < 100; ++i)
        roads.plane.set_address(NodeIndex{i}, Crossroads::elsewhere(), SocketIndex{0});
    EXPECT_LE(datagrams_until_known(NodeIndex{150}, Crossroads::elsewhere()), 90);
    EXPECT_EQ(receive(roads.sealed_by(NodeIndex{150}, frame), Crossroads::elsewhere()), "device");
}

TEST_F(CrowdTest, CostsAThousandTrialsASecondAtMost) {
    // Whose turn it is moves with every trial: when a flood has used them up, nobody is found.
    for (int i = 0; i < 1'000; ++i) receive(Frame(100), stranger(i));
    for (int i = 0; i < 60; ++i) {
        receive(roads.sealed_by(NodeIndex{150}, frame), Crossroads::elsewhere());
        ASSERT_TRUE(roads.all<SourceMoved>().empty()) << i;
    }
    EXPECT_EQ(receive(roads.sealed_by(beta, frame), Crossroads::home(beta)), "device")
        << "who stays where he was is not concerned";
    roads.now += seconds(1);
    EXPECT_LE(datagrams_until_known(NodeIndex{150}, Crossroads::elsewhere()), 30);
}

TEST(TrialBudgetTest, IsFilledEverySecond) {
    TrialBudget budget(70);
    const auto taken = [&](Time now) {
        std::uint32_t count = 0;
        while (budget.take(now)) ++count;
        return count;
    };
    EXPECT_EQ(taken(Time{}), 70U);
    EXPECT_EQ(taken(Time{} + std::chrono::milliseconds(999)), 0U);
    EXPECT_EQ(taken(Time{} + seconds(1)), 70U);
}

}  // namespace
}  // namespace tinc::plane
