// Whole sessions of the original, with all its randomness, replayed byte for byte.

#include "support/vectors.hpp"
#include "tinc/sptps/datagram.hpp"
#include "tinc/sptps/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>

namespace tinc::sptps {
namespace {

using Unit = std::vector<std::byte>;

/// What one side has been handed: a record, or 128 and nothing when the keys are in use.
struct Heard {
    int type = 0;
    Unit data;
    friend bool operator==(const Heard&, const Heard&) = default;
};

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
    virtual void say(int type, const Unit& data) = 0;
    virtual void start_again() = 0;

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
    void say(int type, const Unit& data) override {
        packet::Packet packet;
        packet.assign(data);
        ASSERT_TRUE(sealer_->seal(packet, static_cast<std::uint8_t>(type)));
        units.emplace_back(packet.bytes().begin(), packet.bytes().end());
    }
    void start_again() override { carry_out(session_.start().value()); }

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
    void say(int type, const Unit& data) override {
        Unit out;
        ASSERT_TRUE(stream_.send(static_cast<std::uint8_t>(type), data, out));
        units.push_back(std::move(out));
    }
    void start_again() override { FAIL(); }

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

class RecordedSession : public testing::TestWithParam<std::size_t> {
  protected:
    RecordedSession()
        : session_(test::vectors_of("sptps-sessions.json").at(GetParam())),
          draws_(session_["random_draws"]) {
        for (const auto role : {Role::initiator, Role::responder}) {
            auto parties = parties_of(session_, role);
            if (is_stream())
                sides_.push_back(std::make_unique<StreamSide>(std::move(parties), draws_));
            else
                sides_.push_back(std::make_unique<DatagramSide>(std::move(parties), draws_));
        }
    }
    [[nodiscard]] bool is_stream() const { return session_["mode"] == "stream"; }
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

    nlohmann::json session_;
    Draws draws_;
    std::vector<std::unique_ptr<Side>> sides_;
};

TEST_P(RecordedSession, IsReplayedByteForByte) {
    const auto& events = session_["events"];
    std::size_t units = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        const auto& event = events[i];
        if (event["event"] == "note") {
            if (is_stream()) break;
            const auto text = event["text"].get<std::string>();
            if (text != "end") sides_[text.starts_with("initiator") ? 0 : 1]->start_again();
        } else if (event["event"] == "wire") {
            const auto from = index_of(event["from"]);
            auto& speaker = *sides_[from];
            auto& listener = *sides_[1 - from];
            if (speaker.units.empty()) {
                const auto said = next_record(i, from == 0 ? "responder" : "initiator");
                speaker.say(said.type, said.data);
            }
            ASSERT_FALSE(speaker.units.empty()) << "event " << i;
            ASSERT_EQ(speaker.units.front(), test::bytes_of(event["bytes"])) << "event " << i;
            listener.hear(speaker.units.front());
            speaker.units.pop_front();
            ++units;
        } else {
            auto& listener = *sides_[index_of(event["by"])];
            ASSERT_FALSE(listener.heard.empty()) << "event " << i;
            EXPECT_EQ(listener.heard.front(), (Heard{event["type"], test::bytes_of(event["data"])}))
                << "event " << i;
            listener.heard.pop_front();
        }
    }
    EXPECT_GE(units, 7U);
    EXPECT_EQ(draws_.are_used_up(), !is_stream());
    for (const auto& side : sides_) EXPECT_TRUE(side->units.empty() && side->heard.empty());
}
std::string name_of(const testing::TestParamInfo<std::size_t>& session) {
    static constexpr std::array names{"a_connection", "two_nodes", "an_invitation"};
    return names[session.param];
}
INSTANTIATE_TEST_SUITE_P(Of, RecordedSession, testing::Values(0, 1, 2), name_of);

}  // namespace
}  // namespace tinc::sptps
