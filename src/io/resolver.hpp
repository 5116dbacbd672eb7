#pragma once

#include "io/background.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/config/settings.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tinc::io {

enum class Purpose : std::uint8_t {
    connect,
    connect_numeric,  ///< without asking anybody: other names and ports are errors
    listen
};

/// Asks the system's resolver and waits for it. At most limits::addresses_per_name different
/// endpoints, in the resolver's order. `host` may be empty or "*" to listen on all addresses;
/// `port` is a number or a service name. Errors read "HOST port PORT: reason".
[[nodiscard]] Result<std::vector<Endpoint>> resolve_now(const std::string& host,
                                                        const std::string& port,
                                                        config::AddressFamily family,
                                                        Purpose purpose);

/// The same without waiting: two threads ask, the loop gets the answer. What is numeric already
/// does not queue behind names.
class Resolver {
  public:
    Resolver(asio::io_context& loop, config::AddressFamily family)
        : loop_(loop), background_(loop, 2), family_(family) {}

    void resolve(const std::string& host, const std::string& port,
                 const std::function<void(Result<std::vector<Endpoint>>)>& done);

  private:
    asio::io_context& loop_;
    Background background_;
    config::AddressFamily family_;
};

}  // namespace tinc::io
