// The two halves of a node session against each other, with everything that can come between.

#include "ends.hpp"
#include "support/far_stream.hpp"
#include "support/seeded_random.hpp"
#include "tinc/sptps/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>

namespace tinc::sptps {
namespace {

using End = DatagramEnd;

struct SessionTest : testing::Test {
    /// Carries one message of the exchange.
    Result<void> carry(End& from, End& to) {
        const auto datagram = from.outgoing.front();
        from.outgoing.pop_front();
        return to.hear(datagram);
    }
    Result<void> talk() {
        while (!a.outgoing.empty() || !b.outgoing.empty()) {
            if (!a.outgoing.empty()) TINC_CHECK(carry(a, b));
            if (!b.outgoing.empty()) TINC_CHECK(carry(b, a));
        }
        return {};
    }
    void meet() {
        a.start();
        b.start();
        ASSERT_TRUE(talk());
        ASSERT_TRUE(a.completed == 1 && b.completed == 1);
    }
    void expect_talk() {
        EXPECT_EQ(b.open(a.seal()), Verdict::opened);
        EXPECT_EQ(a.open(b.seal()), Verdict::opened);
    }
    End a{parties(Role::initiator), 11};
    End b{parties(Role::responder), 12};
};

TEST_F(SessionTest, TwoWhoKnowEachOtherTalk) {
    meet();
    expect_talk();
    EXPECT_EQ(b.open(a.seal(4, 0)), Verdict::opened) << "an empty record is legal";
    EXPECT_EQ(b.type, 4);
}

// --- the exchange
// ---------------------------------------------------------------------------------

struct Mismatch {
    const char* name;
    Parties initiator;
    Parties responder;
};
class SessionMismatch : public testing::TestWithParam<Mismatch> {};

TEST_P(SessionMismatch, IsNoticedByTheSignature) {
    End a(GetParam().initiator, 11);
    End b(GetParam().responder, 12);
    a.start();
    b.start();
    ASSERT_TRUE(b.hear(a.outgoing.front()));
    ASSERT_TRUE(a.hear(b.outgoing.front()));
    a.outgoing.pop_front();
    // Two of the same role both sign, or neither does.
    if (a.outgoing.empty()) return;
    const auto heard = b.hear(a.outgoing.front());
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, Errc::forged);
    EXPECT_EQ(b.completed, 0);
}
INSTANTIATE_TEST_SUITE_P(
    Of, SessionMismatch,
    testing::Values(
        Mismatch{"our_key", parties(Role::initiator, 3), parties(Role::responder)},
        Mismatch{"their_key", parties(Role::initiator, 1, 3), parties(Role::responder, 3)},
        Mismatch{"label", parties(Role::initiator),
                 parties(Role::responder, 1, 2, node_label("b", "a"))},
        Mismatch{"kind", parties(Role::initiator),
                 parties(Role::responder, 1, 2, meta_label("a", "b"))},
        Mismatch{"both_initiators", parties(Role::initiator), parties(Role::initiator)},
        Mismatch{"both_responders", parties(Role::responder), parties(Role::responder)}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(SessionTest, OurOwnKexIsRefused) {
    a.start();
    const auto heard = a.hear(a.outgoing.front());
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().what, "Received our own KEX record");
}

TEST_F(SessionTest, ASecondKexIsRefusedAndHarmless) {
    a.start();
    b.start();
    ASSERT_TRUE(b.hear(a.outgoing.front()));
    EXPECT_FALSE(b.hear(a.outgoing.front())) << "it comes again";
    End other(parties(Role::initiator), 13);
    other.start();
    EXPECT_FALSE(b.hear(other.outgoing.front())) << "it is another one";
    a.outgoing.pop_front();
    ASSERT_TRUE(carry(b, a));
    ASSERT_TRUE(talk());
    expect_talk();
}

TEST_F(SessionTest, AReplayedSignatureIsRefused) {
    meet();
    End again(parties(Role::initiator), 14);
    End c(parties(Role::responder), 15);
    again.start();
    c.start();
    ASSERT_TRUE(c.hear(again.outgoing.front()));
    End first(parties(Role::initiator), 11);
    End second(parties(Role::responder), 12);
    first.start();
    second.start();
    ASSERT_TRUE(second.hear(first.outgoing.front()));
    ASSERT_TRUE(first.hear(second.outgoing.front()));
    EXPECT_FALSE(c.hear(first.outgoing.back())) << "it was made for another exchange";
}

TEST_F(SessionTest, RecordsOfTheExchangeHaveTheirLength) {
    b.start();
    a.start();
    auto kex = a.outgoing.front();
    for (const auto size : {kex.size() - 1, kex.size() + 1, std::size_t{5}, std::size_t{4}}) {
        auto wrong = kex;
        wrong.resize(size);
        EXPECT_FALSE(b.hear(wrong)) << size;
    }
    auto newer = kex;
    newer[5] = std::byte{1};
    EXPECT_EQ(b.hear(newer).error().what, "Received incorrect version 1");
    auto data = kex;
    data[4] = std::byte{0};
    EXPECT_FALSE(b.hear(data)) << "early data";
    auto skipped = kex;
    skipped[3] = std::byte{1};
    EXPECT_FALSE(b.hear(skipped)) << "a number was left out";
    EXPECT_TRUE(b.hear(kex)) << "nothing of this did any harm";
}

TEST_F(SessionTest, AFlippedBitInTheExchangeChangesNothing) {
    meet();
    a.start();
    auto kex = a.outgoing.front();
    kex.back() ^= std::byte{1};
    EXPECT_EQ(b.hear(kex).error().code, Errc::forged);
    ASSERT_TRUE(talk());
    expect_talk();
    EXPECT_EQ(b.completed, 2);
}

// --- new keys
// -------------------------------------------------------------------------------------

TEST_F(SessionTest, BothMayBeginARekeyAtOnce) {
    meet();
    a.start();
    b.start();
    ASSERT_TRUE(talk());
    EXPECT_EQ(a.completed, 2);
    EXPECT_EQ(b.completed, 2);
    expect_talk();
}

TEST_F(SessionTest, APacketMayOvertakeOrLagBehindNewKeys) {
    meet();
    for (auto* first : {&a, &b}) {
        const auto lagging_a = a.seal();
        const auto lagging_b = b.seal();
        first->start();
        while (!a.outgoing.empty() || !b.outgoing.empty()) {
            // A packet is on its way at each step, and arrives before the step does.
            EXPECT_EQ(b.open(a.seal()), Verdict::opened);
            EXPECT_EQ(a.open(b.seal()), Verdict::opened);
            if (!a.outgoing.empty()) {
                ASSERT_TRUE(carry(a, b));
            } else {
                ASSERT_TRUE(carry(b, a));
            }
        }
        EXPECT_EQ(b.open(lagging_a), Verdict::opened) << "under the key before";
        EXPECT_EQ(a.open(lagging_b), Verdict::opened);
        expect_talk();
    }
}

TEST_F(SessionTest, AKexMayComeLaterThanManyPackets) {
    meet();
    a.start();
    for (int i = 0; i < 1'000; ++i) ASSERT_EQ(b.open(a.seal()), Verdict::opened);
    ASSERT_TRUE(talk());
    EXPECT_EQ(b.completed, 2);
    expect_talk();
}

TEST_F(SessionTest, AHundredRekeysLoseNothing) {
    meet();
    test::SeededRandom random(5);
    for (int i = 0; i < 100; ++i) {
        (random.below(2) == 0 ? a : b).start();
        if (random.below(4) == 0) a.start();
        std::deque<Datagram> to_a;
        std::deque<Datagram> to_b;
        while (!a.outgoing.empty() || !b.outgoing.empty() || !to_a.empty() || !to_b.empty()) {
            if (to_b.size() < 5 && !a.outgoing.empty()) to_b.push_back(a.seal());
            if (to_a.size() < 5 && !b.outgoing.empty()) to_a.push_back(b.seal());
            const auto choice = random.below(4);
            if (choice == 0 && !a.outgoing.empty()) {
                ASSERT_TRUE(carry(a, b));
            }
            if (choice == 1 && !b.outgoing.empty()) {
                ASSERT_TRUE(carry(b, a));
            }
            if (choice == 2 && !to_a.empty()) {
                ASSERT_EQ(a.open(to_a.front()), Verdict::opened) << i;
                to_a.pop_front();
            }
            if (choice == 3 && !to_b.empty()) {
                ASSERT_EQ(b.open(to_b.front()), Verdict::opened) << i;
                to_b.pop_front();
            }
        }
    }
    expect_talk();
}

TEST_F(SessionTest, TheKeyBeforeIsForgottenWhenToldSo) {
    meet();
    const auto old = a.seal();
    a.start();
    ASSERT_TRUE(talk());
    ASSERT_TRUE(b.opener->has_old());
    b.opener->forget_old();
    EXPECT_EQ(b.open(old), Verdict::forged);
    expect_talk();
}

// --- packets
// --------------------------------------------------------------------------------------

TEST_F(SessionTest, APacketIsOpenedOnce) {
    meet();
    const auto datagram = a.seal();
    EXPECT_TRUE(b.opener->recognises(datagram));
    EXPECT_EQ(b.open(datagram), Verdict::opened);
    EXPECT_FALSE(b.opener->recognises(datagram));
    EXPECT_EQ(b.open(datagram), Verdict::replayed);
}

TEST_F(SessionTest, NoFlippedBitIsOpenedAndNoneMovesTheWindow) {
    meet();
    const auto datagram = a.seal(0, 20);
    for (std::size_t bit = 0; bit < datagram.size() * 8; ++bit) {
        auto forged = datagram;
        forged[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(b.opener->recognises(forged)) << bit;
        EXPECT_EQ(b.open(forged), Verdict::forged) << bit;
    }
    EXPECT_EQ(b.opener->window().last(), 1U);
    EXPECT_EQ(b.open(datagram), Verdict::opened);
}

TEST_F(SessionTest, WhatIsTooShortForARecordIsRefused) {
    meet();
    const auto datagram = a.seal(0, 0);
    for (std::size_t size = 0; size < datagram.size(); ++size) {
        const Datagram part(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_EQ(b.open(part), Verdict::too_short) << size;
    }
}

TEST_F(SessionTest, ThePacketsOfTheOtherDirectionAreForged) {
    meet();
    EXPECT_EQ(a.open(a.seal()), Verdict::forged);
}

TEST_F(SessionTest, HandshakesDoNotTravelWithPackets) {
    meet();
    a.start();
    EXPECT_EQ(b.open(a.outgoing.front()), Verdict::not_data);
}

TEST(SequenceCounterTest, StopsBeforeANumberIsUsedTwice) {
    SequenceCounter counter(last_sequence - 1);
    EXPECT_EQ(counter.take(), last_sequence - 1);
    EXPECT_EQ(counter.take(), std::nullopt);
    EXPECT_EQ(counter.take(), std::nullopt);
}

TEST(SealerTest, SealsNothingWhenTheNumbersAreUsedUp) {
    const Datagram bytes(32, std::byte{1});
    Sealer sealer(bytes, std::make_shared<SequenceCounter>(last_sequence));
    packet::Packet packet;
    packet.assign(bytes);
    EXPECT_FALSE(sealer.seal(packet, 0));
}

TEST(SealerTest, SealsNothingThatDoesNotFit) {
    const Datagram bytes(32, std::byte{1});
    Sealer sealer(bytes, std::make_shared<SequenceCounter>());
    packet::Packet packet;
    packet.resize(packet.room());
    EXPECT_FALSE(sealer.seal(packet, 0));
}

// --- streams
// --------------------------------------------------------------------------------------

struct StreamTest : testing::Test {
    /// All that one side has to say reaches the other; the last that came of it.
    Result<Stream::Received> carry(Stream& from, Stream& to) {
        const auto bytes = from.take_outgoing();
        Result<Stream::Received> last = Stream::Received{};
        for (Bytes rest = bytes; !rest.empty(); rest = rest.subspan(last->taken)) {
            last = to.receive(rest);
            if (!last) break;
        }
        return last;
    }
    void meet() {
        ASSERT_TRUE(carry(a, b) && carry(b, a) && carry(a, b) && carry(b, a));
        ASSERT_TRUE(a.is_complete() && b.is_complete());
    }
    std::vector<std::byte> said(std::uint8_t type, std::string_view text) {
        std::vector<std::byte> out;
        EXPECT_TRUE(a.send(type, as_bytes(text), out));
        return out;
    }
    test::SeededRandom random_a{1};
    test::SeededRandom random_b{2};
    Stream a{parties(Role::initiator), random_a};
    Stream b{parties(Role::responder), random_b};
};

TEST_F(StreamTest, TakesOneRecordAtATime) {
    meet();
    auto bytes = said(0, "one");
    const auto first = bytes.size();
    const auto more = said(5, "");
    bytes.insert(bytes.end(), more.begin(), more.end());
    for (std::size_t size = 0; size < first; ++size)
        EXPECT_EQ(b.receive(Bytes(bytes).first(size)).value().kind, Stream::Kind::nothing);
    const auto one = b.receive(bytes).value();
    EXPECT_EQ(one.taken, first);
    EXPECT_EQ(as_text(one.data), "one");
    const auto two = b.receive(Bytes(bytes).subspan(first)).value();
    EXPECT_EQ(two.type, 5);
    EXPECT_TRUE(two.data.empty());
}

TEST_F(StreamTest, NothingIsSentBeforeTheEndOfTheHandshake) {
    std::vector<std::byte> out;
    EXPECT_FALSE(a.send(0, as_bytes("early"), out));
    EXPECT_TRUE(out.empty());
}

TEST_F(StreamTest, EarlyDataIsRefused) {
    const std::byte record[] = {std::byte{0}, std::byte{1}, std::byte{0}, std::byte{'x'}};
    const auto heard = b.receive(record);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().what, "Application record received before handshake finished");
}

TEST_F(StreamTest, ALongRecordOfAStrangerIsRefusedAtItsLength) {
    const std::byte head[] = {std::byte{0}, std::byte{193}};
    const auto heard = b.receive(head);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, Errc::exhausted);
}

TEST_F(StreamTest, AnyFlippedBitIsFatal) {
    meet();
    const auto bytes = said(0, "text");
    for (std::size_t bit = 16; bit < bytes.size() * 8; ++bit) {
        auto forged = bytes;
        forged[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(b.receive(forged)) << bit;
    }
    EXPECT_TRUE(b.receive(bytes)) << "what was refused has changed nothing";
}

TEST_F(StreamTest, ARepeatedOrSkippedRecordIsFatal) {
    meet();
    const auto one = said(0, "one");
    const auto two = said(0, "two");
    EXPECT_FALSE(b.receive(two));
    ASSERT_TRUE(b.receive(one));
    EXPECT_FALSE(b.receive(one));
}

TEST_F(StreamTest, RecordsAreNotLongerThanAnybodyNeeds) {
    meet();
    std::vector<std::byte> out;
    const std::vector<std::byte> longest(Stream::most_data_bytes);
    EXPECT_TRUE(a.send(0, longest, out));
    EXPECT_TRUE(b.receive(out));
    EXPECT_FALSE(a.send(0, std::vector<std::byte>(longest.size() + 1), out));
    const std::byte head[] = {std::byte{0xff}, std::byte{0xff}};
    EXPECT_FALSE(b.receive(head));
}

/// A Stream of either role, and a far end that changes keys.
class StreamRekeyTest : public testing::TestWithParam<Role> {
  protected:
    StreamRekeyTest() {
        carry();
        far.heard.clear();
    }
    static Role other(Role role) {
        return role == Role::initiator ? Role::responder : Role::initiator;
    }
    /// Back and forth until both are silent.
    void carry() {
        for (;;) {
            const auto from_far = far.take_outgoing();
            for (Bytes rest = from_far; !rest.empty();) {
                const auto received = near.receive(rest);
                ASSERT_TRUE(received) << received.error().what;
                rest = rest.subspan(received->taken);
                if (received->kind == Stream::Kind::complete) ++completed;
                if (received->kind == Stream::Kind::record) last = as_text(received->data);
            }
            const auto from_near = near.take_outgoing();
            if (from_far.empty() && from_near.empty()) return;
            ASSERT_TRUE(far.hear(from_near));
        }
    }
    void expect_talk() {
        std::vector<std::byte> out;
        ASSERT_TRUE(near.send(0, as_bytes("near"), out));
        ASSERT_TRUE(far.hear(out));
        EXPECT_EQ(as_text(far.heard.back().data), "near");
        far.say(0, as_bytes("far"));
        carry();
        EXPECT_EQ(last, "far");
    }
    test::SeededRandom random_near{1};
    test::SeededRandom random_far{2};
    Stream near{parties(GetParam()), random_near};
    test::FarStream far{parties(other(GetParam())), random_far};
    int completed = 0;
    std::string last;
};

TEST_P(StreamRekeyTest, IsAnsweredAsOftenAsItIsBegun) {
    expect_talk();
    for (int i = 1; i <= 5; ++i) {
        far.start();
        carry();
        EXPECT_EQ(completed, 1 + i);
        EXPECT_EQ(far.heard.back().type, handshake_type) << "the far end is done as well";
        expect_talk();
    }
}

TEST_P(StreamRekeyTest, LetsRecordsPassInBetween) {
    far.start();
    far.say(0, as_bytes("in between"));
    std::vector<std::byte> out;
    ASSERT_TRUE(near.send(0, as_bytes("crossing"), out));
    ASSERT_TRUE(far.hear(out));
    carry();
    EXPECT_EQ(last, "in between");
    EXPECT_EQ(as_text(far.heard.front().data), "crossing");
    expect_talk();
}

TEST_P(StreamRekeyTest, WithAWrongSignatureEndsTheConnection) {
    far.start();
    const auto kex = far.take_outgoing();
    ASSERT_TRUE(near.receive(kex));
    ASSERT_TRUE(far.hear(near.take_outgoing()));
    // In place of its own, which it has made or will make.
    static_cast<void>(far.take_outgoing());
    far.say(handshake_type, std::vector<std::byte>(Handshake::sig_bytes));
    const auto answer = near.receive(far.take_outgoing());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::forged);
}
INSTANTIATE_TEST_SUITE_P(As, StreamRekeyTest, testing::Values(Role::initiator, Role::responder),
                         [](const auto& row) {
                             return row.param == Role::initiator ? "initiator" : "responder";
                         });

}  // namespace
}  // namespace tinc::sptps
