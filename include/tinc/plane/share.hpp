#pragma once

// Several Planes side by side, each in a thread of its own. Whatever counts the packets of a node
// (sequence numbers, replay windows) is in one of them alone, so a Plane leaves to another what it
// came upon but cannot do, as an Errand.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"

#include <cstdint>

namespace tinc::plane {

/// Whether a frame that came by TCP must stay on TCP if it is passed on.
enum class Transport : std::uint8_t { any, keep_on_tcp };

/// How a frame travels on.
struct Way {
    Transport transport = Transport::any;
    std::uint8_t traffic_class = 0;
};

/// Which nodes a Plane has.
struct Share {
    std::uint32_t number = 0;  ///< of this Plane
    std::uint32_t planes = 1;

    [[nodiscard]] std::uint32_t plane_of(NodeIndex node) const {
        return static_cast<std::uint32_t>(to_index(node) % planes);
    }
    [[nodiscard]] bool has(NodeIndex node) const { return plane_of(node) == number; }
};

/// What is to be done with a packet by the Plane that has `node`.
struct Errand {
    enum class Kind : std::uint8_t {
        send,      ///< a frame for the node
        open,      ///< a datagram from the node's address, or with its MAC
        straight,  ///< sealed by the node for us, as it says; its IDs are taken off
        relayed,   ///< the same, come over a relay
    };
    Kind kind = Kind::send;
    NodeIndex node{};
    bool is_owner = false;  ///< of `source`
    SocketIndex socket{};   ///< where the datagram came in
    Way way{};
    Endpoint source{};
};

}  // namespace tinc::plane
