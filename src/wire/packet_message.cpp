#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tinc::wire {

namespace {

/// Lengths of frames are 16-bit numbers everywhere else in the protocol.
constexpr std::int32_t longest_packet_bytes = 65'535;

}  // namespace

Result<PacketHeader> parse_packet(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::packet));
    TINC_TRY(const auto length, fields.decimal("length"));
    if (length < 0 || length > longest_packet_bytes)
        return failure(Errc::malformed, "PACKET: length is out of range");
    return PacketHeader{static_cast<std::size_t>(length)};
}

void append(std::string& out, const PacketHeader& message) {
    fmt::format_to(std::back_inserter(out), "{} {}", request_number(Request::packet),
                   message.length);
}

}  // namespace tinc::wire
