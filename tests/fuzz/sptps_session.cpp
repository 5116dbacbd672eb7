// Two ends of a session, and an input that says what becomes of what they send: each byte is a
// step. Messages of the exchange arrive, arrive again or damaged, keys are renewed, packets are
// sealed and arrive in any order, alone or several at once. Nothing damaged is opened, nothing
// twice, and what was sealed and arrives in time is.

#include "support/packets.hpp"
#include "support/seeded_random.hpp"
#include "tinc/sptps/datagram.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>

namespace {

using namespace tinc;
using sptps::Opener;
using sptps::Session;

std::shared_ptr<const crypto::Ed25519PrivateKey> key(std::uint64_t seed) {
    test::SeededRandom random(seed);
    return std::make_shared<const crypto::Ed25519PrivateKey>(
        crypto::Ed25519PrivateKey::generate(random));
}

sptps::Parties parties(sptps::Role role) {
    static const std::array keys{key(1), key(2)};
    const std::size_t own = role == sptps::Role::initiator ? 0 : 1;
    return {.role = role,
            .own_key = keys[own],
            .peer_key = keys[1 - own]->public_key(),
            .label = sptps::node_label("a", "b")};
}

/// Holds nothing from one packet to the next.
crypto::PacketEngine shared_engine;

struct End {
    End(sptps::Role role, std::uint64_t seed) : random(seed), session(parties(role), random) {}

    void carry_out(Result<std::vector<Session::Step>> steps) {
        if (!steps) return;
        for (auto& step : *steps) {
            if (auto* send = std::get_if<Session::Send>(&step))
                messages.push_back(std::move(send->datagram));
            else if (auto* with = std::get_if<Session::SealWith>(&step))
                sealer = std::move(*with);
            else if (const auto* expected = std::get_if<Session::ExpectKey>(&step);
                     expected != nullptr && !opener)
                opener.emplace(expected->key.bytes(), 16);
            else if (expected != nullptr)
                opener->expect(expected->key.bytes());
            else if (std::holds_alternative<Session::ReceiveWithIt>(step) && opener)
                opener->use_expected();
        }
    }
    void seal() {
        if (!sealer || packets.size() > 64) return;
        packet::Packet packet;
        packet.resize(40);
        std::ranges::fill(packet.bytes(), std::byte{0x5a});
        if (sealer->seal(packet, 1))
            packets.emplace_back(packet.bytes().begin(), packet.bytes().end());
    }
    test::SeededRandom random;
    Session session;
    std::deque<std::vector<std::byte>> messages;
    std::deque<std::vector<std::byte>> packets;
    std::optional<sptps::Sealer> sealer;
    std::optional<Opener> opener;
    std::set<std::vector<std::byte>> opened;
};

void take_message(End& from, End& to, unsigned how) {
    if (from.messages.empty()) return;
    auto message = from.messages.front();
    if (how == 1) message[message.size() / 2] ^= std::byte{4};
    if (how == 2) message.resize(message.size() / 2);
    to.carry_out(to.session.receive(message));
    if (how != 3) from.messages.pop_front();
    if (from.messages.size() > 64) from.messages.clear();
}

void take_packet(End& from, End& to, std::size_t which, bool is_damaged) {
    if (from.packets.empty() || !to.opener) return;
    const auto at = from.packets.begin() + static_cast<std::ptrdiff_t>(which % from.packets.size());
    packet::Packet packet;
    packet.assign(*at);
    if (is_damaged) packet.bytes()[which % packet.size()] ^= std::byte{1};
    std::uint8_t type = 0;
    const bool is_opened = to.opener->open(packet, type) == Opener::Verdict::opened;
    TINC_ASSERT(!is_opened || !is_damaged);
    if (!is_opened) return;
    TINC_ASSERT(type == 1 && packet.size() == 40 && packet.bytes()[7] == std::byte{0x5a});
    TINC_ASSERT(to.opened.insert(*at).second);
}

/// Some that follow each other arrive at once.
void take_packets(End& from, End& to, std::size_t first) {
    constexpr std::size_t most = 8;
    if (from.packets.empty() || !to.opener) return;
    first %= from.packets.size();
    test::Packets packets;
    for (auto i = first; i < from.packets.size() && packets.size() < most; ++i)
        packets.add(from.packets[i]);
    std::array<Opener::Opened, most> opened;
    to.opener->open(packets.all(), shared_engine, opened);
    for (std::size_t i = 0; i < packets.size(); ++i) {
        if (opened[i].verdict != Opener::Verdict::opened) continue;
        TINC_ASSERT(opened[i].type == 1 && packets[i].size() == 40);
        TINC_ASSERT(packets[i].bytes()[7] == std::byte{0x5a});
        TINC_ASSERT(to.opened.insert(from.packets[first + i]).second);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    End a(sptps::Role::initiator, 3);
    End b(sptps::Role::responder, 4);
    a.carry_out(a.session.start());
    b.carry_out(b.session.start());
    constexpr std::size_t most_steps = 400;
    for (const auto step : std::span(data, std::min(size, most_steps))) {
        End& from = (step & 1U) == 0 ? a : b;
        End& to = (step & 1U) == 0 ? b : a;
        const unsigned how = (step >> 1U) & 3U;
        const std::size_t which = step >> 3U;
        if (which < 12)
            take_message(from, to, which < 8 ? 0 : how);
        else if (which < 14)
            from.carry_out(from.session.start());
        else if (which < 20)
            from.seal();
        else if (which < 28 || which == 31)
            take_packet(from, to, which * 4 + how, which == 31);
        else
            take_packets(from, to, which * 4 + how);
    }
    return 0;
}
