// Who has sent a sealed datagram, and what is in it.

#include "unit/plane/sealed_fixture.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace tinc::plane::sealed {
namespace {

using std::chrono::seconds;
using test::Frame;
namespace record = packet::record;

// --- who has sent it
// ------------------------------------------------------------------------------

TEST_F(SealedTest, ANodeIsKnownByItsAddress) {
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device");
    EXPECT_EQ(roads.out.frames().front()->size(), frame_for(self, beta).size());
    EXPECT_EQ(
        receive(roads.record(old, record::plain, packet_for(self, old)), Crossroads::home(old)),
        "device")
        << "it has nothing else";
}

TEST_F(SealedTest, ANodeThatMovedIsKnownByItsIdAndProof) {
    ASSERT_EQ(receive_from(gamma, Crossroads::elsewhere()), "device, moved gamma");
    EXPECT_EQ(receive_from(gamma, Crossroads::elsewhere()), "device");
    ASSERT_EQ(send_to(gamma), "udp gamma");
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::elsewhere());
}

TEST_F(SealedTest, TwoNodesMayShareAnAddress) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(receive_from(beta, Crossroads::home(beta)),
                  i == 0 ? "device" : "device, moved beta");
        EXPECT_EQ(receive_from(gamma, Crossroads::home(beta)),
                  i == 0 ? "device, moved gamma" : "device");
        EXPECT_EQ(receive_from(beta, Crossroads::elsewhere()), "device, moved beta");
    }
}

TEST_F(SealedTest, NobodyIsMovedByWhatIsForgedOrReplayed) {
    const auto datagram = roads.datagram(gamma, record::plain, packet_for(self, gamma));
    EXPECT_EQ(receive(datagram, Crossroads::home(gamma)), "device");
    EXPECT_EQ(receive(datagram, Crossroads::elsewhere()), "");
    EXPECT_EQ(receive(datagram, Crossroads::home(gamma)), "");
    EXPECT_EQ(dropped(Drop::replayed), 1U) << "at its address; elsewhere it is nobody's";
    auto forged = roads.datagram(gamma, record::plain, packet_for(self, gamma));
    forged.back() ^= std::byte{1};
    EXPECT_EQ(receive(forged, Crossroads::elsewhere()), "");
    EXPECT_EQ(receive(forged, Crossroads::home(beta)), "");
    ASSERT_EQ(send_to(gamma), "udp gamma");
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::home(gamma));
}

TEST_F(SealedTest, AnotherNodesNameProvesNothing) {
    const auto sealed = roads.record(gamma, record::plain, packet_for(self, gamma));
    const auto renamed = Crossroads::with_ids({}, Crossroads::id(epsilon), sealed);
    EXPECT_EQ(receive(renamed, Crossroads::home(gamma)), "");
    EXPECT_EQ(receive(renamed, Crossroads::home(epsilon)), "");
    EXPECT_EQ(receive(renamed, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::forged), 3U);
    const auto unknown = Crossroads::with_ids({}, crypto::node_id_of("nobody"), sealed);
    EXPECT_EQ(receive(unknown, Crossroads::home(gamma)), "");
    EXPECT_EQ(receive(unknown, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::unknown_source), 2U);
    const auto our_own = Crossroads::with_ids({}, Crossroads::id(self), sealed);
    EXPECT_EQ(receive(our_own, Crossroads::home(gamma)), "");
    EXPECT_EQ(receive(our_own, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::unknown_source), 4U);
}

TEST_F(SealedTest, NeverAnswersStrangers) {
    for (std::size_t size = 0; size <= limits::datagram_bytes; ++size)
        ASSERT_EQ(receive(Frame(size, std::byte{7}), Crossroads::elsewhere()), "") << size;
    EXPECT_TRUE(roads.events.empty());
}

TEST_F(SealedTest, SurvivesEveryFlippedBitAndLength) {
    const auto datagram = roads.datagram(beta, record::plain, packet_for(self, beta));
    for (std::size_t bit = 48; bit < datagram.size() * 8; ++bit) {
        auto flipped = datagram;
        flipped[bit / 8] ^= std::byte{1} << (bit % 8);
        for (const auto& source : {Crossroads::home(beta), Crossroads::elsewhere()})
            ASSERT_TRUE(receive(flipped, source).find("device") == std::string::npos) << bit;
    }
    for (std::size_t size = 0; size < datagram.size(); ++size)
        for (const auto& source : {Crossroads::home(beta), Crossroads::elsewhere()})
            ASSERT_TRUE(receive(Bytes(datagram).first(size), source).find("device") ==
                        std::string::npos)
                << size;
    EXPECT_EQ(receive(datagram, Crossroads::home(beta)), "device") << "the session stays";
}

