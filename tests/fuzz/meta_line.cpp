// Every parser of request lines. What one understands, it must understand again after writing it.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace tinc;

template <class Parse>
void check(Parse parse, std::string_view line) {
    const auto message = parse(line);
    if (!message) {
        TINC_ASSERT(message.error().code == Errc::malformed);
        TINC_ASSERT(!message.error().what.empty());
        return;
    }
    std::string written;
    append(written, *message);
    const auto again = parse(written);
    TINC_ASSERT(again);
    TINC_ASSERT(*again == *message);
    TINC_ASSERT(wire::request_of(line) == wire::request_of(written));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto line = as_text(std::as_bytes(std::span(data, size)));
    check(wire::parse_id, line);
    check(wire::parse_metakey, line);
    check(wire::parse_challenge, line);
    check(wire::parse_chal_reply, line);
    check(wire::parse_ack, line);
    check(wire::parse_add_subnet, line);
    check(wire::parse_del_subnet, line);
    check(wire::parse_add_edge, line);
    check(wire::parse_del_edge, line);
    check(wire::parse_key_changed, line);
    check(wire::parse_req_key, line);
    check(wire::parse_ans_key, line);
    check(wire::parse_packet, line);
    check(wire::parse_key_ack, line);
    check(wire::parse_sptps_packet, line);
    check(wire::parse_udp_info, line);
    check(wire::parse_mtu_info, line);
    return 0;
}
