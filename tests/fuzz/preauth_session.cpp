// Whatever a stranger says, in pieces of any size: nothing but ID and METAKEY, or ID and KEX, is
// ever answered, the Node stays whole, and the connection is over within PingTimeout.
//
// The first byte tells how large the pieces are (six bits) and who is spoken to: a Node of 1.0, or,
// with bit 6, one that speaks 1.1, too. With bit 7 it is beta itself that speaks 1.1, but somebody
// on the way changes what it says: the input is pairs of a place and what is done to the byte
// there.

#include "support/fuzz_choices.hpp"
#include "support/node_world.hpp"
#include "tinc/sptps/stream.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace tinc;
using namespace std::string_view_literals;

constexpr unsigned modern_bit = 0x40;
constexpr unsigned man_in_the_middle_bit = 0x80;

constexpr auto old_id = "0 alpha 17\n"sv;
constexpr auto modern_id = "0 alpha 17.7\n"sv;
constexpr auto metakey = "1 429 672 0 0 "sv;
/// The length of its data, its type and its version.
constexpr auto kex_begin = "\x00\x41\x80\x00"sv;
constexpr std::size_t kex_record_bytes = 2 + 1 + 65;

using Key = std::shared_ptr<const crypto::Ed25519PrivateKey>;

Key make_key(std::uint64_t seed) {
    test::SeededRandom random(seed);
    return std::make_shared<const crypto::Ed25519PrivateKey>(
        crypto::Ed25519PrivateKey::generate(random));
}
const Key& key_of_alpha() {
    static const auto key = make_key(1);
    return key;
}
const Key& key_of_beta() {
    static const auto key = make_key(2);
    return key;
}

/// One Node of each kind for the life of the process: it must be as good as new after every
/// stranger.
test::NodeWorld& old_world() {
    static test::NodeWorld one(test::NodeWorld::default_settings(), Level::always);
    return one;
}
test::NodeWorld& modern_world() {
    static const auto one = [] {
        auto world = std::make_unique<test::NodeWorld>(
            test::NodeWorld::default_settings(), Level::always, std::uint16_t{655},
            crypto::OwnKeys{test::small_key(), key_of_alpha()});
        world->hosts.at("beta").ed25519_key = key_of_beta()->public_key();
        return world;
    }();
    return *one;
}

std::string say_in_pieces(test::NodeWorld& alpha, PeerId id, Bytes all, std::size_t piece_bytes) {
    std::string answer;
    while (!all.empty()) {
        const auto piece = all.first(std::min(piece_bytes, all.size()));
        all = all.subspan(piece.size());
        alpha.say(id, as_text(piece));
        answer += alpha.answer(id);
    }
    return answer;
}

/// What follows METAKEY would be encrypted: without the key it cannot even look like a line. What
/// follows KEX would be our signature.
void check_answer(std::string_view answer, std::string_view id) {
    if (answer.empty()) return;
    TINC_ASSERT(answer.starts_with(id));
    answer.remove_prefix(id.size());
    const bool is_kex = id == modern_id && answer.starts_with(kex_begin);
    TINC_ASSERT(answer.empty() || answer.starts_with(metakey) || is_kex);
    TINC_ASSERT(!is_kex || answer.size() == kex_record_bytes);
    TINC_ASSERT(answer.size() + id.size() < limits::cleartext_bytes);
}

/// What beta says, unless somebody changes it: then we must not sign anything. Whether beta is
/// proven.
bool say_as_beta(test::NodeWorld& alpha, PeerId id, Bytes changes) {
    test::SeededRandom random(3);
    sptps::Stream beta({.role = sptps::Role::initiator,
                        .own_key = key_of_beta(),
                        .peer_key = key_of_alpha()->public_key(),
                        .label = sptps::meta_label("beta", "alpha")},
                       random);
    bool is_changed = false;
    std::size_t said_before = 0;
    const auto say = [&](const std::vector<std::byte>& words) {
        auto changed = words;
        for (std::size_t i = 0; i + 1 < changes.size(); i += 2) {
            const auto place = std::to_integer<std::size_t>(changes[i]);
            if (place >= said_before && place - said_before < words.size())
                changed[place - said_before] ^= changes[i + 1];
        }
        is_changed |= changed != words;
        said_before += words.size();
        alpha.say(id, as_text(changed));
        return alpha.answer(id);
    };
    alpha.say(id, "0 beta 17.7\n");
    const auto greeting = alpha.answer(id);
    const auto answer = greeting + say(beta.take_outgoing());
    check_answer(answer, modern_id);
    TINC_ASSERT(beta.receive(as_bytes(answer).subspan(modern_id.size())));
    const auto signature = say(beta.take_outgoing());
    TINC_ASSERT(signature.empty() == is_changed);
    TINC_ASSERT(signature.empty() || beta.receive(as_bytes(signature)));
    TINC_ASSERT(beta.is_complete() != is_changed);
    return !is_changed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const unsigned how = size == 0 ? 0 : data[0];
    const bool is_modern = (how & (modern_bit | man_in_the_middle_bit)) != 0;
    auto& alpha = is_modern ? modern_world() : old_world();
    alpha.pass_time(std::chrono::seconds(1));  // strangers have a budget for each second
    const auto begun = alpha.now;
    const auto id = alpha.connect(test::endpoint("10.0.0.1", 4'000));
    TINC_ASSERT(id != PeerId{0});

    auto rest = std::as_bytes(std::span(data, size));
    if (!rest.empty()) rest = rest.subspan(1);
    bool is_proven = false;
    if ((how & man_in_the_middle_bit) != 0)
        is_proven = say_as_beta(alpha, id, rest);
    else
        check_answer(say_in_pieces(alpha, id, rest, how % 64 + 1), is_modern ? modern_id : old_id);
    if (!alpha.is_closed(id)) {
        TINC_ASSERT(alpha.node->deadline() <= begun + std::chrono::seconds(5));
        alpha.pass_time(std::chrono::seconds(5));
    }
    TINC_ASSERT(is_proven ? alpha.is_closed(id) : alpha.closing_of(id) == node::Close::How::tarpit);
    TINC_ASSERT(alpha.node->take_outgoing(id).empty());
    TINC_ASSERT(alpha.node->reachable_nodes().size() == 1);
    alpha.effects.clear();
    alpha.log.lines.clear();
    return 0;
}