// --- what is in it
// --------------------------------------------------------------------------------

TEST_F(SealedTest, FramesAreMadeWholeAgain) {
    roads.from_network(roads.datagram(beta, record::plain, packet_for(self, beta)),
                       Crossroads::home(beta));
    ASSERT_EQ(roads.out.frames().size(), 1U);
    const auto frame = std::as_const(*roads.out.frames().front()).bytes();
    EXPECT_EQ(packet::ethertype(frame), packet::ethertype_ipv4);
    EXPECT_TRUE(std::ranges::equal(frame.subspan(14), packet_for(self, beta)));
}

TEST_F(SealedTest, ARecordIsIpOrNothingAtAll) {
    Frame odd(100, std::byte{0x55});
    EXPECT_EQ(receive(roads.datagram(beta, record::plain, odd), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::unknown_type), 1U);
    EXPECT_EQ(receive(roads.datagram(beta, record::plain, {}), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::too_short), 1U);
    for (const auto type : {std::uint8_t{5}, std::uint8_t{8}, std::uint8_t{127}}) {
        const auto before = dropped(Drop::unknown_type);
        EXPECT_EQ(
            receive(roads.datagram(beta, type, packet_for(self, beta)), Crossroads::home(beta)),
            "");
        EXPECT_EQ(dropped(Drop::unknown_type), before + 1) << int(type);
    }
    const Frame long_one(limits::frame_bytes + 1, std::byte{0x45});
    EXPECT_EQ(receive(roads.datagram(beta, record::plain, long_one), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::too_long), 1U);
}

TEST_F(SealedTest, ARouterTakesWholeFramesAsWell) {
    EXPECT_EQ(receive(roads.datagram(beta, record::ethernet, frame_for(self, beta)),
                      Crossroads::home(beta)),
              "device");
}

class CompressedTest : public SealedTest, public testing::WithParamInterface<int> {
  protected:
    CompressedTest()
        : SealedTest({.device = {}, .speaks_sptps = true, .compression = GetParam()}) {}
};

