#pragma once

#include "tinc/base/endpoint.hpp"

#include <cstddef>
#include <optional>

namespace tinc {

/// Where we are on the network, as others there see it. The daemon hands in the kernel's routes.
class LocalAddresses {
  public:
    LocalAddresses() = default;
    LocalAddresses(const LocalAddresses&) = delete;
    LocalAddresses& operator=(const LocalAddresses&) = delete;
    virtual ~LocalAddresses() = default;

    /// The source address of packets of this machine to `remote`; nothing if none could be sent.
    /// Answers at once.
    [[nodiscard]] virtual std::optional<Address> towards(const Address& remote) = 0;
    /// The largest IP packet that the way to `remote` takes, as far as this machine knows; at least
    /// that is what the first link takes. Answers at once.
    [[nodiscard]] virtual std::optional<std::size_t> route_mtu(const Address& remote) = 0;
};

}  // namespace tinc
