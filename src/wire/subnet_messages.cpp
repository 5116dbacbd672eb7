#include "tinc/base/limits.hpp"
#include "tinc/wire/fields.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace tinc::wire {

namespace {

Result<SubnetNews> parse_news(std::string_view line, Request request) {
    Fields fields(line);
    TINC_CHECK(fields.expect(request));
    TINC_TRY(const auto nonce, fields.hex32("nonce"));
    TINC_TRY(auto owner, fields.node_name("owner"));
    TINC_TRY(const auto text, fields.text("subnet", limits::token_bytes));
    TINC_TRY(const auto subnet, parse_subnet(text));
    return SubnetNews{nonce, std::move(owner), subnet};
}

void append_news(std::string& out, Request request, const SubnetNews& news) {
    fmt::format_to(std::back_inserter(out), "{} {:x} {} {}", request_number(request), news.nonce,
                   news.owner, subnet_text(news.subnet));
}

}  // namespace

Result<AddSubnet> parse_add_subnet(std::string_view line) {
    TINC_TRY(auto news, parse_news(line, Request::add_subnet));
    return AddSubnet{std::move(news)};
}

void append(std::string& out, const AddSubnet& message) {
    append_news(out, Request::add_subnet, message);
}

Result<DelSubnet> parse_del_subnet(std::string_view line) {
    TINC_TRY(auto news, parse_news(line, Request::del_subnet));
    return DelSubnet{std::move(news)};
}

void append(std::string& out, const DelSubnet& message) {
    append_news(out, Request::del_subnet, message);
}

}  // namespace tinc::wire
