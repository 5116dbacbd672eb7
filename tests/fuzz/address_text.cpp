// Numeric addresses, and the address and port of an edge: "HOST PORT".

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/wire/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace tinc;

void check_address(std::string_view text) {
    const auto address = Address::parse(text);
    if (!address) return;
    TINC_ASSERT(Address::parse(address->text()) == address);
}

void check_edge_address(std::string_view host, std::string_view port) {
    const wire::EdgeAddress address{std::string(host), std::string(port)};
    TINC_ASSERT(address.host == host);
    TINC_ASSERT(address.port == port);
    TINC_ASSERT(address == address);
    if (!address.endpoint) return;

    const wire::EdgeAddress written(*address.endpoint);
    TINC_ASSERT(written == address);
    const wire::EdgeAddress again(written.host, written.port);
    TINC_ASSERT(again.endpoint == address.endpoint);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text(std::as_bytes(std::span(data, size)));
    check_address(text);
    const auto blank = text.find(' ');
    if (blank != std::string_view::npos)
        check_edge_address(text.substr(0, blank), text.substr(blank + 1));
    return 0;
}
