#pragma once

#include "tinc/base/error.hpp"
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
/// The key of an ANS_KEY is shown at level 10 only.
void print_request(LogSink& log, Course course, Request request, std::string_view who,
                   std::string_view line);

/// What went wrong with a request, in tinc's words: "Error while processing ADD_EDGE from beta
/// (10.99.1.2 port 42705): ...".
[[nodiscard]] Error while_processing(Request request, std::string_view who, const Error& error);

}  // namespace tinc::wire
