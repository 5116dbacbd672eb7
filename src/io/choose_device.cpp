#include "io/choose_device.hpp"

#include "io/dummy_device.hpp"
#include "io/fd_device.hpp"
#include "io/kernel_device.hpp"
#include "io/multicast_device.hpp"
#include "io/raw_socket_device.hpp"
#include "io/uml_device.hpp"
#include "io/vde_device.hpp"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace tinc::io {

namespace {

using config::Settings;
using Made = Result<std::unique_ptr<Device>>;

/// What one kind of device is made of.
struct Choice {
    const Settings& settings;
    std::string_view netname;
    Queues queues;
    LogSink& log;
};

std::string or_else(const std::string& given, std::string_view fallback) {
    return given.empty() ? std::string(fallback) : given;
}

/// A netname may be longer than an interface name; tinc cuts it, too.
std::string kernel_interface(const Choice& choice) {
    return or_else(choice.settings.interface, choice.netname).substr(0, IFNAMSIZ - 1);
}

std::string kernel_file(const Choice& choice) {
    return or_else(choice.settings.device, "/dev/net/tun");
}

QueueFlag queue_flag(const Choice& choice) {
    return choice.settings.iff_one_queue ? QueueFlag::one_queue : QueueFlag::usual;
}

Made make_tun(const Choice& choice) {
    return std::make_unique<TunDevice>(
        kernel_file(choice), kernel_interface(choice), queue_flag(choice), choice.queues,
        choice.settings.device_offload ? DeviceOffload::on : DeviceOffload::off, choice.log);
}

Receiver receiver(const Choice& choice) {
    return choice.settings.mode == config::RoutingMode::router ? Receiver::own_interface
                                                               : Receiver::as_sent;
}

Made make_tap(const Choice& choice) {
    return std::make_unique<TapDevice>(kernel_file(choice), kernel_interface(choice),
                                       queue_flag(choice), choice.queues, receiver(choice));
}

Made make_dummy(const Choice& /*choice*/) { return std::make_unique<DummyDevice>(); }

Made make_raw_socket(const Choice& choice) {
    return std::make_unique<RawSocketDevice>(choice.settings.device,
                                             or_else(choice.settings.interface, "eth0"));
}

Made make_multicast(const Choice& choice) {
    return std::make_unique<MulticastDevice>(choice.settings.device, choice.settings.interface,
                                             choice.log);
}

Made make_uml(const Choice& choice) {
    const auto path = choice.netname.empty()
                          ? std::string("/run/tinc.umlsocket")
                          : fmt::format("/run/tinc.{}.umlsocket", choice.netname);
    return std::make_unique<UmlDevice>(or_else(choice.settings.device, path),
                                       choice.settings.interface, receiver(choice), choice.log);
}

Made make_vde(const Choice& choice) {
    const auto& settings = choice.settings;
    return make_vde_device({or_else(settings.device, "/run/vde.ctl"), settings.interface,
                            settings.vde_port, settings.vde_group});
}

Made make_fd(const Choice& choice) {
    return std::make_unique<FdDevice>(choice.settings.device, choice.settings.interface,
                                      choice.log);
}

struct Kind {
    std::string_view name;
    Made (*make)(const Choice& choice);
};
constexpr auto kinds = std::to_array<Kind>({
    {"tun", make_tun},
    {"tap", make_tap},
    {"dummy", make_dummy},
    {"raw_socket", make_raw_socket},
    {"multicast", make_multicast},
    {"uml", make_uml},
    {"vde", make_vde},
    {"fd", make_fd},
});

/// The error, and where what the device is made of is written.
std::unexpected<Error> explained(Error error, const Settings& settings) {
    for (const auto* variable : {"DeviceType", "Device", "Interface", "VDEPort", "VDEGroup"})
        error.what += settings.places.of(variable);
    return std::unexpected(std::move(error));
}

}  // namespace

Result<std::unique_ptr<Device>> choose_device(const Settings& settings, std::string_view netname,
                                              Queues queues, LogSink& log) {
    const auto by_mode = settings.mode == config::RoutingMode::router ? "tun" : "tap";
    const auto type = or_else(settings.device_type, by_mode);
    const auto kind = std::ranges::find(kinds, type, &Kind::name);
    if (kind == kinds.end())
        return failure(Errc::refused, fmt::format("Unknown device type {}!", type));
    auto device = kind->make({settings, netname, queues, log});
    if (!device) return explained(std::move(device.error()), settings);
    return device;
}

Result<void> open_device(Device& device, const Settings& settings) {
    auto opened = device.open();
    if (!opened) return explained(std::move(opened.error()), settings);
    return {};
}

}  // namespace tinc::io
