// A client's connection with a real tincd of 1.1, from the client's side, byte for byte.

#include "support/peer_pair.hpp"
#include "support/vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace tinc::peer {
namespace {

/// The random numbers that were drawn, in their order.
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

  private:
    std::deque<std::vector<std::byte>> draws_;
};

class LiveSessionTest : public testing::Test {
  protected:
    LiveSessionTest()
        : live_(nlohmann::json::parse(test::test_data("live-session.json"))),
          draws_(live_["draws"]) {
        settings_.own_keys = {
            std::nullopt,
            std::make_shared<const crypto::Ed25519PrivateKey>(
                crypto::Ed25519PrivateKey::from_bytes(test::bytes_of(live_["client_private96"]))
                    .value())};
        settings_.port = 48'457;
        config::HostSettings server;
        server.weight = 5;  // what the client had measured
        const auto key = test::bytes_of(live_["server_public"]);
        server.ed25519_key = crypto::Ed25519PublicKey(Bytes(key).first<32>());
        const Endpoint remote{Address::parse("127.0.0.1").value(), 34'715};
        peer_.emplace(Peer::outgoing(settings_, remote, "srv", server, draws_, log_, now_));
        for (const auto& entry : live_["requests"])
            (entry["dir"] == "client->server" ? ours_ : theirs_)
                .push_back(entry["request"].get<std::string>());
        peer_->connected();
    }
    /// All bytes that were sent this way.
    [[nodiscard]] std::vector<std::byte> recorded(std::string_view direction) const {
        std::vector<std::byte> all;
        for (const auto& chunk : live_["tcp"])
            if (chunk["dir"] == direction)
                for (const auto byte : test::bytes_of(chunk["tcp"])) all.push_back(byte);
        return all;
    }
    void collect() {
        const auto bytes = peer_->take_outgoing(now_);
        said_.insert(said_.end(), bytes.begin(), bytes.end());
        while (auto event = peer_->next_event()) {
            if (const auto* request = std::get_if<RequestArrived>(&*event))
                heard_.push_back(request->line);
            if (const auto* activated = std::get_if<Activated>(&*event)) activated_ = *activated;
        }
    }

    nlohmann::json live_;
    Draws draws_;
    PeerSettings settings_ = test::peer_settings("cli");
    test::RecordedLog log_{Level::everything};
    Time now_{std::chrono::hours(1)};
    std::optional<Peer> peer_;
    std::vector<std::string> ours_;  ///< requests
    std::vector<std::string> theirs_;
    std::vector<std::byte> said_;
    std::vector<std::string> heard_;
    std::optional<Activated> activated_;
};

TEST_F(LiveSessionTest, IsReplayedByteForByte) {
    collect();
    ASSERT_TRUE(peer_->receive(recorded("server->client"), now_));
    collect();
    EXPECT_EQ(peer_->state(), State::active);
    // Each says ACK by itself.
    EXPECT_EQ(heard_, std::vector(theirs_.begin() + 1, theirs_.end()));
    ASSERT_TRUE(activated_);
    EXPECT_EQ(activated_->address.text(), "127.0.0.1 port 34715");
    EXPECT_EQ(activated_->weight, (5 + 132) / 2);
    EXPECT_EQ(activated_->options, 0x0700000cU);
    for (std::size_t i = 1; i < ours_.size(); ++i)
        ASSERT_TRUE(peer_->send_line(ours_[i], Peer::Telling::silent));
    collect();
    EXPECT_EQ(said_, recorded("client->server"));
}

}  // namespace
}  // namespace tinc::peer
