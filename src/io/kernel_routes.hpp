#pragma once

#include "tinc/base/local_addresses.hpp"

namespace tinc::io {

/// Asks the kernel's routing tables, by connecting a UDP socket, which sends nothing.
class KernelRoutes final : public LocalAddresses {
  public:
    [[nodiscard]] std::optional<Address> towards(const Address& remote) override;
    [[nodiscard]] std::optional<std::size_t> route_mtu(const Address& remote) override;
};

}  // namespace tinc::io
