// Whole sessions of the original, with all its randomness, replayed byte for byte.

#include "support/far_stream.hpp"
#include "support/vectors.hpp"
#include "tinc/base/base64.hpp"
#include "tinc/sptps/datagram.hpp"
#include "tinc/sptps/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

namespace tinc::sptps {
namespace {

using Unit = std::vector<std::byte>;
/// What one side has been handed: a record, or 128 and nothing when the keys are in use.
using Heard = test::FarStream::Heard;

/// The random numbers of both sides, in the order in which they were drawn.
class Draws final : public RandomSource {
  public:
    explicit Draws(const nlohmann::json& recorded) {
        for (const auto& draw : recorded) draws_.push_back(test::bytes_of(draw));
    }
    void fill(std::span<std::byte> out) override {
        ASSERT_FALSE(draws_.empty());
        ASSERT_EQ(out.size(), draws_.front().size());
        std::ranges::copy(draws_.front(), out.begin());
        draws_.pop_front();
    }
    [[nodiscard]] bool are_used_up() const { return draws_.empty(); }

  private:
    std::deque<Unit> draws_;
};

Parties parties_of(const nlohmann::json& session, Role role) {
    const std::string own = role == Role::initiator ? "initiator" : "responder";
    const std::string peer = role == Role::initiator ? "responder" : "initiator";
    auto key = test::bytes_of(session[own + "_static_private64"]);
    const auto public_half = test::bytes_of(session[own + "_static_public"]);
    key.insert(key.end(), public_half.begin(), public_half.end());
    const auto peer_key = test::bytes_of(session[peer + "_static_public"]);
    return {.role = role,
            .own_key = std::make_shared<const crypto::Ed25519PrivateKey>(
                crypto::Ed25519PrivateKey::from_bytes(key).value()),
            .peer_key = crypto::Ed25519PublicKey(Bytes(peer_key).first<32>()),
            .label = std::string(as_text(test::bytes_of(session["label"])))};
}

/// One side; `units` is what it wants sent, one by one.
class Side {
  public:
    virtual ~Side() = default;
    virtual void hear(const Unit& unit) = 0;
    virtual void say(std::uint8_t type, const Unit& data) = 0;
    /// False if this is not for it to do.
    virtual bool start_again() = 0;

    std::deque<Unit> units;
    std::deque<Heard> heard;
};

class DatagramSide final : public Side {
  public:
    DatagramSide(Parties parties, RandomSource& random) : session_(std::move(parties), random) {
        carry_out(session_.start().value());
    }
    void hear(const Unit& unit) override {
        if (auto steps = session_.receive(unit)) return carry_out(*std::move(steps));
        packet::Packet packet;
        packet.assign(unit);
        std::uint8_t type = 0;
        ASSERT_TRUE(opener_.has_value());
        ASSERT_EQ(opener_->open(packet, type), Opener::Verdict::opened);
        heard.push_back({type, {packet.bytes().begin(), packet.bytes().end()}});
    }
    void say(std::uint8_t type, const Unit& data) override {
        packet::Packet packet;
        packet.assign(data);
        ASSERT_TRUE(sealer_->seal(packet, type));
        units.emplace_back(packet.bytes().begin(), packet.bytes().end());
    }
    bool start_again() override {
        carry_out(session_.start().value());
        return true;
    }

  private:
    void carry_out(std::vector<Session::Step> steps) {
        for (auto& step : steps) {
            if (auto* send = std::get_if<Session::Send>(&step))
                units.push_back(std::move(send->datagram));
            else if (auto* sealer = std::get_if<Session::SealWith>(&step))
                sealer_ = std::move(*sealer);
            else if (const auto* key = std::get_if<Session::ExpectKey>(&step); key && !opener_)
                opener_.emplace(key->key.bytes(), 16);
            else if (key != nullptr)
                opener_->expect(key->key.bytes());
            else if (std::holds_alternative<Session::ReceiveWithIt>(step))
                opener_->use_expected();
            else
                heard.push_back({handshake_type, {}});
        }
    }

