#pragma once

// Those who talk in the tests of sessions: named keys, and both halves of one end of a session.

#include "support/seeded_random.hpp"
#include "tinc/sptps/datagram.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::sptps {

using Datagram = std::vector<std::byte>;
using Verdict = Opener::Verdict;

inline std::shared_ptr<const crypto::Ed25519PrivateKey> key(std::uint64_t seed) {
    test::SeededRandom random(seed);
    return std::make_shared<const crypto::Ed25519PrivateKey>(
        crypto::Ed25519PrivateKey::generate(random));
}

inline Parties parties(Role role, std::uint64_t own = 1, std::uint64_t peer = 2,
                       std::string label = node_label("a", "b")) {
    const bool is_initiator = role == Role::initiator;
    return {.role = role,
            .own_key = key(is_initiator ? own : peer),
            .peer_key = key(is_initiator ? peer : own)->public_key(),
            .label = std::move(label)};
}

/// Both halves of one end of a node session.
class DatagramEnd {
  public:
    DatagramEnd(Parties given, std::uint64_t seed)
        : random_(seed), session(std::move(given), random_) {}

    void start() { carry_out(session.start().value()); }
    Result<void> hear(const Datagram& datagram) {
        TINC_TRY(auto steps, session.receive(datagram));
        carry_out(std::move(steps));
        return {};
    }
    Datagram seal(std::uint8_t kind = 0, std::size_t size = 100) {
        packet::Packet packet;
        packet.assign(Datagram(size, std::byte{0x55}));
        EXPECT_TRUE(sealer->seal(packet, kind));
        return {packet.bytes().begin(), packet.bytes().end()};
    }
    Verdict open(const Datagram& datagram) {
        packet::Packet packet;
        packet.assign(datagram);
        return opener->open(packet, type);
    }

  private:
    void carry_out(std::vector<Session::Step> steps) {
        for (auto& step : steps) {
            if (auto* send = std::get_if<Session::Send>(&step))
                outgoing.push_back(std::move(send->datagram));
            else if (auto* with = std::get_if<Session::SealWith>(&step))
                sealer = std::move(*with);
            else if (const auto* expected = std::get_if<Session::ExpectKey>(&step);
                     expected != nullptr && !opener)
                opener.emplace(expected->key.bytes(), 16);
            else if (expected != nullptr)
                opener->expect(expected->key.bytes());
            else if (std::holds_alternative<Session::ReceiveWithIt>(step))
                opener->use_expected();
            else
                ++completed;
        }
    }
    test::SeededRandom random_;

  public:
    Session session;
    std::deque<Datagram> outgoing;
    std::optional<Sealer> sealer;
    std::optional<Opener> opener;
    std::uint8_t type = 0;
    int completed = 0;
};

}  // namespace tinc::sptps
