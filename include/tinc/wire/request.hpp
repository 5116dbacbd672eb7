#pragma once

#include "tinc/base/error.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tinc::wire {

/// What we speak, at most.
inline constexpr int protocol_major = 17;
inline constexpr int protocol_minor = 7;

/// The first word of every line of a meta connection. Numbers are those of protocol 17.
enum class Request : std::uint8_t {
    id = 0,
    metakey = 1,
    challenge = 2,
    chal_reply = 3,
    ack = 4,
    status = 5,   ///< has no handler in 1.0; receiving it closes the connection
    error = 6,    ///< likewise
    termreq = 7,  ///< never sent by 1.0
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

    // Of protocol 17.1 to 17.7.
    control = 18,     ///< not on meta connections
    req_pubkey = 19,  ///< only within REQ_KEY
    ans_pubkey = 20,  ///< likewise
    sptps_packet = 21,
    udp_info = 22,
    mtu_info = 23,
};

/// As it stands on the wire.
[[nodiscard]] constexpr unsigned request_number(Request request) {
    return static_cast<unsigned>(request);
}

/// "ADD_EDGE", as the log names it.
[[nodiscard]] std::string_view request_name(Request request);

/// The request of that number, unless there is none or nobody handles it.
[[nodiscard]] std::optional<Request> handled_request(std::int32_t number);

/// The request of a line. Errc::malformed if it does not start with a number or holds control
/// characters ("Bogus data"), Errc::refused if no request has that number or nobody handles it.
[[nodiscard]] Result<Request> request_of(std::string_view line);

}  // namespace tinc::wire
