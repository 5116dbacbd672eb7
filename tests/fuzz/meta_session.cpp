// Whatever an authenticated member says to a Node with a small mesh around it: the Node stays
// whole, its limits hold, its deadline lies ahead, and another member is heard all the same.

#include "support/node_world.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace {

using namespace tinc;

/// alpha, the Node; beta, who says the input; gamma, an honest neighbour; delta behind gamma.
struct Scene {
    Scene() : world(test::NodeWorld::default_settings(), Level::always) {
        gamma = world.join("gamma", test::endpoint("10.99.1.3", 655));
        for (const auto* line :
             {"12 1 gamma alpha 10.99.1.1 655 c 3", "12 2 gamma delta 10.99.1.4 655 c 3",
              "12 3 delta gamma 10.99.1.3 655 c 3", "10 4 gamma 10.3.0.0/16",
              "10 5 delta 10.4.0.0/16#20"})
            world.tell(*gamma, line);
        world.rest();
        beta = world.join("beta", test::endpoint("10.99.1.2", 655));
        world.tell(*beta, "12 6 beta alpha 10.99.1.1 655 c 3");
        world.rest();
        TINC_ASSERT(world.node->reachable_nodes().size() == 4);
    }

    test::NodeWorld world;
    std::unique_ptr<test::Member> beta;
    std::unique_ptr<test::Member> gamma;
};

void check(Scene& scene) {
    auto& [world, beta, gamma] = scene;
    for (int i = 0; i < 8; ++i) {
        // A deadline may be due, but handling it must move it.
        const auto deadline = world.node->deadline();
        world.now = std::max(world.now, deadline);
        world.node->on_time(world.now);
        world.settle();
        TINC_ASSERT(world.node->deadline() > world.now);
        world.talk(*gamma);
    }
    if (!world.is_closed(beta->id)) world.talk(*beta);
    TINC_ASSERT(world.node->mesh().graph().nodes().size() <= limits::nodes);
    TINC_ASSERT(world.reaches("alpha"));
    TINC_ASSERT(!gamma->has_given_up);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Scene scene;
    auto& [world, beta, gamma] = scene;
    const auto text = as_text(std::as_bytes(std::span(data, size)));
    if (text.empty()) return 0;
    // The member's cipher takes it as one line; on the way it is as many as it has newlines.
    if (beta->end.peer->send_line(text, peer::Peer::Telling::silent)) world.talk(*beta);
    check(scene);
    return 0;
}