    Session session_;
    std::optional<Sealer> sealer_;
    std::optional<Opener> opener_;
};

/// It can answer a re-key, but begins none: connections are never re-keyed.
class StreamSide final : public Side {
  public:
    StreamSide(Parties parties, RandomSource& random) : stream_(std::move(parties), random) {
        take();
    }
    void hear(const Unit& unit) override {
        const auto received = stream_.receive(unit);
        ASSERT_TRUE(received) << received.error().what;
        ASSERT_EQ(received->taken, unit.size());
        if (received->kind == Stream::Kind::complete) heard.push_back({handshake_type, {}});
        if (received->kind == Stream::Kind::record)
            heard.push_back({received->type, {received->data.begin(), received->data.end()}});
        take();
    }
    void say(std::uint8_t type, const Unit& data) override {
        Unit out;
        ASSERT_TRUE(stream_.send(type, data, out));
        units.push_back(std::move(out));
    }
    bool start_again() override { return false; }

  private:
    /// Records one by one, whether sealed or not.
    void take() {
        const auto bytes = stream_.take_outgoing();
        for (Bytes rest = bytes; !rest.empty();) {
            const bool is_sealed = stream_.is_complete() && has_sealed_;
            const std::size_t size = 3 + get_u16(rest, 0) + (is_sealed ? 16U : 0U);
            units.emplace_back(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
            rest = rest.subspan(size);
        }
        // The SIG that completes the first exchange is the last record in clear.
        has_sealed_ = stream_.is_complete();
    }

    Stream stream_;
    bool has_sealed_ = false;
};

class FarSide final : public Side {
  public:
    FarSide(Parties parties, RandomSource& random) : stream_(std::move(parties), random) { take(); }
    void hear(const Unit& unit) override {
        const auto received = stream_.hear(unit);
        ASSERT_TRUE(received) << received.error().what;
        take();
    }
    void say(std::uint8_t type, const Unit& data) override {
        stream_.say(type, data);
        take();
    }
    bool start_again() override {
        stream_.start();
        take();
        return true;
    }

  private:
    void take() {
        std::ranges::move(std::exchange(stream_.records, {}), std::back_inserter(units));
        std::ranges::move(std::exchange(stream_.heard, {}), std::back_inserter(heard));
    }
    test::FarStream stream_;
};

enum class Player : std::uint8_t { ours, far };

/// Which of the recorded sessions, who plays which side, and how many times keys become new before
/// the one that is ours would have to begin it.
struct Replay {
    const char* name;
    std::size_t session;
    Player initiator;
    Player responder;
    int rekeys;
};
constexpr int all_rekeys = 2;

class RecordedSession : public testing::TestWithParam<Replay> {
  protected:
    RecordedSession()
        : session_(test::vectors_of("sptps-sessions.json").at(GetParam().session)),
          draws_(session_["random_draws"]) {
        sides_.push_back(side(Role::initiator, GetParam().initiator));
        sides_.push_back(side(Role::responder, GetParam().responder));
    }
    std::unique_ptr<Side> side(Role role, Player player) {
        auto parties = parties_of(session_, role);
        if (session_["mode"] == "datagram")
            return std::make_unique<DatagramSide>(std::move(parties), draws_);
        if (player == Player::ours) return std::make_unique<StreamSide>(std::move(parties), draws_);
        return std::make_unique<FarSide>(std::move(parties), draws_);
    }
    [[nodiscard]] static std::size_t index_of(const nlohmann::json& name) {
        return name == "initiator" ? 0 : 1;
    }
    /// What `receiver` hears next of the application, which is what the other side says.
    [[nodiscard]] Heard next_record(std::size_t from_event, const std::string& receiver) const {
        const auto& events = session_["events"];
        for (std::size_t i = from_event; i < events.size(); ++i)
            if (events[i]["event"] == "received" && events[i]["by"] == receiver &&
                events[i]["type"] != handshake_type)
                return {events[i]["type"], test::bytes_of(events[i]["data"])};
        return {};
    }
    void carry_unit(std::size_t at) {
        const auto& event = session_["events"][at];
        const auto from = index_of(event["from"]);
        auto& speaker = *sides_[from];
        if (speaker.units.empty()) {
            const auto said = next_record(at, from == 0 ? "responder" : "initiator");
            speaker.say(said.type, said.data);
        }
        ASSERT_FALSE(speaker.units.empty()) << "event " << at;
        ASSERT_EQ(speaker.units.front(), test::bytes_of(event["bytes"])) << "event " << at;
        const auto unit = speaker.units.front();
        speaker.units.pop_front();
        sides_[1 - from]->hear(unit);
    }
    void expect_heard(std::size_t at) {
        const auto& event = session_["events"][at];
        auto& listener = *sides_[index_of(event["by"])];
        ASSERT_FALSE(listener.heard.empty()) << "event " << at;
        EXPECT_EQ(listener.heard.front(), (Heard{event["type"], test::bytes_of(event["data"])}))
            << "event " << at;
        listener.heard.pop_front();
    }

