#pragma once

#include "tinc/base/error.hpp"

namespace tinc::io {

/// Makes the kernel choose the queue of a packet by the hash of its flow alone. Left to itself it
/// lets a flow follow the queue by which its answers come, and a flow that changes its queue may
/// overtake itself. `tun`: a descriptor of the interface. Needs what opening the interface needs.
[[nodiscard]] Result<void> steer_flows(int tun);

}  // namespace tinc::io
