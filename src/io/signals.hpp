#pragma once

#include "io/asio.hpp"

#include <functional>

namespace tinc::io {

/// Makes the operator's signals wait until there is a Signals object, and ignores those that tell
/// of a pipe without a reader or a file that may not grow. To be called before anybody knows our
/// process id.
void hold_signals();

/// The signals the operator steers the daemon with; they are not held any more. Others keep their
/// default action.
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