    nlohmann::json session_;
    Draws draws_;
    std::vector<std::unique_ptr<Side>> sides_;
};

TEST_P(RecordedSession, IsReplayedByteForByte) {
    const auto& events = session_["events"];
    int rekeys = 0;
    for (std::size_t i = 0; i < events.size() && !HasFatalFailure(); ++i) {
        const auto& event = events[i];
        if (event["event"] == "wire") {
            carry_unit(i);
        } else if (event["event"] == "received") {
            expect_heard(i);
        } else if (const auto text = event["text"].get<std::string>(); text != "end") {
            if (!sides_[text.starts_with("initiator") ? 0 : 1]->start_again()) break;
            ++rekeys;
        }
    }
    EXPECT_EQ(rekeys, GetParam().rekeys);
    EXPECT_EQ(draws_.are_used_up(), rekeys == all_rekeys);
    for (const auto& side : sides_) EXPECT_TRUE(side->units.empty() && side->heard.empty());
}
constexpr auto ours = Player::ours;
constexpr auto far = Player::far;
INSTANTIATE_TEST_SUITE_P(Of, RecordedSession,
                         testing::Values(Replay{"two_nodes", 1, ours, ours, all_rekeys},
                                         Replay{"a_connection_we_open", 0, ours, far, 0},
                                         Replay{"a_connection_we_accept", 0, far, ours, 1},
                                         Replay{"a_connection_of_others", 0, far, far, all_rekeys},
                                         Replay{"an_invitation_we_take", 2, ours, far, 0},
                                         Replay{"an_invitation_we_made", 2, far, ours, 1},
                                         Replay{"an_invitation_of_others", 2, far, far,
                                                all_rekeys}),
                         [](const auto& row) { return std::string(row.param.name); });

// --- with a running daemon
// ------------------------------------------------------------------------

/// A client's session with a real tincd, from the client's side: the datagrams of its key exchange
/// in order, without the requests that carried them, and one packet each way.
TEST(LiveSession, OfTwoNodesIsReplayedByteForByte) {
    const auto live = nlohmann::json::parse(test::test_data("live-session.json"));
    Draws draws(nlohmann::json::array({live["draws"][2], live["draws"][3]}));
    const auto server_key = test::bytes_of(live["server_public"]);
    DatagramSide client(
        {.role = Role::initiator,
         .own_key = std::make_shared<const crypto::Ed25519PrivateKey>(
             crypto::Ed25519PrivateKey::from_bytes(test::bytes_of(live["client_private96"]))
                 .value()),
         .peer_key = crypto::Ed25519PublicKey(Bytes(server_key).first<32>()),
         .label = node_label("cli", "srv")},
        draws);
    EXPECT_EQ(as_text(test::bytes_of(live["node_label"])), node_label("cli", "srv"));
    for (const auto& entry : live["requests"]) {
        std::istringstream words(entry["request"].get<std::string>());
        std::string number;
        std::string from;
        std::string to;
        std::string payload;
        words >> number >> from >> to >> payload;
        if (number == "15") words >> payload;
        if (number != "15" && number != "16") continue;
        const auto datagram = parse_base64(payload).value();
        if (entry["dir"] == "server->client") {
            client.hear(datagram);
            continue;
        }
        ASSERT_FALSE(client.units.empty());
        EXPECT_EQ(client.units.front(), datagram);
        client.units.pop_front();
    }
    EXPECT_TRUE(draws.are_used_up());
    EXPECT_EQ(client.heard, (std::deque<Heard>{{handshake_type, {}}}));
    client.heard.clear();

    constexpr std::size_t ids_bytes = 12;
    const auto& udp = live["udp"];
    client.say(udp[0]["record_type"], test::bytes_of(udp[0]["plaintext"]));
    const auto sent = test::bytes_of(udp[1]["udp"]);
    EXPECT_TRUE(std::ranges::equal(client.units.front(), Bytes(sent).subspan(ids_bytes)));
    const auto received = test::bytes_of(udp[2]["udp"]);
    client.hear({received.begin() + ids_bytes, received.end()});
    EXPECT_EQ(client.heard.front(),
              (Heard{udp[3]["record_type"], test::bytes_of(udp[3]["plaintext"])}));
}

}  // namespace
}  // namespace tinc::sptps
