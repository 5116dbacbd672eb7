#pragma once

#include "io/asio.hpp"
#include "io/background.hpp"
#include "io/upnp_gateway.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/settings.hpp"

#include <chrono>
#include <span>
#include <string>

namespace tinc::io {

/// What UPnP, UPnPDiscoverWait and UPnPRefreshPeriod ask of a router for sockets that listen there.
/// IPv6 addresses and this machine's own need no forwarding.
[[nodiscard]] ForwardingRequest forwarding_request(const config::Settings& settings,
                                                   std::span<const Endpoint> listening);

/// Asks the local router to forward our ports, on a thread of its own and as long as it lives, as
/// routers forget. The log hears of what has changed since the last time.
class PortForwarder {
  public:
    using Ask = Result<std::string> (*)(const ForwardingRequest& request);

    /// `loop` and `log` outlive this object.
    PortForwarder(asio::io_context& loop, LogSink& log, Ask ask = forward_ports)
        : background_(loop, 1), timer_(loop), log_(log), ask_(ask) {}

    /// Asks at once, and again after each `pause`. Once only.
    void start(ForwardingRequest request, std::chrono::milliseconds pause);

  private:
    void ask_once();
    void tell(const Result<std::string>& outcome);
    void wait();

    Background background_;
    asio::steady_timer timer_;
    LogSink& log_;
    Ask ask_;
    ForwardingRequest request_;
    std::chrono::milliseconds pause_{};
    std::string told_;
};

}  // namespace tinc::io
