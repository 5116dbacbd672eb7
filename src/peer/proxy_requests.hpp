#pragma once

// The messages to a proxy, as tinc 1.0.36 sends them. Golden bytes: proxy_requests.json.

#include "tinc/base/endpoint.hpp"
#include "tinc/config/settings.hpp"

#include <deque>
#include <string>

namespace tinc::peer {

/// SOCKS5 is asked to log in only with both.
[[nodiscard]] inline bool has_login(const config::ProxySettings& proxy) {
    return !proxy.user.empty() && !proxy.password.empty();
}

/// In order; none for exec. SOCKS4 gets no IPv6 address and no name.
[[nodiscard]] std::deque<std::string> proxy_messages(const config::ProxySettings& proxy,
                                                     const Destination& destination);

}  // namespace tinc::peer
