// An active connection as a stream of bytes: lines, PACKETs, limits, time.

#include "support/golden_keys.hpp"
#include "support/peer_pair.hpp"
#include "tinc/config/option_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::peer {
namespace {

using namespace std::chrono_literals;
using test::PeerPair;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class ActivePair : public testing::Test, protected PeerPair {
  protected:
    void SetUp() override {
        ASSERT_TRUE(activate());
        beta.events.clear();
    }

    /// Raw bytes through alpha's cipher, as many lines as there are; the last ends in a newline.
    Result<void> stream(std::string_view text) {
        return tell_beta(text.substr(0, text.size() - 1));
    }

    /// The same, but not yet carried over.
    std::vector<std::byte> encrypted(std::string_view text) {
        EXPECT_TRUE(alpha.peer->send_line(text.substr(0, text.size() - 1), Peer::Telling::silent));
        return alpha.peer->take_outgoing(now);
    }
};

using PacketTest = ActivePair;

TEST_F(PacketTest, AreDroppedAndTheConnectionStaysHoweverLargeTheBuffer) {
    alpha.settings.max_output_buffer_bytes =
        static_cast<std::size_t>(config::option("MaxOutputBufferSize").kind.most);
    const std::vector<std::byte> frame(1'500);
    for (std::size_t sent = 0; sent < 2 * limits::meta_outgoing_bytes; sent += frame.size())
        alpha.peer->send_packet(frame, now);
    EXPECT_TRUE(alpha.peer->send_line("8", Peer::Telling::silent)) << "there is room for requests";
}

TEST_F(PacketTest, OfNoBytesIsNothing) {
    ASSERT_TRUE(stream("17 0\n14 1 alpha\n"));
    EXPECT_TRUE(beta.all<PacketArrived>().empty());
    EXPECT_EQ(beta.all<RequestArrived>().size(), 1U);
}

TEST_F(PacketTest, MayBeAsLongAsADatagram) {
    ASSERT_TRUE(stream("17 1661\n" + std::string(1'660, 'x') + "\n" + "14 1 alpha\n"));
    ASSERT_EQ(beta.all<PacketArrived>().size(), 1U);
    EXPECT_EQ(beta.all<PacketArrived>()[0].frame.size(), limits::datagram_bytes);
    EXPECT_EQ(beta.all<RequestArrived>().size(), 1U);
}

TEST_F(PacketTest, ThatIsTooLongIsSkippedAndTheStreamGoesOn) {
    for (const std::size_t length : {limits::datagram_bytes + 1, limits::meta_buffer_bytes}) {
        const auto content = std::string(length - 1, '9') + "\n";
        ASSERT_TRUE(stream("17 " + std::to_string(length) + "\n" + content + "14 1 alpha\n"));
    }
    EXPECT_TRUE(beta.all<PacketArrived>().empty());
    EXPECT_EQ(beta.all<RequestArrived>().size(), 2U);
}

TEST_F(PacketTest, BeyondTheBufferEndsTheConnection) {
    const auto told = stream("17 2177\n");
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::exhausted);
}

TEST_F(PacketTest, LengthsThatAreNoneEndTheConnection) {
    for (const auto* line : {"17", "17 x", "17 -1", "17 65536", "17 99999999999"}) {
        PeerPair fresh;
        ASSERT_TRUE(fresh.activate());
        EXPECT_FALSE(fresh.tell_beta(line)) << line;
    }
}

TEST_F(PacketTest, WaitsForItsLastByte) {
    const auto bytes = encrypted("17 4\nabc\n");
    ASSERT_TRUE(say(beta, std::span(bytes).first(bytes.size() - 1)));
    EXPECT_TRUE(beta.events.empty());
    ASSERT_TRUE(say(beta, std::span(bytes).last(1)));
    ASSERT_EQ(beta.all<PacketArrived>().size(), 1U);
    EXPECT_EQ(as_text(beta.all<PacketArrived>()[0].frame), "abc\n");
}

using LineTest = ActivePair;

TEST_F(LineTest, InPartsIsOneLine) {
    const auto bytes = encrypted("14 1 alpha\n");
    ASSERT_TRUE(say(beta, std::span(bytes).first(5)));
    EXPECT_TRUE(beta.events.empty());
    ASSERT_TRUE(say(beta, std::span(bytes).subspan(5)));
    ASSERT_EQ(beta.all<RequestArrived>().size(), 1U);
    EXPECT_EQ(beta.all<RequestArrived>()[0].line, "14 1 alpha");
}

TEST_F(LineTest, MayFillTheBufferAndNotMore) {
    const auto blanks = std::string(limits::meta_buffer_bytes - 1 - 2, ' ');
    ASSERT_TRUE(tell_beta("8 " + blanks)) << "a line of 2175 bytes and its newline fit";
    const auto told = tell_beta("8  " + blanks);
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::exhausted);
    EXPECT_THAT(told.error().what, HasSubstr("Metadata read buffer overflow for "));
}

TEST_F(LineTest, WithoutAnEndIsGivenUpWhenTheBufferIsFull) {
    const auto bytes = encrypted(std::string(limits::meta_buffer_bytes, '8') + "\n");
    ASSERT_TRUE(say(beta, std::span(bytes).first(limits::meta_buffer_bytes - 1)));
    const auto told = say(beta, std::span(bytes).subspan(limits::meta_buffer_bytes - 1, 1));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::exhausted);
}

TEST(RecordedStreamTest, GivesNothingToWhoReplaysIt) {
    const auto golden = nlohmann::json::parse(test::test_data("meta_tcp_packet.json"));
    const auto stream = test::unhex(golden["tcp_stream_hex"].get<std::string>());
    PeerPair pair;
    pair.now += 1s;
    auto settings = test::peer_settings("alpha");
    settings.own_keys.rsa = test::golden_private_key("alpha");
    config::HostSettings host;
    host.public_key = test::golden_public_key("beta");
    auto peer = Peer::accepted(settings, PeerPair::beta_endpoint, pair.alpha.random, pair.alpha.log,
                               pair.now);
    const auto id_bytes = as_text(stream).find('\n') + 1;
    ASSERT_TRUE(peer.receive(std::span(stream).first(id_bytes), pair.now));
    ASSERT_TRUE(std::holds_alternative<HostWanted>(peer.next_event().value()));
    ASSERT_TRUE(peer.provide_host(host, pair.now));
    // The recorded CHAL_REPLY answers another challenge than ours.
    const auto received = peer.receive(std::span(stream).subspan(id_bytes), pair.now);
    ASSERT_FALSE(received);
    EXPECT_THAT(received.error().what, HasSubstr("wrong challenge reply"));
}

class BinaryLine : public testing::TestWithParam<std::string> {};

TEST_P(BinaryLine, EndsTheConnection) {
    PeerPair pair;
    ASSERT_TRUE(pair.activate());
    const auto told = pair.tell_beta(GetParam());
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::malformed);
}
INSTANTIATE_TEST_SUITE_P(Lines, BinaryLine,
                         testing::Values("", " ", "x", std::string("\0", 1), "8\r",
                                         std::string("14 1 al\0pha", 11), "\xff\xfe",
                                         "14 1 alpha\x1b[2J", "eight"));

TEST(FirstLineTest, OfAStrangerIsShort) {
    PeerPair pair;
    pair.begin();
    EXPECT_TRUE(pair.say(pair.beta, as_bytes("0 " + std::string(500, 'a'))));
    const auto told = pair.say(pair.beta, as_bytes("0123456789"));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, Errc::exhausted);
}

