#include "io/multicast_device.hpp"

#include "io/clock.hpp"
#include "tinc/base/text.hpp"
#include "tinc/config/value_reader.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace tinc::io {

namespace {

/// Frames skipped as our own at once, before others get their turn.
constexpr int most_echoes = 64;

struct Group {
    std::string address;
    std::string port;
    int ttl = 1;
};

/// The settings have an address and a port.
Group parse_group(const std::string& device, LogSink& log) {
    const auto words = config::split_words(device, 4);
    TINC_ASSERT(words.size() >= 2);
    Group group{std::string(words[0]), std::string(words[1])};
    if (words.size() == 2) return group;
    if (const auto ttl = parse_number<std::uint8_t>(words[2])) {
        group.ttl = *ttl;
    } else {
        log.print(Level::always, Severity::warning,
                  "The TTL of Device = {} is not a number from 0 to 255, {} is used", device,
                  group.ttl);
    }
    return group;
}

/// Keeps the scope of a link-local group ("ff02::1%eth0").
Result<SocketAddress> look_up(const Group& group) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(group.address.c_str(), group.port.c_str(), &hints, &list);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    if (code != 0) {
        const std::string reason = code == EAI_SYSTEM ? reason_text(errno) : ::gai_strerror(code);
        return failure(Errc::system, fmt::format("Error looking up {} port {}: {}", group.address,
                                                 group.port, reason));
    }
    SocketAddress out;
    std::memcpy(&out.storage, list->ai_addr, list->ai_addrlen);
    out.size = list->ai_addrlen;
    return out;
}

template <class T>
bool set_option(int socket, int level, int name, const T& value) {
    return ::setsockopt(socket, level, name, &value, sizeof value) == 0;
}

bool join(int socket, const SocketAddress& group, int ttl) {
    const int on = 1;
    if (group.storage.ss_family == AF_INET) {
        ip_mreqn request{};
        request.imr_multiaddr = reinterpret_cast<const sockaddr_in*>(&group.storage)->sin_addr;
        return set_option(socket, IPPROTO_IP, IP_MULTICAST_LOOP, on) &&
               set_option(socket, IPPROTO_IP, IP_MULTICAST_TTL, ttl) &&
               set_option(socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, request);
    }
    const auto& address = *reinterpret_cast<const sockaddr_in6*>(&group.storage);
    ipv6_mreq request{};
    request.ipv6mr_multiaddr = address.sin6_addr;
    request.ipv6mr_interface = address.sin6_scope_id;
    return set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, on) &&
           set_option(socket, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, ttl) &&
           set_option(socket, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, request);
}

}  // namespace

Result<void> MulticastDevice::open() {
    const auto group = parse_group(info().device, log_);
    TINC_TRY(group_, look_up(group));
    Descriptor socket(
        ::socket(group_.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
    if (!socket) return system_failure("Creating socket failed");
    // Others on this machine may be in the group, too.
    set_option(socket.number(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (::bind(socket.number(), group_.get(), group_.size) != 0)
        return system_failure(fmt::format("Can't bind to {} {}", group.address, group.port));
    if (!join(socket.number(), group_, group.ttl)) {
        const int code = errno;
        auto text = fmt::format("Cannot join multicast group {} {}: {}", group.address, group.port,
                                reason_text(code));
        if (code == ENODEV || code == EADDRNOTAVAIL)
            text += ". Does a route lead there? Try: ip route add 224.0.0.0/4 dev INTERFACE";
        if (code == EINVAL) text += ". Is it the address of a group, 224.0.0.0/4 or ff00::/8?";
        return failure(Errc::system, std::move(text));
    }
    socket_ = std::move(socket);
    return {};
}

Device::Reading MulticastDevice::read(packet::Packet& frame) {
    for (int echoes = 0; echoes < most_echoes; ++echoes) {
        const auto reading = read_frame(descriptor(), frame, 0);
        if (reading != Reading::frame || !written_.is_echo(frame.bytes(), now())) return reading;
    }
    return Reading::nothing;
}

bool MulticastDevice::write(packet::Packet& frame) {
    const auto bytes = frame.bytes();
    written_.note(bytes, now());
    return ::sendto(descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT, group_.get(),
                    group_.size) >= 0;
}

}  // namespace tinc::io
