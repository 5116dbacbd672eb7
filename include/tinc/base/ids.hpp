#pragma once

#include <cstdint>

namespace tinc {

/// One meta connection, accepted or opened. Never reused while the process lives, so that a late
/// event of a closed connection finds nothing instead of another connection.
enum class PeerId : std::uint64_t {};

/// A node's slot in the dense arrays of `graph` and `plane`. Reused after the node was forgotten.
enum class NodeIndex : std::uint32_t {};

/// One of our listening addresses: the n-th UDP socket and the n-th TCP socket belong together.
enum class SocketIndex : std::uint8_t {};

/// A question that floor 5 answers later: a name to resolve, a host file to read.
enum class QueryId : std::uint64_t {};

[[nodiscard]] constexpr std::uint32_t to_index(NodeIndex node) {
    return static_cast<std::uint32_t>(node);
}

}  // namespace tinc
