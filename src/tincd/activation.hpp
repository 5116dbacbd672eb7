#pragma once

#include "io/descriptor.hpp"

#include <cstdint>
#include <vector>

namespace tinc::tincd {

/// Listening sockets that the service manager opened for us.
struct Activation {
    bool is_meant = false;  ///< LISTEN_PID names this process, which therefore must not detach
    std::vector<io::Descriptor> sockets;  ///< LISTEN_FDS of them, from descriptor 3 on
};

/// Reads LISTEN_PID and LISTEN_FDS, and takes them out of the environment. Sockets without
/// LISTEN_PID are taken only in the foreground, where nobody but our parent can have meant us;
/// those of another process never.
enum class Ground : std::uint8_t { fore, back };
[[nodiscard]] Activation take_activation(Ground ground);

}  // namespace tinc::tincd
