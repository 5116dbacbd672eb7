#include "io/socket_address.hpp"

#include <netinet/in.h>

#include <array>
#include <cstring>

namespace tinc::io {

SocketAddress to_socket_address(const Endpoint& endpoint) {
    SocketAddress out;
    const auto bytes = endpoint.address.bytes();
    if (endpoint.address.family() == Family::ipv4) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        std::memcpy(&address.sin_addr, bytes.data(), sizeof address.sin_addr);
        std::memcpy(&out.storage, &address, sizeof address);
        out.size = sizeof address;
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(endpoint.port);
        address.sin6_scope_id = endpoint.address.scope();
        std::memcpy(&address.sin6_addr, bytes.data(), sizeof address.sin6_addr);
        std::memcpy(&out.storage, &address, sizeof address);
        out.size = sizeof address;
    }
    return out;
}

std::optional<Endpoint> to_endpoint(const sockaddr* address, socklen_t size) {
    if (size >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        std::array<std::byte, 4> bytes{};
        std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
        return Endpoint{Address::v4(bytes), ntohs(in.sin_port)};
    }
    if (size >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, address, sizeof in);
        std::array<std::byte, 16> bytes{};
        std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
        return Endpoint{Address::v6(bytes, in.sin6_scope_id), ntohs(in.sin6_port)};
    }
    return std::nullopt;
}

std::optional<Endpoint> local_endpoint(int socket) {
    SocketAddress address;
    address.size = sizeof address.storage;
    if (::getsockname(socket, address.get(), &address.size) != 0) return std::nullopt;
    return to_endpoint(address.get(), address.size);
}

}  // namespace tinc::io