TEST_P(CompressedTest, RecordsAreReadAtTheLevelThatWeAskedFor) {
    packet::Compression compression;
    const auto plain = packet_for(self, beta, 1'000);
    Frame small(limits::datagram_bytes);
    small.resize(compression.compress(GetParam(), plain, small).value());
    EXPECT_EQ(receive(roads.datagram(beta, record::compressed, small), Crossroads::home(beta)),
              "device");
    EXPECT_TRUE(
        std::ranges::equal(std::as_const(*roads.out.frames().front()).bytes().subspan(14), plain));
    EXPECT_EQ(receive(roads.datagram(beta, record::plain, plain), Crossroads::home(beta)), "device")
        << "what did not become smaller";
    small.resize(small.size() / 2);
    EXPECT_EQ(receive(roads.datagram(beta, record::compressed, small), Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::damaged), 1U);
}
INSTANTIATE_TEST_SUITE_P(Levels, CompressedTest,
                         testing::Range(1, packet::Compression::highest_level + 1));

class SealedSwitchTest : public SealedTest {
  protected:
    SealedSwitchTest()
        : SealedTest({.mode = Mode::switching, .device = {}, .speaks_sptps = true}) {}
    static Frame frame(NodeIndex from, NodeIndex to) {
        return test::between(static_cast<std::uint8_t>(to_index(from) + 1),
                             static_cast<std::uint8_t>(to_index(to) + 1), test::odd_frame(100));
    }
};

TEST_F(SealedSwitchTest, ASwitchSendsWholeFrames) {
    roads.from_device(frame(self, gamma));
    const auto sent = roads.opened(gamma).value();
    EXPECT_EQ(sent.type, record::ethernet);
    EXPECT_EQ(sent.data, frame(self, gamma));
}

TEST_F(SealedSwitchTest, ASwitchTakesNothingElse) {
    EXPECT_EQ(
        receive(roads.datagram(beta, record::ethernet, frame(beta, self)), Crossroads::home(beta)),
        "device");
    EXPECT_EQ(receive(roads.datagram(beta, record::plain, packet_for(self, beta)),
                      Crossroads::home(beta)),
              "");
    EXPECT_EQ(dropped(Drop::unknown_type), 1U);
}

// --- numbers and keys
// -----------------------------------------------------------------------------

TEST_F(SealedTest, CountsNumbersOfTheFarFutureUntilItBelievesThem) {
    std::vector<Frame> sent;
    for (int i = 0; i < 300; ++i)
        sent.push_back(roads.datagram(beta, record::plain, packet_for(self, beta)));
    EXPECT_EQ(receive(sent[0], Crossroads::home(beta)), "device");
    for (std::size_t i = 200; i < 204; ++i)
        EXPECT_EQ(receive(sent[i], Crossroads::home(beta)), "") << i;
    EXPECT_EQ(dropped(Drop::too_far), 4U);
    EXPECT_EQ(receive(sent[204], Crossroads::home(beta)), "device");
    EXPECT_TRUE(roads.log.contains("Lost 203 packets from beta"));
    EXPECT_EQ(receive(sent[10], Crossroads::home(beta)), "") << "late beyond the window";
    EXPECT_EQ(dropped(Drop::replayed), 1U);
}

TEST_F(SealedTest, OpensWithTheKeysBeforeForTenSeconds) {
    const auto early = roads.datagram(beta, record::plain, packet_for(self, beta));
    const auto late = roads.datagram(beta, record::plain, packet_for(self, beta));
    roads.exchange_keys(beta);
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device");
    roads.now += Plane::old_key_grace - seconds(1);
    EXPECT_EQ(receive(early, Crossroads::home(beta)), "device");
    EXPECT_EQ(receive(early, Crossroads::home(beta)), "") << "replayed";
    roads.now += seconds(1);
    EXPECT_EQ(receive(late, Crossroads::home(beta)), "");
    EXPECT_EQ(dropped(Drop::forged), 1U);
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device");
}

TEST_F(SealedTest, WithoutASessionNothingIsOpened) {
    roads.plane.set_sptps_opener(beta, std::nullopt, roads.now);
    roads.from_network(roads.datagram(beta, record::plain, packet_for(self, beta)),
                       Crossroads::home(beta));
    EXPECT_EQ(roads.outcome(), "used beta") << "so that one is begun";
    EXPECT_EQ(dropped(Drop::no_key), 1U);
}

TEST_F(SealedTest, ASessionIsDoubtedWhenNothingCanBeOpenedAnyMore) {
    auto forged = roads.datagram(beta, record::plain, packet_for(self, beta));
    forged.back() ^= std::byte{1};
    for (int i = 1; i < 20; ++i) EXPECT_EQ(receive(forged, Crossroads::home(beta)), "") << i;
    EXPECT_EQ(receive(forged, Crossroads::home(beta)), "doubted beta");
    for (int i = 1; i < 20; ++i) EXPECT_EQ(receive(forged, Crossroads::home(beta)), "") << i;
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device");
    for (int i = 1; i < 20; ++i)
        EXPECT_EQ(receive(forged, Crossroads::home(beta)), "") << "one good one is enough";
}

TEST_F(SealedTest, ASessionIsDoubtedWhenItsNumbersComeNearTheirEnd) {
    roads.exchange_keys(beta, 0, sptps::many_records - 2);
    for (int i = 0; i < 4; ++i)
        EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "") << "the far future is doubted";
    EXPECT_EQ(receive_from(beta, Crossroads::home(beta)), "device, doubted beta");
    roads.exchange_keys(gamma, 0, 2);
    EXPECT_EQ(receive_from(gamma, Crossroads::home(gamma)), "device");
}

TEST_F(SealedTest, StrangersCannotRaiseDoubts) {
    auto forged = roads.datagram(beta, record::plain, packet_for(self, beta));
    forged.back() ^= std::byte{1};
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(receive(forged, Crossroads::elsewhere()), "");
    EXPECT_EQ(dropped(Drop::forged), 1'000U);
}

/// As when both are behind one router, and it gives the port of one to the other.
TEST_F(SealedTest, ANodeIsKnownByItsIdAlsoAtTheAddressOfANodeOf10) {
    roads.set_table(options_of(7), options_of(0));
    const legacy::PacketSuite suite{crypto::cipher_by_name("aes-256-cbc").value(),
                                    crypto::digest_by_name("sha256").value(), 4, 0};
    const auto key = legacy::make_packet_key(suite, roads.random);
    roads.plane.set_opener(beta, legacy::Opener::create(key, 16).value(), roads.now);
    EXPECT_EQ(receive_from(gamma, Crossroads::home(beta)), "device, moved gamma");
}

}  // namespace
}  // namespace tinc::plane::sealed
