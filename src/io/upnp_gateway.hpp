#pragma once

#include "tinc/base/error.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tinc::io {

/// What a router is asked for: what comes to one of its ports goes to the same port here.
struct ForwardedPort {
    std::uint16_t port = 0;
    bool is_tcp = false;
    friend bool operator==(const ForwardedPort&, const ForwardedPort&) = default;
};

struct ForwardingRequest {
    std::vector<ForwardedPort> ports;
    std::chrono::milliseconds discover_wait{5'000};
    std::chrono::seconds lease{120};
};

/// Whether there was a library for it at build.
[[nodiscard]] bool speaks_upnp();

/// Looks for the router of the local network and asks it, which may take many seconds. Touches
/// nothing of ours: may run on any thread. A sentence about what was granted, or why not all was.
[[nodiscard]] Result<std::string> forward_ports(const ForwardingRequest& request);

}  // namespace tinc::io
