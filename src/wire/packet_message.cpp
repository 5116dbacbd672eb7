#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tinc::wire {

namespace {

/// Lengths of frames are 16-bit numbers everywhere else in the protocol.
constexpr std::int32_t longest_packet_bytes = 65'535;
/// tinc reads this one as a signed number of 16 bits.
constexpr std::int32_t longest_sptps_packet_bytes = 32'767;

Result<std::size_t> parse_length(std::string_view line, Request request, std::int32_t longest) {
    Fields fields(line);
    TINC_CHECK(fields.expect(request));
    TINC_TRY(const auto length, fields.decimal("length"));
    if (length < 0 || length > longest)
        return failure(Errc::malformed,
                       fmt::format("{}: length is out of range", request_name(request)));
    return static_cast<std::size_t>(length);
}

}  // namespace

Result<PacketHeader> parse_packet(std::string_view line) {
    TINC_TRY(const auto length, parse_length(line, Request::packet, longest_packet_bytes));
    return PacketHeader{length};
}

void append(std::string& out, const PacketHeader& message) {
    fmt::format_to(std::back_inserter(out), "{} {}", request_number(Request::packet),
                   message.length);
}

Result<SptpsPacketHeader> parse_sptps_packet(std::string_view line) {
    TINC_TRY(const auto length,
             parse_length(line, Request::sptps_packet, longest_sptps_packet_bytes));
    return SptpsPacketHeader{length};
}

void append(std::string& out, const SptpsPacketHeader& message) {
    fmt::format_to(std::back_inserter(out), "{} {}", request_number(Request::sptps_packet),
                   message.length);
}

}  // namespace tinc::wire
