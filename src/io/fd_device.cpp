#include "io/fd_device.hpp"

#include "tinc/base/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tinc::io {

namespace {

constexpr std::size_t ether_type_at = 12;
constexpr std::size_t version_at = ethernet_header_bytes;
/// How long the other end may take to hand the descriptor over.
constexpr timeval patience{.tv_sec = 10, .tv_usec = 0};

Result<Descriptor> adopt(int number) {
    if (::fcntl(number, F_GETFD) < 0)
        return system_failure(fmt::format("Could not open fd/{}", number));
    return Descriptor(number);
}

Result<Descriptor> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return failure(Errc::refused,
                       fmt::format("Unix socket path too long! Device = {}: at most {} characters",
                                   path, sizeof address.sun_path - 1));
    }
    path.copy(address.sun_path, path.size());
    if (path.starts_with('@')) address.sun_path[0] = '\0';
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (!socket ||
        ::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return system_failure(fmt::format("Could not connect to Unix socket {}", path));
    return socket;
}

/// One byte, and a descriptor with it.
Result<Descriptor> receive_from(const std::string& path) {
    TINC_TRY(const auto socket, connect_to(path));
    ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::byte byte{};
    iovec vector{&byte, 1};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const auto count = ::recvmsg(socket.number(), &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return system_failure(fmt::format("Could not read from Unix socket {}", path));
    const auto* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int))) {
        return failure(Errc::system,
                       fmt::format("Could not read from Unix socket {}: no descriptor came", path));
    }
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    return Descriptor(number);
}

}  // namespace

Result<void> FdDevice::open() {
    if (was_open_) {
        return failure(Errc::refused, fmt::format("{} was closed by its other end and cannot be "
                                                  "opened again; start tincd anew",
                                                  greeting()));
    }
    const auto& device = info().device;
    if (const auto number = parse_number<int>(device)) {
        TINC_TRY(descriptor_, adopt(*number));
    } else {
        log_.print(Level::always, Severity::info, "Receiving fd from Unix socket at {}.", device);
        TINC_TRY(descriptor_, receive_from(device));
    }
    ::fcntl(descriptor_.number(), F_SETFD, FD_CLOEXEC);
    const int flags = ::fcntl(descriptor_.number(), F_GETFL);
    if (flags < 0 || ::fcntl(descriptor_.number(), F_SETFL, flags | O_NONBLOCK) != 0)
        return system_failure(fmt::format("Could not open fd/{}", descriptor_.number()));
    was_open_ = true;
    return {};
}

std::string FdDevice::greeting() const {
    return fmt::format("fd/{} adapter set up.", descriptor_.number());
}

Device::Reading FdDevice::read(packet::Packet& frame) {
    const auto reading = read_frame(descriptor(), frame, ethernet_header_bytes);
    if (reading != Reading::frame) return reading;
    const auto bytes = frame.bytes();
    if (bytes.size() <= version_at) {
        errno = ENODATA;
        return Reading::gone;
    }
    std::ranges::fill(bytes.first(ether_type_at), std::byte{0});
    const auto version = std::to_integer<unsigned>(bytes[version_at] >> 4U);
    if (version != 4 && version != 6) {
        log_.print(Level::traffic, Severity::error,
                   "Unknown IP version while reading packet from fd/{}!", descriptor());
        // A frame of no known kind, which is dropped and counted like any other.
        bytes[ether_type_at] = bytes[ether_type_at + 1] = std::byte{0};
        return reading;
    }
    bytes[ether_type_at] = version == 4 ? std::byte{0x08} : std::byte{0x86};
    bytes[ether_type_at + 1] = version == 4 ? std::byte{0x00} : std::byte{0xdd};
    return reading;
}

bool FdDevice::write(packet::Packet& frame) {
    if (frame.size() <= ethernet_header_bytes) return true;
    return write_bytes(descriptor(), frame.bytes().subspan(ethernet_header_bytes));
}

}  // namespace tinc::io
