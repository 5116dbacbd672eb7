#pragma once

#include "tinc/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tinc::wire {

/// The first word of every line of a meta connection. Numbers are those of protocol 17.
enum class Request : std::uint8_t {
    id = 0,
    metakey = 1,
    challenge = 2,
    chal_reply = 3,
    ack = 4,
    status = 5,   ///< has no handler in 1.0; receiving it closes the connection
    error = 6,    ///< likewise
    termreq = 7,  ///< likewise
    ping = 8,
    pong = 9,
    add_subnet = 10,
    del_subnet = 11,
    add_edge = 12,
    del_edge = 13,
    key_changed = 14,
    req_key = 15,
    ans_key = 16,
    packet = 17,
};

/// As it stands on the wire.
[[nodiscard]] constexpr unsigned request_number(Request request) {
    return static_cast<unsigned>(request);
}

/// "ADD_EDGE", as the log names it.
[[nodiscard]] std::string_view request_name(Request request);

/// The request of that number, unless there is none or nobody handles it (5, 6, 7).
[[nodiscard]] std::optional<Request> handled_request(std::int32_t number);

/// The request of a line. Errc::malformed if it does not start with a number or holds control
/// characters ("Bogus data"), Errc::refused if no request has that number or nobody handles it.
[[nodiscard]] Result<Request> request_of(std::string_view line);

}  // namespace tinc::wire
