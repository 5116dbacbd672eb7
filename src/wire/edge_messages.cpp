#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tinc::wire {

namespace {

struct EdgeKey {
    std::uint32_t nonce;
    std::string from;
    std::string to;
};

/// What ADD_EDGE and DEL_EDGE begin with.
Result<EdgeKey> read_edge_key(Fields& fields) {
    TINC_TRY(const auto nonce, fields.hex32("nonce"));
    TINC_TRY(auto from, fields.node_name("origin"));
    TINC_TRY(auto to, fields.node_name("end"));
    if (from == to) return failure(Errc::malformed, "edge leads from a node to itself");
    return EdgeKey{nonce, std::move(from), std::move(to)};
}

}  // namespace

Result<AddEdge> parse_add_edge(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::add_edge));
    TINC_TRY(auto edge, read_edge_key(fields));
    TINC_TRY(auto address, fields.address());
    TINC_TRY(const auto options, fields.hex32("options"));
    TINC_TRY(const auto weight, fields.decimal("weight"));
    AddEdge message{
        edge.nonce, std::move(edge.from), std::move(edge.to), std::move(address), options,
        weight,     std::nullopt};
    if (fields.words_left() >= 2) {
        TINC_TRY(message.local_address, fields.address());
    }
    return message;
}

void append(std::string& out, const AddEdge& message) {
    fmt::format_to(std::back_inserter(out), "{} {:x} {} {} {} {} {:x} {}",
                   request_number(Request::add_edge), message.nonce, message.from, message.to,
                   message.address.host, message.address.port, message.options, message.weight);
    if (message.local_address)
        fmt::format_to(std::back_inserter(out), " {} {}", message.local_address->host,
                       message.local_address->port);
}

Result<DelEdge> parse_del_edge(std::string_view line) {
    Fields fields(line);
    TINC_CHECK(fields.expect(Request::del_edge));
    TINC_TRY(auto edge, read_edge_key(fields));
    return DelEdge{edge.nonce, std::move(edge.from), std::move(edge.to)};
}

void append(std::string& out, const DelEdge& message) {
    fmt::format_to(std::back_inserter(out), "{} {:x} {} {}", request_number(Request::del_edge),
                   message.nonce, message.from, message.to);
}

}  // namespace tinc::wire
