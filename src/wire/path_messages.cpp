#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tinc::wire {

Result<UdpInfo> parse_udp_info(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::udp_info));
    TINC_TRY(auto from, fields.node_name("origin"));
    TINC_TRY(auto to, fields.node_name("destination"));
    TINC_TRY(auto address, fields.address());
    return UdpInfo{std::move(from), std::move(to), std::move(address)};
}

void append(std::string& out, const UdpInfo& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {}", request_number(Request::udp_info),
                   message.from, message.to, message.address.host, message.address.port);
}

Result<MtuInfo> parse_mtu_info(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::mtu_info));
    TINC_TRY(auto from, fields.node_name("origin"));
    TINC_TRY(auto to, fields.node_name("destination"));
    TINC_TRY(const auto mtu, fields.decimal("mtu"));
    return MtuInfo{std::move(from), std::move(to), mtu};
}

void append(std::string& out, const MtuInfo& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {} {}", request_number(Request::mtu_info),
                   message.from, message.to, message.mtu);
}

}  // namespace tinc::wire
