#include "tinc/base/text.hpp"
#include "tinc/wire/messages.hpp"

#include <fmt/format.h>

#include <utility>

namespace tinc::wire {

namespace {

std::optional<Endpoint> numeric_endpoint(std::string_view host, std::string_view port) {
    const auto address = Address::parse(host);
    const auto number = parse_number<std::uint16_t>(port);
    if (!address || !number || *number == 0) return std::nullopt;
    return Endpoint{*address, *number};
}

}  // namespace

EdgeAddress::EdgeAddress(std::string host_text, std::string port_text)
    : host(std::move(host_text)),
      port(std::move(port_text)),
      endpoint(numeric_endpoint(host, port)) {}

EdgeAddress::EdgeAddress(const Endpoint& numeric)
    : host(numeric.address.text()), port(fmt::format("{}", numeric.port)), endpoint(numeric) {}

bool operator==(const EdgeAddress& a, const EdgeAddress& b) {
    if (a.endpoint && b.endpoint) return *a.endpoint == *b.endpoint;
    return a.host == b.host && a.port == b.port;
}

}  // namespace tinc::wire
