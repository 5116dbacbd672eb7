#pragma once

// What the control side wants of the data plane. Values: the Node carries them out on its own
// Plane, or, where several threads have one each, they are handed to those.

#include "tinc/base/ids.hpp"
#include "tinc/base/time.hpp"
#include "tinc/graph/forwarding_table.hpp"
#include "tinc/mesh/effect.hpp"
#include "tinc/plane/plane.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace tinc::node {

/// The paths and subnets of this moment, and where unknown datagrams of which node may come from.
struct SetTable {
    std::shared_ptr<const graph::ForwardingTable> table;
    std::shared_ptr<const plane::AnnouncedAddresses> announced;
};
struct SetSettings {
    plane::PlaneSettings settings;
};
/// The Plane that has this node has opened a packet of it that came from there.
struct SetProvenAddress {
    NodeIndex node{};
    Endpoint remote;
    SocketIndex socket{};
};
/// A neighbour has sent this frame over its meta connection.
struct RoutePacket {
    NodeIndex neighbour{};
    std::vector<std::byte> frame;
    plane::Transport transport = plane::Transport::any;
};
/// A neighbour has sent this sealed datagram, with the IDs of both ends in front, over its meta
/// connection.
struct CarryPacket {
    NodeIndex neighbour{};
    std::vector<std::byte> packet;
};

using PlaneOrder =
    std::variant<SetTable, SetSettings, SetProvenAddress, RoutePacket, CarryPacket, mesh::SetName,
                 mesh::SetSealer, mesh::SetOpener, mesh::SetSptpsSealer, mesh::SetSptpsOpener,
                 mesh::ExpectKey, mesh::UseExpectedKey, mesh::CarrySptpsPacket, mesh::SetAddress,
                 mesh::SetMtu, mesh::Forget, mesh::UnlearnMac, mesh::SendProbe>;

/// The order that an effect of the mesh is, if it is one; it is moved out of it.
[[nodiscard]] std::optional<PlaneOrder> order_of(mesh::Effect& effect);

/// Whose Plane is to carry it out: the one that has this node. Nothing: each of them.
[[nodiscard]] std::optional<NodeIndex> addressee(const PlaneOrder& order);

/// The same order once more. Only of one that is for each Plane.
[[nodiscard]] PlaneOrder copy_of(const PlaneOrder& order);

/// Packets that it causes go to `out`.
void carry_out(PlaneOrder order, plane::Plane& plane, Time now, plane::Outbox& out);

}  // namespace tinc::node
