#include "io/resolver.hpp"

#include "io/descriptor.hpp"
#include "io/socket_address.hpp"
#include "tinc/base/limits.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

namespace tinc::io {

namespace {

int to_system(config::AddressFamily family) {
    switch (family) {
        case config::AddressFamily::ipv4:
            return AF_INET;
        case config::AddressFamily::ipv6:
            return AF_INET6;
        case config::AddressFamily::any:
            break;
    }
    return AF_UNSPEC;
}

struct FreeAddressInfo {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

std::vector<Endpoint> endpoints_of(const addrinfo* list) {
    std::vector<Endpoint> out;
    for (const auto* at = list; at && out.size() < limits::addresses_per_name; at = at->ai_next) {
        const auto endpoint = to_endpoint(at->ai_addr, at->ai_addrlen);
        if (endpoint && std::ranges::find(out, *endpoint) == out.end()) out.push_back(*endpoint);
    }
    return out;
}

}  // namespace

Result<std::vector<Endpoint>> resolve_now(const std::string& host, const std::string& port,
                                          config::AddressFamily family, Purpose purpose) {
    addrinfo hints{};
    hints.ai_family = to_system(family);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_protocol = IPPROTO_TCP;
    if (purpose == Purpose::listen) hints.ai_flags = AI_PASSIVE;
    if (purpose == Purpose::connect_numeric) hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    const bool is_any = purpose == Purpose::listen && (host.empty() || host == "*");
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(is_any ? nullptr : host.c_str(), port.c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, FreeAddressInfo> owner(list);
    if (code != 0) {
        const std::string reason = code == EAI_SYSTEM ? reason_text(errno) : ::gai_strerror(code);
        const auto name = is_any ? std::string("*") : host;
        return failure(Errc::system, fmt::format("{} port {}: {}", name, port, reason));
    }
    auto endpoints = endpoints_of(list);
    if (endpoints.empty())
        return failure(Errc::system, fmt::format("{} port {}: No usable address", host, port));
    return endpoints;
}

void Resolver::resolve(const std::string& host, const std::string& port,
                       const std::function<void(Result<std::vector<Endpoint>>)>& done) {
    // No name server is asked for these, and they do not wait behind names that are.
    if (auto found = resolve_now(host, port, family_, Purpose::connect_numeric)) {
        asio::post(loop_, [done, found = std::move(found)] { done(found); });
        return;
    }
    auto work = [host, port, done, family = family_]() -> Background::Answer {
        auto result = resolve_now(host, port, family, Purpose::connect);
        return [done, result = std::move(result)] { done(result); };
    };
    const auto failed = [done] { done(failure(Errc::system, reason_text(ENOMEM))); };
    if (!background_.run(std::move(work), failed))
        done(failure(Errc::exhausted, fmt::format("{}: Too many names to resolve", host)));
}

}  // namespace tinc::io
