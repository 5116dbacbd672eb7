#pragma once

#include "tinc/base/error.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/crypto/own_keys.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/peer/peer.hpp"
#include "tinc/plane/plane.hpp"

#include <string>

namespace tinc::node {

/// What each part of the Node takes from the configuration.
struct Parts {
    peer::PeerSettings peer;
    mesh::MeshSettings mesh;
    plane::PlaneSettings plane;
};

/// Errc::refused with the operator's words if a value cannot be used here: a cipher or digest
/// OpenSSL does not know, a MAC longer than its digest.
[[nodiscard]] Result<Parts> assemble(const config::Settings& settings, crypto::OwnKeys own_keys,
                                     const std::string& device_description);

}  // namespace tinc::node
