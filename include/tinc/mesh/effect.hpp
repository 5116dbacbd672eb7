#pragma once

// What the mesh wants done: by its connections, by the data plane, by scripts. Values, in order.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/time.hpp"
#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/secret.hpp"
#include "tinc/legacy/datagram.hpp"
#include "tinc/sptps/datagram.hpp"

#include <cstddef>
#include <memory>
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
    /// Null: none any more. An opener of it can be made, as often as one is needed.
    std::shared_ptr<const legacy::PacketKey> key;
    std::size_t window_bytes = 0;
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
    bool is_confirmed = false;  ///< by an answer of the node
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
/// The Ed25519 key of this node is needed: what does its host file say? Answer with key_loaded().
struct ReadKey {
    std::string name;
};
/// Write this key of a node to its host file, which has none.
struct SaveKey {
    std::string name;
    crypto::Ed25519PublicKey key;
};
struct SetSptpsSealer {
    NodeIndex node{};
    std::optional<sptps::Sealer> sealer;
    int compression = 0;  ///< that the node wants
};
struct SetSptpsOpener {
    NodeIndex node{};
    std::optional<sptps::Opener> opener;
};
/// See sptps::Opener::expect() and use_expected().
struct ExpectKey {
    NodeIndex node{};
    crypto::Secret key;
};
struct UseExpectedKey {
    NodeIndex node{};
};
/// A sealed datagram of `from` for `to`, one of which may be us, has come by a meta connection.
struct CarrySptpsPacket {
    NodeIndex neighbour{};  ///< whose connection that was
    NodeIndex from{};
    NodeIndex to{};
    std::vector<std::byte> datagram;
};
/// Send an MTU probe; if `local` says where, there and not to the node's address.
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

using Effect = std::variant<SendLine, ClosePeer, CallScript, SetName, SetSealer, SetOpener, ReadKey,
                            SaveKey, SetSptpsSealer, SetSptpsOpener, ExpectKey, UseExpectedKey,
                            CarrySptpsPacket, SetAddress, SetMtu, Forget, UnlearnMac, PublishTable,
                            SendProbe, CompanyChanged, Retreat>;

}  // namespace tinc::mesh
