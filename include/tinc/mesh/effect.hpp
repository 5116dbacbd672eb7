#pragma once

// What the mesh wants done: by its connections, by the data plane, by scripts. Values, in order.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/time.hpp"
#include "tinc/legacy/datagram.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::mesh {

/// One request line for one connection, without newline.
struct SendLine {
    PeerId peer{};
    std::string line;
    bool is_announced = false;  ///< part of a broadcast or forward the log has told of already
};
/// End this connection; the mesh has forgotten it.
struct ClosePeer {
    PeerId peer{};
};
struct CallScript {
    std::string script;
    std::vector<std::pair<std::string, std::string>> environment;
};

// For the data plane.
struct SetName {
    NodeIndex node{};
    std::string name;
};
struct SetSealer {
    NodeIndex node{};
    std::optional<legacy::Sealer> sealer;
};
struct SetOpener {
    NodeIndex node{};
    std::optional<legacy::Opener> opener;
};
struct SetAddress {
    NodeIndex node{};
    std::optional<Endpoint> remote;
    SocketIndex socket{};
};
struct SetMtu {
    NodeIndex node{};
    std::size_t mtu = 0;
    std::size_t min_mtu = 0;
};
struct Forget {
    NodeIndex node{};
};
/// A learned address is no subnet of ours any more: its next frame is news.
struct UnlearnMac {
    MacAddress mac{};
};
/// The graph was recomputed or its subnets changed.
struct PublishTable {};
/// Send an MTU probe; to a LAN if `local` says where.
struct SendProbe {
    NodeIndex node{};
    std::size_t frame_bytes = 0;
    std::optional<Endpoint> local;
    SocketIndex socket{};
};
/// Some other node is reachable, or none is: told when that changes, ahead of the scripts of the
/// first one and behind those of the last one.
struct CompanyChanged {
    bool has_company = false;
};
/// Somebody else uses our Name: stay away from the mesh for a while.
struct Retreat {
    Duration time{};
};

using Effect =
    std::variant<SendLine, ClosePeer, CallScript, SetName, SetSealer, SetOpener, SetAddress, SetMtu,
                 Forget, UnlearnMac, PublishTable, SendProbe, CompanyChanged, Retreat>;

}  // namespace tinc::mesh
