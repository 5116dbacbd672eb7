#pragma once

#include "io/asio.hpp"

#include <functional>

namespace tinc::io {

/// The signals the operator steers the daemon with. Others keep their default action; SIGPIPE is
/// ignored.
class Signals {
  public:
    Signals(asio::io_context& loop, std::function<void(int signal)> received);

  private:
    void wait();

    asio::signal_set set_;
    std::function<void(int)> received_;
};

/// "TERM" for SIGTERM; "?" for what Signals does not wait for.
[[nodiscard]] const char* signal_name(int signal);

}  // namespace tinc::io
