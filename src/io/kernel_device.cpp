#include "io/kernel_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstring>

namespace tinc::io {

namespace {

/// Where tun's packet information (flags, EtherType) lies in a frame.
constexpr std::size_t information_at = 10;
constexpr std::size_t ether_type_at = 12;

}  // namespace

Result<void> KernelDevice::open() {
    descriptor_.close();
    const auto& path = info().device;
    Descriptor opened(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!opened) {
        const bool is_missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;
        auto text = fmt::format("Could not open {}: {}", path, reason_text(errno));
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

Result<void> KernelDevice::attach(int descriptor) {
    ifreq request{};
    const int one_queue = queue_ == QueueFlag::one_queue ? IFF_ONE_QUEUE : 0;
    request.ifr_flags = static_cast<short>(flags() | one_queue);
    interface().copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        const int code = errno;
        auto text =
            fmt::format("Error while trying to configure {} as interface {}: {}", info().device,
                        interface().empty() ? "(any)" : interface(), reason_text(code));
        if (code == EPERM) text += ". Run tincd as root or with CAP_NET_ADMIN";
        if (code == EBUSY) text += ". Another program uses this interface";
        return failure(Errc::system, std::move(text));
    }
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    set_interface(request.ifr_name);
    attached(descriptor);
    return {};
}

int TunDevice::flags() const { return IFF_TUN; }

Device::Reading TunDevice::read(packet::Packet& frame) {
    const auto reading = read_frame(descriptor(), frame, information_at);
    if (reading == Reading::frame) {
        const auto size = std::min(frame.size(), ether_type_at);
        std::ranges::fill(frame.bytes().first(size), std::byte{0});
    }
    return reading;
}

bool TunDevice::write(packet::Packet& frame) {
    if (frame.size() < ethernet_header_bytes) return true;
    const auto bytes = frame.bytes().subspan(information_at);
    bytes[0] = bytes[1] = std::byte{0};
    return write_bytes(descriptor(), bytes);
}

int TapDevice::flags() const { return IFF_TAP | IFF_NO_PI; }

void TapDevice::attached(int descriptor) {
    ifreq request{};
    if (::ioctl(descriptor, SIOCGIFHWADDR, &request) == 0)
        std::memcpy(own_mac_.data(), request.ifr_hwaddr.sa_data, own_mac_.size());
}

bool TapDevice::write(packet::Packet& frame) {
    if (frame.size() < ethernet_header_bytes) return true;
    const auto bytes = frame.bytes();
    if (receiver_ == Receiver::own_interface) std::ranges::copy(own_mac_, bytes.begin());
    return write_bytes(descriptor(), bytes);
}

}  // namespace tinc::io
