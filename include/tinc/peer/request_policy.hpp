#pragma once

#include "tinc/wire/request.hpp"

#include <cstdint>

namespace tinc::peer {

/// Where a connection is on its way from the first byte to gossip.
///
///     connecting -+------------------> awaiting_id --> awaiting_host --> authenticating -->
///                 '-> awaiting_proxy --^ (both sides)  (accepted only)   METAKEY .. CHAL_REPLY
///
///     --> awaiting_ack -+-> active
///         ACK           '-> awaiting_end     if the ACKs were keys
enum class State : std::uint8_t {
    connecting,      ///< TCP is not up yet; we opened it
    awaiting_proxy,  ///< the proxy has to open the way; ProxyHandshake keeps the order
    awaiting_id,     ///< the peer has to say who it is
    awaiting_host,   ///< it did; its host file is being read
    authenticating,  ///< METAKEY to CHAL_REPLY, or SPTPS; these keep their own order
    awaiting_ack,    ///< both sides are proven
    awaiting_end,    ///< keys were exchanged; TERMREQ ends the connection
    active,          ///< part of the mesh
};

/// Which request a connection may send in a state; anything else ends that connection, and only
/// that one. In `active` the handshake is over for good: a second ACK or ID ends tinc 1.0.36.
[[nodiscard]] bool is_allowed(State state, wire::Request request);

}  // namespace tinc::peer
