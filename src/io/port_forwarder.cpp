#include "io/port_forwarder.hpp"

#include "io/descriptor.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tinc::io {

ForwardingRequest forwarding_request(const config::Settings& settings,
                                     std::span<const Endpoint> listening) {
    ForwardingRequest request{.ports = {},
                              .discover_wait = settings.upnp_discover_wait,
                              .lease = 2 * settings.upnp_refresh_period};
    const auto add = [&](const ForwardedPort& wanted) {
        if (std::ranges::find(request.ports, wanted) == request.ports.end())
            request.ports.push_back(wanted);
    };
    for (const auto& local : listening) {
        if (local.address.family() != Family::ipv4 || local.address.is_loopback()) continue;
        if (settings.upnp == config::PortForwarding::yes) add({.port = local.port, .is_tcp = true});
        if (settings.upnp != config::PortForwarding::no) add({.port = local.port, .is_tcp = false});
    }
    return request;
}

void PortForwarder::start(ForwardingRequest request, std::chrono::milliseconds pause) {
    request_ = std::move(request);
    pause_ = pause;
    ask_once();
}

void PortForwarder::ask_once() {
    auto work = [this, ask = ask_, request = request_]() -> Background::Answer {
        // `this` is for the answer alone, which the loop drops once we are gone.
        return [this, outcome = ask(request)] {
            tell(outcome);
            wait();
        };
    };
    const auto failed = [this] {
        tell(failure(Errc::system, "UPnP: " + reason_text(ENOMEM)));
        wait();
    };
    if (!background_.run(std::move(work), failed)) failed();
}

void PortForwarder::tell(const Result<std::string>& outcome) {
    const auto& words = outcome ? *outcome : outcome.error().what;
    if (std::exchange(told_, words) == words) return;
    log_.print(outcome ? Level::connections : Level::always,
               outcome ? Severity::info : Severity::warning, "{}", words);
}

void PortForwarder::wait() {
    timer_.expires_after(pause_);
    timer_.async_wait([this](const error_code& ec) {
        if (!ec) ask_once();
    });
}

}  // namespace tinc::io
