#include "io/listening_sockets.hpp"

#include "io/resolver.hpp"
#include "io/socket_address.hpp"
#include "tinc/base/limits.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace tinc::io {

namespace {

/// 1.0.36 has 3, which a handful of nodes that start together overflow.
constexpr int listen_backlog = 128;

bool set_option(int socket, int level, int name, int value) {
    return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

Result<Descriptor> open_bound(const Endpoint& local, int type, const config::Settings& settings) {
    const bool is_ipv6 = local.address.family() == Family::ipv6;
    Descriptor socket(
        ::socket(is_ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_failure("Creating socket failed");
    const int number = socket.number();
    set_option(number, SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_ipv6) set_option(number, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    TINC_CHECK(bind_to_interface(number, settings));
    const auto address = to_socket_address(local);
    if (::bind(number, address.get(), address.size) != 0) {
        const auto* protocol = type == SOCK_STREAM ? "tcp" : "udp";
        return system_failure(fmt::format("Can't bind to {}/{}", local.text(), protocol));
    }
    return socket;
}

void set_buffer(int socket, int name, int bytes, std::string_view what, LogSink& log) {
    if (bytes <= 0 || set_option(socket, SOL_SOCKET, name, bytes)) return;
    log.print(Level::always, Severity::warning, "Can't set {} to {}: {}", what, bytes,
              reason_text(errno));
}

void set_udp_options(int socket, Family family, const config::Settings& settings, LogSink& log) {
    set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
    set_buffer(socket, SO_RCVBUF, settings.udp_rcvbuf, "UDP SO_RCVBUF", log);
    set_buffer(socket, SO_SNDBUF, settings.udp_sndbuf, "UDP SO_SNDBUF", log);
    if (!settings.pmtu_discovery) return;
    if (family == Family::ipv4)
        set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
}

Result<Descriptor> open_udp(const Endpoint& local, const config::Settings& settings, LogSink& log) {
    TINC_TRY(auto socket, open_bound(local, SOCK_DGRAM, settings));
    set_udp_options(socket.number(), local.address.family(), settings, log);
    return socket;
}

/// Port 0 takes the port that the system chose for TCP also for UDP.
Result<ListeningPair> open_pair(const Endpoint& wanted, const config::Settings& settings,
                                LogSink& log) {
    TINC_TRY(auto tcp, open_bound(wanted, SOCK_STREAM, settings));
    if (::listen(tcp.number(), listen_backlog) != 0)
        return system_failure(fmt::format("Can't listen on {}/tcp", wanted.text()));
    const auto local = local_endpoint(tcp.number());
    if (!local) return system_failure("getsockname");
    TINC_TRY(auto udp, open_udp(*local, settings, log));
    return ListeningPair{std::move(tcp), std::move(udp), *local};
}

Result<std::vector<Endpoint>> wanted_endpoints(const config::Settings& settings) {
    const auto port_or = [&](const std::string& port) {
        return port.empty() ? settings.port : port;
    };
    if (settings.bind_to_address.empty())
        return resolve_now("*", settings.port, settings.address_family, Purpose::listen);
    std::vector<Endpoint> out;
    for (const auto& address : settings.bind_to_address) {
        auto found = resolve_now(address.host, port_or(address.port), settings.address_family,
                                 Purpose::listen);
        if (!found) {
            return failure(Errc::system, fmt::format("Cannot resolve BindToAddress = {}: {}",
                                                     address.host, found.error().what));
        }
        for (const auto& endpoint : *found) {
            if (std::ranges::find(out, endpoint) == out.end()) out.push_back(endpoint);
        }
    }
    return out;
}

Result<std::vector<ListeningPair>> adopt(std::vector<Descriptor> handed_over,
                                         const config::Settings& settings, LogSink& log) {
    std::vector<ListeningPair> pairs;
    for (auto& tcp : handed_over) {
        const auto local = local_endpoint(tcp.number());
        if (!local) {
            log.print(Level::always, Severity::error,
                      "Descriptor {} handed over by the service manager is not an IP socket",
                      tcp.number());
            continue;
        }
        auto udp = open_udp(*local, settings, log);
        if (!udp) {
            log.print(Level::always, Severity::error, "{}", udp.error().what);
            continue;
        }
        pairs.push_back({std::move(tcp), std::move(*udp), *local});
    }
    return pairs;
}

Result<std::vector<ListeningPair>> open_all(const config::Settings& settings, LogSink& log) {
    TINC_TRY(const auto endpoints, wanted_endpoints(settings));
    std::vector<ListeningPair> pairs;
    for (auto wanted : endpoints) {
        if (pairs.size() == limits::sockets) {
            log.print(Level::always, Severity::error, "Too many listening sockets");
            break;
        }
        // All of Port = 0 share the first port the system chose, as only one can be announced.
        if (wanted.port == 0 && !pairs.empty()) wanted.port = pairs.front().local.port;
        auto pair = open_pair(wanted, settings, log);
        if (pair)
            pairs.push_back(std::move(*pair));
        else
            log.print(Level::always, Severity::error, "{}", pair.error().what);
    }
    return pairs;
}

}  // namespace

Result<std::vector<ListeningPair>> open_listening_sockets(const config::Settings& settings,
                                                          std::vector<Descriptor> handed_over,
                                                          LogSink& log) {
    TINC_TRY(auto pairs, handed_over.empty() ? open_all(settings, log)
                                             : adopt(std::move(handed_over), settings, log));
    if (pairs.empty()) return failure(Errc::system, "Unable to create any listening socket!");
    return pairs;
}

Result<void> bind_to_interface(int socket, const config::Settings& settings) {
    const auto& name = settings.bind_to_interface;
    if (name.empty()) return {};
    if (::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                     static_cast<socklen_t>(name.size() + 1)) != 0)
        return system_failure(fmt::format("Can't bind to interface {}", name));
    return {};
}

void set_meta_options(int socket, Family family) {
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    if (family == Family::ipv4)
        set_option(socket, IPPROTO_IP, IP_TOS, IPTOS_LOWDELAY);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, IPTOS_LOWDELAY);
}

}  // namespace tinc::io
