#pragma once

#include "tinc/base/endpoint.hpp"

#include <sys/socket.h>

#include <optional>

namespace tinc::io {

/// A sockaddr of either family with its length.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

[[nodiscard]] SocketAddress to_socket_address(const Endpoint& endpoint);

/// Nothing for families other than IPv4 and IPv6. `address` holds at least `size` bytes.
[[nodiscard]] std::optional<Endpoint> to_endpoint(const sockaddr* address, socklen_t size);

/// The local address of a socket.
[[nodiscard]] std::optional<Endpoint> local_endpoint(int socket);

}  // namespace tinc::io
