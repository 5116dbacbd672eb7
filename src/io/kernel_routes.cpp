#include "io/kernel_routes.hpp"

#include "io/descriptor.hpp"
#include "io/socket_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace tinc::io {

namespace {

/// Any will do: nothing is sent.
constexpr std::uint16_t some_port = 655;

/// Connected, or none.
Descriptor socket_towards(const Address& remote) {
    const int family = remote.family() == Family::ipv4 ? AF_INET : AF_INET6;
    Descriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto target = to_socket_address({remote, some_port});
    if (!socket || ::connect(socket.number(), target.get(), target.size) != 0) return {};
    return socket;
}

}  // namespace

std::optional<Address> KernelRoutes::towards(const Address& remote) {
    const auto socket = socket_towards(remote);
    const auto local = socket ? local_endpoint(socket.number()) : std::nullopt;
    if (!local) return std::nullopt;
    return local->address;
}

std::optional<std::size_t> KernelRoutes::route_mtu(const Address& remote) {
    const auto socket = socket_towards(remote);
    int mtu = 0;
    socklen_t size = sizeof mtu;
    const bool is_ipv4 = remote.family() == Family::ipv4;
    if (!socket ||
        ::getsockopt(socket.number(), is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6,
                     is_ipv4 ? IP_MTU : IPV6_MTU, &mtu, &size) != 0 ||
        mtu <= 0)
        return std::nullopt;
    return static_cast<std::size_t>(mtu);
}

}  // namespace tinc::io
