#include "io/kernel_routes.hpp"

#include "io/descriptor.hpp"
#include "io/socket_address.hpp"

#include <sys/socket.h>

namespace tinc::io {

namespace {

/// Any will do: nothing is sent.
constexpr std::uint16_t some_port = 655;

}  // namespace

std::optional<Address> KernelRoutes::towards(const Address& remote) {
    const int family = remote.family() == Family::ipv4 ? AF_INET : AF_INET6;
    const Descriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto target = to_socket_address({remote, some_port});
    if (!socket || ::connect(socket.number(), target.get(), target.size) != 0) return std::nullopt;
    const auto local = local_endpoint(socket.number());
    if (!local) return std::nullopt;
    return local->address;
}

}  // namespace tinc::io
