#include "io/listening_sockets.hpp"

#include "io/resolver.hpp"
#include "io/socket_address.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
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

/// Whether other sockets of ours may have the same address.
enum class Sharing : std::uint8_t { alone, shared };

Result<Descriptor> open_bound(const Endpoint& local, int type, Sharing sharing,
                              const config::Settings& settings) {
    const bool is_ipv6 = local.address.family() == Family::ipv6;
    Descriptor socket(
        ::socket(is_ipv6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_failure("Creating socket failed");
    const int number = socket.number();
    set_option(number, SOL_SOCKET, SO_REUSEADDR, 1);
    if (sharing == Sharing::shared) set_option(number, SOL_SOCKET, SO_REUSEPORT, 1);
    if (is_ipv6) set_option(number, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    TINC_CHECK(steer(number, settings));
    const auto address = to_socket_address(local);
    if (::bind(number, address.get(), address.size) != 0) {
        const auto* protocol = type == SOCK_STREAM ? "tcp" : "udp";
        return system_failure(fmt::format("Can't bind to {}/{}", local.text(), protocol));
    }
    return socket;
}

int option_of(int socket, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, level, name, &value, &size) == 0 ? value : 0;
}

/// A buffer, its name in messages, and the system's limit for it.
struct Buffer {
    int option;
    std::string_view name;
    std::string_view limit;
};
constexpr Buffer receive_buffer{SO_RCVBUF, "UDP SO_RCVBUF", "net.core.rmem_max"};
constexpr Buffer send_buffer{SO_SNDBUF, "UDP SO_SNDBUF", "net.core.wmem_max"};

void set_buffer(int socket, const Buffer& buffer, int bytes, LogSink& log) {
    if (bytes <= 0) return;
    if (!set_option(socket, SOL_SOCKET, buffer.option, bytes)) {
        log.print(Level::always, Severity::warning, "Can't set {} to {}: {}", buffer.name, bytes,
                  reason_text(errno));
        return;
    }
    // The kernel doubles what it grants, for its own use of it.
    const int granted = option_of(socket, SOL_SOCKET, buffer.option) / 2;
    if (granted < bytes) {
        log.print(Level::always, Severity::warning,
                  "Can't set {} to {}, the system made it {}: raise {} with sysctl", buffer.name,
                  bytes, granted, buffer.limit);
    }
}

/// Packets that the kernel joins count as more than they are, and come in bursts.
void make_room_for_bursts(int socket) {
    constexpr int bytes = 4 << 20;
    if (!set_option(socket, SOL_SOCKET, SO_RCVBUFFORCE, bytes))
        set_option(socket, SOL_SOCKET, SO_RCVBUF, bytes);
}

void set_udp_options(int socket, Family family, const config::Settings& settings, LogSink& log) {
    set_option(socket, SOL_SOCKET, SO_BROADCAST, 1);
    if (settings.udp_offload) make_room_for_bursts(socket);
    set_buffer(socket, receive_buffer, settings.udp_rcvbuf, log);
    set_buffer(socket, send_buffer, settings.udp_sndbuf, log);
    if (!settings.pmtu_discovery) return;
    if (family == Family::ipv4)
        set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
}

Result<Descriptor> open_udp(const Endpoint& local, Sharing sharing,
                            const config::Settings& settings, LogSink& log) {
    TINC_TRY(auto socket, open_bound(local, SOCK_DGRAM, sharing, settings));
    set_udp_options(socket.number(), local.address.family(), settings, log);
    return socket;
}

/// An address to listen on, what it is for, and where it is written.
struct Wanted {
    Endpoint endpoint;
    Outgoing outgoing;
    std::string place;
};

/// Port 0 takes the port that the system chose for TCP also for UDP.
Result<ListeningPair> open_pair(const Wanted& wanted, const config::Settings& settings,
                                LogSink& log) {
    TINC_TRY(auto tcp, open_bound(wanted.endpoint, SOCK_STREAM, Sharing::alone, settings));
    if (::listen(tcp.number(), listen_backlog) != 0)
        return system_failure(fmt::format("Can't listen on {}/tcp", wanted.endpoint.text()));
    const auto local = local_endpoint(tcp.number());
    if (!local) return system_failure("getsockname");
    TINC_TRY(auto udp, open_udp(*local, Sharing::alone, settings, log));
    return ListeningPair{std::move(tcp), std::move(udp), *local, wanted.outgoing};
}

/// Appends the addresses of one variable, each once.
Result<void> append(std::vector<Wanted>& out, const std::vector<config::HostPort>& given,
                    std::string_view variable, Outgoing outgoing,
                    const config::Settings& settings) {
    for (std::size_t i = 0; i < given.size(); ++i) {
        const auto& address = given[i];
        const auto place = settings.places.of(variable, i);
        const auto& port = address.port.empty() ? settings.port : address.port;
        const auto found =
            resolve_now(address.host, port, settings.address_family, Purpose::listen);
        if (!found) {
            return failure(Errc::system, fmt::format("Cannot resolve {}: {}{}", address.host,
                                                     found.error().what, place));
        }
        for (const auto& endpoint : *found) {
            if (std::ranges::find(out, endpoint, &Wanted::endpoint) == out.end())
                out.push_back({endpoint, outgoing, place});
        }
    }
    return {};
}

Result<std::vector<Wanted>> wanted_addresses(const config::Settings& settings) {
    std::vector<Wanted> out;
    TINC_CHECK(
        append(out, settings.bind_to_address, "BindToAddress", Outgoing::from_here, settings));
    TINC_CHECK(
        append(out, settings.listen_address, "ListenAddress", Outgoing::elsewhere, settings));
    if (!settings.bind_to_address.empty() || !settings.listen_address.empty()) return out;
    TINC_TRY(const auto any,
             resolve_now("*", settings.port, settings.address_family, Purpose::listen));
    const auto place = settings.places.of("Port");
    for (const auto& endpoint : any) out.push_back({endpoint, Outgoing::from_here, place});
    return out;
}

/// Whether an IPv6 socket takes IPv4 as well, as systemd makes them.
bool takes_both_families(int socket, const Endpoint& local) {
    return local.address.family() == Family::ipv6 && local.address.is_unspecified() &&
           option_of(socket, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

/// A handed over UDP socket at that address. One for both families is closed: it could not say by
/// which of them a packet came.
std::optional<Descriptor> take_udp(std::vector<Descriptor>& sockets, const Endpoint& local) {
    for (auto& socket : sockets) {
        if (!socket || local_endpoint(socket.number()) != local) continue;
        if (option_of(socket.number(), SOL_SOCKET, SO_TYPE) != SOCK_DGRAM) continue;
        auto taken = std::move(socket);
        if (!takes_both_families(taken.number(), local)) return taken;
    }
    return std::nullopt;
}

/// The UDP socket that goes with a TCP socket: handed over as well, or opened.
Result<Descriptor> udp_beside(std::vector<Descriptor>& sockets, const Endpoint& local,
                              const config::Settings& settings, LogSink& log) {
    auto taken = take_udp(sockets, local);
    if (!taken) return open_udp(local, Sharing::alone, settings, log);
    set_udp_options(taken->number(), local.address.family(), settings, log);
    return std::move(*taken);
}

bool listens(int socket) { return option_of(socket, SOL_SOCKET, SO_ACCEPTCONN) != 0; }

/// The addresses that one listening socket of the service manager stands for.
void adopt_tcp(Descriptor tcp, std::vector<Descriptor>& others, const config::Settings& settings,
               LogSink& log, std::vector<ListeningPair>& pairs) {
    const auto local = local_endpoint(tcp.number());
    std::vector<Endpoint> locals{*local};
    if (takes_both_families(tcp.number(), *local)) locals.push_back({Address::v4({}), local->port});
    for (const auto& at : locals) {
        auto udp = udp_beside(others, at, settings, log);
        if (udp) {
            pairs.push_back({std::exchange(tcp, Descriptor()), std::move(*udp), at});
        } else {
            log.print(Level::always, Severity::error, "{}", udp.error().what);
        }
    }
}

Result<std::vector<ListeningPair>> adopt(std::vector<Descriptor> handed_over,
                                         const config::Settings& settings, LogSink& log) {
    std::vector<ListeningPair> pairs;
    for (auto& socket : handed_over) {
        if (socket && listens(socket.number()) && local_endpoint(socket.number()))
            adopt_tcp(std::move(socket), handed_over, settings, log, pairs);
    }
    for (const auto& left : handed_over) {
        if (!left) continue;
        log.print(Level::always, Severity::error,
                  "Descriptor {} handed over by the service manager is not of use: it takes "
                  "listening TCP sockets, and UDP sockets at their addresses",
                  left.number());
    }
    return pairs;
}

Result<std::vector<ListeningPair>> open_all(const config::Settings& settings, LogSink& log) {
    TINC_TRY(const auto addresses, wanted_addresses(settings));
    std::vector<ListeningPair> pairs;
    for (auto wanted : addresses) {
        if (pairs.size() == limits::sockets) {
            log.print(Level::always, Severity::error, "Too many listening sockets");
            break;
        }
        // All of Port = 0 share the first port the system chose, as only one can be announced.
        if (wanted.endpoint.port == 0 && !pairs.empty())
            wanted.endpoint.port = pairs.front().local.port;
        auto pair = open_pair(wanted, settings, log);
        if (pair)
            pairs.push_back(std::move(*pair));
        else
            log.print(Level::always, Severity::error, "{}{}", pair.error().what, wanted.place);
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

Result<Descriptor> open_beside(int udp, const Endpoint& local, const config::Settings& settings,
                               LogSink& log) {
    // Not before the first was bound: that must fail if another program has the port.
    if (!set_option(udp, SOL_SOCKET, SO_REUSEPORT, 1)) return system_failure("SO_REUSEPORT");
    return open_udp(local, Sharing::shared, settings, log);
}

std::optional<std::string> service_port(const std::string& service) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        addrinfo hints{};
        hints.ai_flags = AI_PASSIVE;
        hints.ai_socktype = type;
        addrinfo* list = nullptr;
        const int code = ::getaddrinfo(nullptr, service.c_str(), &hints, &list);
        const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
        const auto any = code == 0 ? to_endpoint(list->ai_addr, list->ai_addrlen) : std::nullopt;
        if (any) return std::to_string(any->port);
    }
    return std::nullopt;
}

Result<void> steer(int socket, const config::Settings& settings) {
    const auto refused = [&](std::string_view variable, std::string_view what) {
        auto failed = system_failure(what);
        failed.error().what += settings.places.of(variable);
        return failed;
    };
    const auto& name = settings.bind_to_interface;
    if (!name.empty() && ::setsockopt(socket, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                                      static_cast<socklen_t>(name.size() + 1)) != 0)
        return refused("BindToInterface", fmt::format("Can't bind to interface {}", name));
    const auto mark = settings.firewall_mark;
    if (mark != 0 && ::setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
        return refused("FWMark", fmt::format("Can't set the firewall mark to {}", mark));
    return {};
}

void set_meta_options(int socket, Family family) {
    set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, limits::unsent_socket_bytes);
    if (family == Family::ipv4)
        set_option(socket, IPPROTO_IP, IP_TOS, IPTOS_LOWDELAY);
    else
        set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, IPTOS_LOWDELAY);
}

}  // namespace tinc::io
