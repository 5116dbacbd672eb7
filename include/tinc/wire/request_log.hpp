#pragma once

#include "tinc/base/log.hpp"
#include "tinc/wire/request.hpp"

#include <cstdint>
#include <string_view>

namespace tinc::wire {

enum class Course : std::uint8_t { received, sending, forwarding };

/// Tells of a request in tinc's words: its name at debug level 3, the whole line from level 4 on.
///
///     Got ADD_EDGE from beta (10.99.1.2 port 42705): 12 7424ab6f beta alpha 10.99.1.1 655 c 3
///
/// `line` may carry key material only for levels at which tinc shows it too (4 and above).
void print_request(LogSink& log, Course course, Request request, std::string_view who,
                   std::string_view line);

}  // namespace tinc::wire
