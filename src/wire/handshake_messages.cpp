#include "tinc/base/bytes.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace tinc::wire {

namespace {

/// As many as tinc reads.
constexpr std::size_t minor_digits = 3;

/// CHALLENGE and CHAL_REPLY: one word of bytes.
Result<std::vector<std::byte>> parse_bytes_only(std::string_view line, Request request,
                                                std::string_view field) {
    Fields fields(line);
    TINC_CHECK(fields.expect(request));
    return fields.bytes(field);
}

void append_bytes_only(std::string& out, Request request, Bytes bytes) {
    fmt::format_to(std::back_inserter(out), "{} ", request_number(request));
    append_hex(out, bytes);
}

}  // namespace

Result<Id> parse_id(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::id));
    TINC_TRY(const auto name, fields.text("name", limits::token_bytes));
    TINC_TRY(const auto version, fields.text("version", limits::token_bytes));
    Fields numbers(version);
    TINC_TRY(const auto major, numbers.decimal("version"));
    // A minor version that cannot be read counts as none, as with 1.0, which does not look.
    const auto point = version.find('.');
    const auto minor = point == std::string_view::npos
                           ? std::nullopt
                           : parse_number<int>(version.substr(point + 1).substr(0, minor_digits));
    return Id{std::string(name), major, std::max(minor.value_or(0), 0)};
}

void append(std::string& out, const Id& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {}", request_number(Request::id), message.name,
                   message.major);
    if (message.minor != 0) fmt::format_to(std::back_inserter(out), ".{}", message.minor);
}

Result<Metakey> parse_metakey(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::metakey));
    TINC_TRY(const auto cipher, fields.decimal("cipher"));
    TINC_TRY(const auto digest, fields.decimal("digest"));
    TINC_TRY(const auto mac_length, fields.decimal("maclength"));
    TINC_TRY(const auto compression, fields.decimal("compression"));
    TINC_TRY(auto key, fields.bytes("key"));
    return Metakey{cipher, digest, mac_length, compression, std::move(key)};
}

void append(std::string& out, const Metakey& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {} ", request_number(Request::metakey),
                   message.cipher, message.digest, message.mac_length, message.compression);
    append_hex(out, message.key);
}

Result<Challenge> parse_challenge(std::string_view line) {
    TINC_TRY(auto bytes, parse_bytes_only(line, Request::challenge, "challenge"));
    return Challenge{std::move(bytes)};
}

void append(std::string& out, const Challenge& message) {
    append_bytes_only(out, Request::challenge, message.bytes);
}

Result<ChalReply> parse_chal_reply(std::string_view line) {
    TINC_TRY(auto hash, parse_bytes_only(line, Request::chal_reply, "hash"));
    return ChalReply{std::move(hash)};
}

void append(std::string& out, const ChalReply& message) {
    append_bytes_only(out, Request::chal_reply, message.hash);
}

Result<Ack> parse_ack(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::ack));
    TINC_TRY(const auto port, fields.text("port", limits::token_bytes));
    TINC_TRY(const auto weight, fields.decimal("weight"));
    TINC_TRY(const auto options, fields.hex32("options"));
    return Ack{parse_number<std::uint16_t>(port).value_or(0), weight, options};
}

void append(std::string& out, const Ack& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {} {:x}", request_number(Request::ack),
                   message.port, message.weight, message.options);
}

Result<KeyAck> parse_key_ack(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::ack));
    TINC_TRY(const auto key, fields.text("key", limits::token_bytes));
    return KeyAck{std::string(key)};
}

void append(std::string& out, const KeyAck& message) {
    fmt::format_to(std::back_inserter(out), "{} {}", request_number(Request::ack), message.key);
}

void append_termreq(std::string& out) {
    fmt::format_to(std::back_inserter(out), "{}", request_number(Request::termreq));
}

void append_ping(std::string& out) {
    fmt::format_to(std::back_inserter(out), "{}", request_number(Request::ping));
}

void append_pong(std::string& out) {
    fmt::format_to(std::back_inserter(out), "{}", request_number(Request::pong));
}

}  // namespace tinc::wire
