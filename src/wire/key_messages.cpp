#include "tinc/base/limits.hpp"
#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tinc::wire {

Result<KeyChanged> parse_key_changed(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::key_changed));
    TINC_TRY(const auto nonce, fields.hex32("nonce"));
    TINC_TRY(auto name, fields.node_name("name"));
    return KeyChanged{nonce, std::move(name)};
}

void append(std::string& out, const KeyChanged& message) {
    fmt::format_to(std::back_inserter(out), "{} {:x} {}", request_number(Request::key_changed),
                   message.nonce, message.name);
}

Result<ReqKey> parse_req_key(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::req_key));
    TINC_TRY(auto from, fields.node_name("origin"));
    TINC_TRY(auto to, fields.node_name("destination"));
    ReqKey message{std::move(from), std::move(to), 0, {}};
    // What cannot be read is none of ours, as to 1.0.
    const auto extension = fields.decimal("extension");
    if (!extension || *extension == 0) return message;
    message.extension = *extension;
    if (fields.words_left() > 0) {
        TINC_TRY(message.payload, fields.text("payload", limits::token_bytes));
    }
    return message;
}

void append(std::string& out, const ReqKey& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {}", request_number(Request::req_key),
                   message.from, message.to);
    if (message.extension != 0) fmt::format_to(std::back_inserter(out), " {}", message.extension);
    if (!message.payload.empty()) fmt::format_to(std::back_inserter(out), " {}", message.payload);
}

Result<AnsKey> parse_ans_key(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::ans_key));
    TINC_TRY(auto from, fields.node_name("origin"));
    TINC_TRY(auto to, fields.node_name("destination"));
    TINC_TRY(const auto key, fields.text("key", limits::token_bytes));
    TINC_TRY(const auto cipher, fields.decimal("cipher"));
    TINC_TRY(const auto digest, fields.decimal("digest"));
    TINC_TRY(const auto mac_length, fields.decimal("maclength"));
    TINC_TRY(const auto compression, fields.decimal("compression"));
    AnsKey message{std::move(from), std::move(to), std::string(key), cipher,
                   digest,          mac_length,    compression,      std::nullopt};
    // One word alone is no address, and further words are ignored.
    if (fields.words_left() >= 2) {
        TINC_TRY(message.address, fields.address());
    }
    return message;
}

void append(std::string& out, const AnsKey& message) {
    fmt::format_to(std::back_inserter(out), "{} {} {} {} {} {} {} {}",
                   request_number(Request::ans_key), message.from, message.to, message.key,
                   message.cipher, message.digest, message.mac_length, message.compression);
    if (message.address)
        fmt::format_to(std::back_inserter(out), " {} {}", message.address->host,
                       message.address->port);
}

}  // namespace tinc::wire