TEST(FirstLineTest, GarbageIsGivenUpAtItsFirstNewline) {
    PeerPair pair;
    pair.begin();
    const std::vector<std::byte> garbage(4'096, std::byte{0});
    EXPECT_FALSE(pair.say(pair.beta, garbage));
    EXPECT_FALSE(pair.beta.peer->has_outgoing());
}

// Sending -----------------------------------------------------------------------------------------

using SendingTest = ActivePair;

TEST_F(SendingTest, TakesAtMostAChunkAtATime) {
    const std::string line(1'000, '1');
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(alpha.peer->send_line(line, Peer::Telling::silent));
    EXPECT_EQ(alpha.peer->unsent_bytes(), 100'100U);
    EXPECT_EQ(alpha.peer->take_outgoing(now).size(), limits::write_chunk_bytes);
    EXPECT_EQ(alpha.peer->unsent_bytes(), 100'100U) << "taken is not written";
    alpha.peer->written(limits::write_chunk_bytes, now);
    EXPECT_EQ(alpha.peer->take_outgoing(now).size(), 100'100U - limits::write_chunk_bytes);
    EXPECT_TRUE(alpha.peer->take_outgoing(now).empty());
}

TEST_F(SendingTest, GivesUpAPeerThatDoesNotReadFourMebibytes) {
    const std::string line(limits::token_bytes - 1, '1');
    Result<void> sent;
    std::size_t lines = 0;
    for (; sent && lines < 10'000; ++lines)
        sent = alpha.peer->send_line(line, Peer::Telling::silent);
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, Errc::exhausted);
    EXPECT_EQ(lines, limits::meta_outgoing_bytes / limits::token_bytes + 1);
    EXPECT_LE(alpha.peer->unsent_bytes(), limits::meta_outgoing_bytes);
}

/// Packets of 1000 bytes, on the wire 1008, that know their number.
class PacketSendingTest : public ActivePair {
  protected:
    void send_packets(unsigned count) {
        for (; count > 0; --count)
            alpha.peer->send_packet(std::vector(1'000, std::byte(sent_++)), now);
    }
    /// The system does not take what it is given.
    void hold_up() {
        ASSERT_TRUE(alpha.peer->send_line("14 1 alpha", Peer::Telling::silent));
        held_up_ = alpha.peer->take_outgoing(now);
    }
    /// It goes on. The numbers of the packets that arrive.
    std::vector<unsigned> arrivals() {
        alpha.peer->written(held_up_.size(), now);
        EXPECT_TRUE(say(beta, std::exchange(held_up_, {})));
        EXPECT_TRUE(carry(alpha, beta));
        std::vector<unsigned> numbers;
        for (const auto& packet : beta.all<PacketArrived>())
            numbers.push_back(std::to_integer<unsigned>(packet.frame.front()));
        return numbers;
    }

  private:
    unsigned sent_ = 0;
    std::vector<std::byte> held_up_;
};

TEST_F(PacketSendingTest, ABatchGoesWhole) {
    send_packets(64);
    EXPECT_THAT(arrivals(), SizeIs(64));
}

TEST_F(PacketSendingTest, WhereMoreWaitThanMayTheOldestAreDropped) {
    hold_up();
    alpha.settings.max_output_buffer_bytes = 3 * 1'008;
    send_packets(10);
    EXPECT_EQ(alpha.peer->unsent_bytes(), 11U + 3 * 1'008U) << "the line is still being written";
    EXPECT_THAT(arrivals(), ElementsAre(7U, 8U, 9U));
}

TEST_F(PacketSendingTest, RequestsThatWaitLeaveLessRoom) {
    hold_up();
    alpha.settings.max_output_buffer_bytes = 3 * 1'008;
    ASSERT_TRUE(alpha.peer->send_line(std::string(1'007, '8'), Peer::Telling::silent));
    send_packets(10);
    EXPECT_EQ(alpha.peer->unsent_bytes(), 11U + 3 * 1'008U);
}

TEST_F(PacketSendingTest, RequestsGoFirst) {
    send_packets(3);
    ASSERT_TRUE(alpha.peer->send_line("14 1 alpha", Peer::Telling::silent));
    EXPECT_THAT(arrivals(), SizeIs(3));
    ASSERT_EQ(beta.events.size(), 4U);
    EXPECT_TRUE(std::holds_alternative<RequestArrived>(beta.events.front()));
}

TEST_F(PacketSendingTest, WhatHasWaitedTooLongIsNotSent) {
    hold_up();
    send_packets(2);
    now += limits::packet_patience;
    send_packets(1);
    now += 1ns;
    EXPECT_THAT(arrivals(), ElementsAre(2U));
    EXPECT_FALSE(alpha.peer->has_outgoing());
}

TEST_F(SendingTest, WrittenMoreThanWasTakenIsHarmless) {
    alpha.peer->written(1'000'000, now);
    EXPECT_EQ(alpha.peer->unsent_bytes(), 0U);
}

// Time --------------------------------------------------------------------------------------------

using LivenessTest = ActivePair;

TEST_F(LivenessTest, APingIsDueEveryIntervalWhateverElseIsSaid) {
    EXPECT_EQ(alpha.peer->deadline(), now + 60s);
    now += 59s;
    ASSERT_TRUE(tell_beta("14 1 alpha"));
    ASSERT_TRUE(alpha.peer->on_time(now));
    EXPECT_FALSE(alpha.peer->has_outgoing());
    now += 1s;
    ASSERT_TRUE(alpha.peer->on_time(now));
    EXPECT_TRUE(alpha.log.contains("Sending PING to beta (10.99.1.2 port 655): 8"));
    EXPECT_EQ(alpha.peer->deadline(), now + 5s);
    ASSERT_TRUE(talk());
    EXPECT_TRUE(beta.log.contains("Sending PONG"));
    EXPECT_EQ(alpha.peer->deadline(), now + 60s) << "the answer does not move the clock";
}

TEST_F(LivenessTest, TheFirstPongIsNewsAndTheOthersAreNot) {
    for (int i = 0; i < 3; ++i) {
        now += 60s;
        ASSERT_TRUE(alpha.peer->on_time(now));
        ASSERT_TRUE(talk());
    }
    EXPECT_EQ(alpha.all<PongArrived>().size(), 1U);
}

TEST_F(LivenessTest, WhoDoesNotAnswerAPingIsGivenUpAfterPingTimeout) {
    now += 60s;
    ASSERT_TRUE(alpha.peer->on_time(now));
    static_cast<void>(alpha.peer->take_outgoing(now));
    alpha.peer->written(2, now);
    now += 5s - 1ns;
    EXPECT_TRUE(alpha.peer->on_time(now));
    now += 1ns;
    const auto kept = alpha.peer->on_time(now);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Errc::timed_out);
    EXPECT_EQ(kept.error().what, "beta (10.99.1.2 port 655) didn't respond to PING in 5 seconds");
}

TEST_F(LivenessTest, OtherWordsDoNotAnswerAPing) {
    now += 60s;
    ASSERT_TRUE(beta.peer->on_time(now));
    now += 5s;
    ASSERT_TRUE(tell_beta("14 1 alpha"));
    ASSERT_TRUE(tell_beta("8"));
    EXPECT_FALSE(beta.peer->on_time(now));
}

TEST_F(LivenessTest, WhoTakesNoBytesIsGivenUpAfterPingTimeout) {
    ASSERT_TRUE(alpha.peer->send_line("14 1 alpha", Peer::Telling::log));
    static_cast<void>(alpha.peer->take_outgoing(now));
    EXPECT_EQ(alpha.peer->deadline(), now + 5s);
    now += 5s;
    const auto kept = alpha.peer->on_time(now);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Errc::timed_out);
    EXPECT_EQ(kept.error().what,
              "beta (10.99.1.2 port 655) could not flush for 5 seconds (11 bytes remaining)");
}

TEST_F(LivenessTest, ProgressOfAnyKindCountsWhileFlushing) {
    ASSERT_TRUE(alpha.peer->send_line("14 1 alpha", Peer::Telling::log));
    static_cast<void>(alpha.peer->take_outgoing(now));
    now += 4s;
    alpha.peer->written(1, now);
    now += 4s;
    EXPECT_TRUE(alpha.peer->on_time(now));
}

TEST_F(LivenessTest, APingOnDemandIsSentOnceOnly) {
    ASSERT_TRUE(alpha.peer->ping(now));
    ASSERT_TRUE(alpha.peer->ping(now));
    EXPECT_EQ(alpha.peer->unsent_bytes(), 2U);
}

TEST(AuthenticationTimeTest, CountsFromTheBeginningAndNotFromTheLastByte) {
    PeerPair pair;
    pair.begin();
    const auto begun = pair.now;
    for (const char c : std::string_view("0 alp")) {
        pair.now += 900ms;
        ASSERT_TRUE(pair.say(pair.beta, as_bytes(std::string_view(&c, 1))));
        EXPECT_EQ(pair.beta.peer->deadline(), begun + 5s);
        EXPECT_TRUE(pair.beta.peer->on_time(pair.now));
    }
    const auto kept = pair.beta.peer->on_time(begun + 5s);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().code, Errc::timed_out);
    EXPECT_EQ(kept.error().what,
              "Timeout from <unknown> (10.99.1.1 port 42705) during authentication");
}

TEST(AuthenticationTimeTest, HoldsInEveryStateBeforeActive) {
    for (const auto state : {State::awaiting_id, State::authenticating, State::awaiting_ack}) {
        PeerPair pair;
        ASSERT_TRUE(pair.bring_beta_to(state));
        EXPECT_EQ(pair.beta.peer->deadline(), pair.now + 5s);
        EXPECT_TRUE(pair.beta.peer->on_time(pair.now + 5s - 1ns));
        EXPECT_FALSE(pair.beta.peer->on_time(pair.now + 5s));
    }
}

TEST(AuthenticationTimeTest, HoldsWhileConnecting) {
    PeerPair pair;
    auto peer = Peer::outgoing(pair.alpha.settings, PeerPair::beta_endpoint, "beta",
                               pair.alpha.host, pair.alpha.random, pair.alpha.log, pair.now);
    EXPECT_EQ(peer.deadline(), pair.now + 5s);
    EXPECT_TRUE(peer.on_time(pair.now + 5s - 1ns));
    const auto kept = peer.on_time(pair.now + 5s);
    ASSERT_FALSE(kept);
    EXPECT_EQ(kept.error().what, "Timeout while connecting to beta (10.99.1.2 port 655)");
}

}  // namespace
}  // namespace tinc::peer
