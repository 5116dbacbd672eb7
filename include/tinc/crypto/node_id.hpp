#pragma once

#include "tinc/base/node_id.hpp"

#include <string_view>

namespace tinc::crypto {

/// The beginning of the SHA-512 of a node's name. Source: protocol 1.1, 3; `node-id.json`.
[[nodiscard]] NodeId node_id_of(std::string_view name);

}  // namespace tinc::crypto
