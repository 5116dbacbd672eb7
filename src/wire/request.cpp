#include "tinc/wire/request.hpp"

#include "tinc/base/error.hpp"
#include "tinc/wire/fields.hpp"

#include <array>
#include <cstddef>

namespace tinc::wire {

namespace {

enum class Handler : std::uint8_t { none, some };

struct Row {
    Request request;
    std::string_view name;
    Handler handler = Handler::some;
};

// clang-format off
constexpr auto request_table = std::to_array<Row>({
    {Request::id,           "ID"},
    {Request::metakey,      "METAKEY"},
    {Request::challenge,    "CHALLENGE"},
    {Request::chal_reply,   "CHAL_REPLY"},
    {Request::ack,          "ACK"},
    {Request::status,       "STATUS",      Handler::none},
    {Request::error,        "ERROR",       Handler::none},
    {Request::termreq,      "TERMREQ"},
    {Request::ping,         "PING"},
    {Request::pong,         "PONG"},
    {Request::add_subnet,   "ADD_SUBNET"},
    {Request::del_subnet,   "DEL_SUBNET"},
    {Request::add_edge,     "ADD_EDGE"},
    {Request::del_edge,     "DEL_EDGE"},
    {Request::key_changed,  "KEY_CHANGED"},
    {Request::req_key,      "REQ_KEY"},
    {Request::ans_key,      "ANS_KEY"},
    {Request::packet,       "PACKET"},
    {Request::control,      "CONTROL",     Handler::none},
    {Request::req_pubkey,   "REQ_PUBKEY",  Handler::none},
    {Request::ans_pubkey,   "ANS_PUBKEY",  Handler::none},
    {Request::sptps_packet, "SPTPS_PACKET"},
    {Request::udp_info,     "UDP_INFO"},
    {Request::mtu_info,     "MTU_INFO"},
});
// clang-format on

constexpr bool is_indexed_by_number() {
    for (std::size_t i = 0; i < request_table.size(); ++i)
        if (static_cast<std::size_t>(request_table[i].request) != i) return false;
    return true;
}
static_assert(is_indexed_by_number());

}  // namespace

std::string_view request_name(Request request) {
    const auto number = static_cast<std::size_t>(request);
    TINC_ASSERT(number < request_table.size());
    return request_table[number].name;
}

std::optional<Request> handled_request(std::int32_t number) {
    if (number < 0 || number >= std::ssize(request_table)) return std::nullopt;
    const auto& row = request_table[static_cast<std::size_t>(number)];
    if (row.handler == Handler::none) return std::nullopt;
    return row.request;
}

Result<Request> request_of(std::string_view line) { return Fields(line).request(); }

}  // namespace tinc::wire
