// Whatever a stranger says, in pieces of any size: nothing but ID and METAKEY is ever answered, the
// Node stays whole, and the connection is over within PingTimeout.

#include "support/fuzz_choices.hpp"
#include "support/node_world.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace {

using namespace tinc;

/// One Node for the life of the process: it must be as good as new after every stranger.
test::NodeWorld& world() {
    static test::NodeWorld one(test::NodeWorld::default_settings(), Level::always);
    return one;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto& alpha = world();
    alpha.pass_time(std::chrono::seconds(1));  // strangers have a budget for each second
    const auto begun = alpha.now;
    const auto id = alpha.connect(test::endpoint("10.0.0.1", 4'000));
    TINC_ASSERT(id != PeerId{0});

    auto rest = std::as_bytes(std::span(data, size));
    const std::size_t piece_bytes = size == 0 ? 1 : std::size_t{data[0]} % 64 + 1;
    if (!rest.empty()) rest = rest.subspan(1);
    std::string answer;
    while (!rest.empty()) {
        const auto piece = rest.first(std::min(piece_bytes, rest.size()));
        rest = rest.subspan(piece.size());
        alpha.say(id, as_text(piece));
        answer += alpha.answer(id);
    }
    // What follows METAKEY would be encrypted: without the key it cannot even look like a line.
    TINC_ASSERT(answer.empty() || answer.starts_with("0 alpha 17\n1 429 672 0 0 "));
    TINC_ASSERT(answer.size() < limits::cleartext_bytes);
    if (!alpha.is_closed(id)) {
        TINC_ASSERT(alpha.node->deadline() <= begun + std::chrono::seconds(5));
        alpha.pass_time(std::chrono::seconds(5));
    }
    TINC_ASSERT(alpha.closing_of(id) == node::Close::How::tarpit);
    TINC_ASSERT(alpha.node->take_outgoing(id).empty());
    TINC_ASSERT(alpha.node->reachable_nodes().size() == 1);
    alpha.effects.clear();
    alpha.log.lines.clear();
    return 0;
}
