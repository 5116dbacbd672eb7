#pragma once

#include "tinc/base/error.hpp"

namespace tinc::tincd {

/// Goes on in a process of its own: no terminal, folder "/", standard streams on /dev/null. The
/// process that called exits with 0. Not once there are threads.
[[nodiscard]] Result<void> daemonise();

/// Opens /dev/null in the place of standard streams that the caller closed, so that no file or
/// socket of ours gets their numbers.
void ensure_standard_streams();

}  // namespace tinc::tincd
