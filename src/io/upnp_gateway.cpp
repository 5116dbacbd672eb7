#include "io/upnp_gateway.hpp"

#ifdef TINC_HAS_UPNP

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <memory>

extern "C" {
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnperrors.h>
}

#endif

namespace tinc::io {

#ifdef TINC_HAS_UPNP

namespace {

struct FreeDevices {
    void operator()(UPNPDev* devices) const { ::freeUPNPDevlist(devices); }
};
struct FreeUrls {
    void operator()(UPNPUrls* urls) const { ::FreeUPNPUrls(urls); }
};

std::string reason_of(int code) {
    const auto* words = ::strupnperror(code);
    return words != nullptr ? words : fmt::format("error {}", code);
}

/// A router, and our address as it sees us.
class Gateway {
  public:
    [[nodiscard]] bool find(UPNPDev* devices) {
#if MINIUPNPC_API_VERSION >= 18
        std::array<char, 64> outer{};
        const int found = ::UPNP_GetValidIGD(devices, &urls_, &data_, own_address_.data(),
                                             static_cast<int>(own_address_.size()), outer.data(),
                                             static_cast<int>(outer.size()));
        constexpr int last_that_is_a_router = 3;
#else
        const int found = ::UPNP_GetValidIGD(devices, &urls_, &data_, own_address_.data(),
                                             static_cast<int>(own_address_.size()));
        constexpr int last_that_is_a_router = 2;
#endif
        if (found > 0) owner_.reset(&urls_);
        return found > 0 && found <= last_that_is_a_router;
    }

    /// 0, or why not.
    [[nodiscard]] int forward(const ForwardedPort& wanted, std::chrono::seconds lease) const {
        const auto port = std::to_string(wanted.port);
        const auto seconds = std::to_string(lease.count());
        return ::UPNP_AddPortMapping(urls_.controlURL, data_.first.servicetype, port.c_str(),
                                     port.c_str(), own_address_.data(), "tinc",
                                     wanted.is_tcp ? "TCP" : "UDP", nullptr, seconds.c_str());
    }

    [[nodiscard]] std::string own_address() const { return own_address_.data(); }

  private:
    UPNPUrls urls_{};
    IGDdatas data_{};
    std::array<char, 64> own_address_{};
    std::unique_ptr<UPNPUrls, FreeUrls> owner_;  ///< of what urls_ points to
};

std::string name_of(const ForwardedPort& wanted) {
    return fmt::format("{}/{}", wanted.port, wanted.is_tcp ? "tcp" : "udp");
}

}  // namespace

bool speaks_upnp() { return true; }

Result<std::string> forward_ports(const ForwardingRequest& request) {
    constexpr unsigned char hops = 2;
    int error = 0;
    const std::unique_ptr<UPNPDev, FreeDevices> devices(
        ::upnpDiscover(static_cast<int>(request.discover_wait.count()), nullptr, nullptr,
                       UPNP_LOCAL_PORT_ANY, 0, hops, &error));
    Gateway gateway;
    if (!devices || !gateway.find(devices.get()))
        return failure(Errc::timed_out, "UPnP: no router on the local network has answered");
    std::vector<std::string> granted;
    std::vector<std::string> refused;
    for (const auto& wanted : request.ports) {
        const int code = gateway.forward(wanted, request.lease);
        if (code == UPNPCOMMAND_SUCCESS)
            granted.push_back(name_of(wanted));
        else
            refused.push_back(fmt::format("{} ({})", name_of(wanted), reason_of(code)));
    }
    if (!refused.empty())
        return failure(Errc::refused, fmt::format("UPnP: the router does not forward {}",
                                                  fmt::join(refused, ", ")));
    return fmt::format("UPnP: the router forwards {} to {}", fmt::join(granted, ", "),
                       gateway.own_address());
}

#else

bool speaks_upnp() { return false; }

Result<std::string> forward_ports(const ForwardingRequest& /*request*/) {
    return failure(Errc::refused, "UPnP: there was no library for it at build");
}

#endif

}  // namespace tinc::io
