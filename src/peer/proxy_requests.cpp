#include "proxy_requests.hpp"

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"

#include <fmt/format.h>

#include <cstdint>

namespace tinc::peer {

namespace {

using config::ProxySettings;
using config::ProxyType;
using namespace std::string_literals;

constexpr auto connect_command = '\x01';

void append_port(std::string& out, std::uint16_t port) {
    constexpr unsigned byte_bits = 8;
    out += static_cast<char>(port >> byte_bits);
    out += static_cast<char>(port & 0xffU);
}

void append_counted(std::string& out, const std::string& text) {
    TINC_ASSERT(text.size() <= 0xff);
    out += static_cast<char>(text.size());
    out += text;
}

/// `04 01 <port> <address> <user> 00`, for a name `04 01 <port> 00 00 00 01 <user> 00 <name> 00`.
std::string socks4_request(const ProxySettings& proxy, const Destination& destination) {
    auto out = "\x04"s + connect_command;
    append_port(out, destination.endpoint.port);
    if (destination.is_named())
        out += "\0\0\0\x01"s;
    else
        out += as_text(destination.endpoint.address.bytes());
    out += proxy.user + '\0';
    if (destination.is_named()) out += destination.name + '\0';
    return out;
}

/// `05 01 <method>`
std::string socks5_greeting(const ProxySettings& proxy) {
    return has_login(proxy) ? "\x05\x01\x02"s : "\x05\x01\x00"s;
}

/// `01 <length> <user> <length> <password>`
std::string socks5_login(const ProxySettings& proxy) {
    auto out = "\x01"s;
    append_counted(out, proxy.user);
    append_counted(out, proxy.password);
    return out;
}

/// `05 01 00 01 <IPv4> <port>`, `.. 04 <IPv6> ..` or `.. 03 <length> <name> ..`
std::string socks5_request(const Destination& destination) {
    auto out = "\x05"s + connect_command + '\0';
    if (destination.is_named()) {
        out += '\x03';
        append_counted(out, destination.name);
    } else {
        const bool is_ipv4 = destination.endpoint.address.family() == Family::ipv4;
        out += is_ipv4 ? '\x01' : '\x04';
        out += as_text(destination.endpoint.address.bytes());
    }
    append_port(out, destination.endpoint.port);
    return out;
}

/// `CONNECT <host>:<port> HTTP/1.1` and an empty line. IPv6 addresses are in brackets, which
/// 1.0.36 leaves out: some servers take no other form.
std::string http_request(const Destination& destination) {
    const bool is_ipv6 =
        !destination.is_named() && destination.endpoint.address.family() == Family::ipv6;
    return fmt::format("CONNECT {}{}{}:{} HTTP/1.1\r\n\r\n", is_ipv6 ? "[" : "", destination.host(),
                       is_ipv6 ? "]" : "", destination.endpoint.port);
}

}  // namespace

std::deque<std::string> proxy_messages(const ProxySettings& proxy, const Destination& destination) {
    switch (proxy.type) {
        case ProxyType::none:
        case ProxyType::exec:
            return {};
        case ProxyType::socks4:
        case ProxyType::socks4a:
            return {socks4_request(proxy, destination)};
        case ProxyType::socks5:
            if (has_login(proxy))
                return {socks5_greeting(proxy), socks5_login(proxy), socks5_request(destination)};
            return {socks5_greeting(proxy), socks5_request(destination)};
        case ProxyType::http:
            return {http_request(destination)};
    }
    return {};
}

}  // namespace tinc::peer
