#pragma once

#include "tinc/base/log.hpp"

#include <exception>
#include <string_view>

namespace tinc::io {

/// Calls `action` and keeps an exception (no memory, most likely) from leaving the loop. What the
/// action was about is lost, the daemon is not.
template <class Action>
void guarded(LogSink& log, std::string_view what, Action&& action) {
    try {
        action();
    } catch (const std::exception& problem) {
        log.print(Level::always, Severity::error, "{}: {}", what, problem.what());
    }
}

}  // namespace tinc::io
