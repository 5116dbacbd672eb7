#include "io/device.hpp"

#include "tinc/base/limits.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace tinc::io {

namespace {

constexpr std::size_t ethernet_header_bytes = 14;
/// Where tun's packet information (flags, EtherType) lies in a frame.
constexpr std::size_t information_at = 10;

Result<Device::Kind> kind_of(const config::Settings& settings) {
    const auto& type = settings.device_type;
    if (type == "tun") return Device::Kind::tun;
    if (type == "tap") return Device::Kind::tap;
    if (type == "dummy") return Device::Kind::dummy;
    if (type.empty()) {
        return settings.mode == config::RoutingMode::router ? Device::Kind::tun : Device::Kind::tap;
    }
    constexpr std::array<std::string_view, 4> others{"raw_socket", "multicast", "uml", "vde"};
    if (std::ranges::find(others, type) != others.end()) {
        return failure(Errc::refused,
                       fmt::format("Device type {} is not supported; use tun, tap or dummy", type));
    }
    return failure(Errc::refused, fmt::format("Unknown device type {}!", type));
}

}  // namespace

Result<Device> Device::choose(const config::Settings& settings, std::string_view netname) {
    TINC_TRY(const auto kind, kind_of(settings));
    if (kind == Kind::dummy) return Device(kind, "dummy", "dummy");
    auto device = settings.device.empty() ? std::string("/dev/net/tun") : settings.device;
    auto interface = settings.interface.empty() ? std::string(netname) : settings.interface;
    if (interface.size() >= IFNAMSIZ) {
        // A netname may be longer than an interface name; tinc cuts it, too.
        interface.resize(IFNAMSIZ - 1);
    }
    Device out(kind, std::move(device), std::move(interface));
    out.has_one_queue_ = settings.iff_one_queue;
    return out;
}

Result<void> Device::open() {
    if (kind_ == Kind::dummy) return {};
    descriptor_.close();
    Descriptor opened(::open(device_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!opened) {
        const bool is_missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;
        auto text = fmt::format("Could not open {}: {}", device_, reason_text(errno));
        if (is_missing)
            text += ". Is the tun module loaded? Try: modprobe tun";
        else if (errno == EACCES || errno == EPERM)
            text += ". Run tincd as root or with CAP_NET_ADMIN";
        return failure(Errc::system, std::move(text));
    }
    TINC_CHECK(attach(opened.number()));
    descriptor_ = std::move(opened);
    return {};
}

Result<void> Device::attach(int descriptor) {
    ifreq request{};
    int flags = kind_ == Kind::tun ? IFF_TUN : IFF_TAP | IFF_NO_PI;
    if (has_one_queue_) flags |= IFF_ONE_QUEUE;
    request.ifr_flags = static_cast<short>(flags);
    interface_.copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        const int code = errno;
        auto text = fmt::format("Error while trying to configure {} as interface {}: {}", device_,
                                interface_.empty() ? "(any)" : interface_, reason_text(code));
        if (code == EPERM) text += ". Run tincd as root or with CAP_NET_ADMIN";
        if (code == EBUSY) text += ". Another program uses this interface";
        return failure(Errc::system, std::move(text));
    }
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    interface_ = request.ifr_name;
    if (kind_ == Kind::tap && ::ioctl(descriptor, SIOCGIFHWADDR, &request) == 0)
        std::memcpy(own_mac_.data(), request.ifr_hwaddr.sa_data, own_mac_.size());
    return {};
}

node::DeviceInfo Device::info() const {
    switch (kind_) {
        case Kind::tun:
            return {"Linux tun/tap device (tun mode)", device_};
        case Kind::tap:
            return {"Linux tun/tap device (tap mode)", device_};
        case Kind::dummy:
            break;
    }
    return {"dummy device", device_};
}

Device::Reading Device::read(packet::Packet& frame) {
    if (kind_ == Kind::dummy) return Reading::nothing;
    const std::size_t offset = kind_ == Kind::tun ? information_at : 0;
    for (;;) {
        // One byte more than a frame may have shows which ones are too long.
        const auto space = frame.space().first(limits::frame_bytes + 1).subspan(offset);
        const auto count = ::read(descriptor_.number(), space.data(), space.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? Reading::nothing : Reading::failed;
        const auto size = offset + static_cast<std::size_t>(count);
        if (size > limits::frame_bytes) continue;
        frame.resize(size);
        if (kind_ == Kind::tun)
            std::ranges::fill(frame.bytes().first(std::min<std::size_t>(size, 12)), std::byte{0});
        return Reading::frame;
    }
}

bool Device::write(packet::Packet& frame) {
    if (kind_ == Kind::dummy || frame.size() < ethernet_header_bytes) return true;
    auto bytes = frame.bytes();
    if (kind_ == Kind::tun) {
        bytes = bytes.subspan(information_at);
        bytes[0] = bytes[1] = std::byte{0};
    } else {
        // A router's frames are for its own interface, whatever MAC address they travelled with.
        std::ranges::copy(own_mac_, bytes.begin());
    }
    for (;;) {
        if (::write(descriptor_.number(), bytes.data(), bytes.size()) >= 0) return true;
        if (errno != EINTR) return false;
    }
}

}  // namespace tinc::io
