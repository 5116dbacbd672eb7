#include "io/raw_socket_device.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

namespace tinc::io {

Result<void> RawSocketDevice::open() {
    const auto protocol = htons(ETH_P_ALL);
    // Bound before it hears anything: with a protocol it would begin with all interfaces.
    Descriptor socket(::socket(PF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) {
        auto text = fmt::format("Could not open {}: {}", info().description, reason_text(errno));
        if (errno == EPERM) text += ". Run tincd as root or with CAP_NET_RAW";
        return failure(Errc::system, std::move(text));
    }
    index_ = ::if_nametoindex(interface().c_str());
    if (index_ == 0) {
        return failure(Errc::system,
                       fmt::format("Can't find interface {}: {}. Set Interface to one "
                                   "that `ip link' lists",
                                   interface(), reason_text(errno)));
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = protocol;
    address.sll_ifindex = static_cast<int>(index_);
    if (::bind(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return system_failure(fmt::format("Could not bind {} to {}", info().device, interface()));
    socket_ = std::move(socket);
    return {};
}

Device::Reading RawSocketDevice::read(packet::Packet& frame) {
    const auto reading = read_frame(descriptor(), frame, 0);
    if (reading != Reading::failed) return reading;
    const int code = errno;
    const bool is_there = ::if_nametoindex(interface().c_str()) == index_;
    errno = code;
    return is_there ? Reading::failed : Reading::gone;
}

bool RawSocketDevice::write(packet::Packet& frame) {
    return write_bytes(descriptor(), frame.bytes());
}

}  // namespace tinc::io
