#pragma once

#include "io/descriptor.hpp"

#include <vector>

namespace tinc::tincd {

/// Listening sockets that the service manager opened for us.
struct Activation {
    bool is_meant = false;  ///< LISTEN_PID names this process, which therefore must not detach
    std::vector<io::Descriptor> sockets;  ///< LISTEN_FDS of them, from descriptor 3 on
};

/// Reads LISTEN_PID and LISTEN_FDS, and takes them out of the environment.
[[nodiscard]] Activation take_activation();

}  // namespace tinc::tincd
