#include "io/uml_device.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <utility>

namespace tinc::io {

namespace {

constexpr std::uint32_t request_magic = 0xfeedface;
constexpr std::uint32_t request_version = 3;
constexpr std::uint32_t request_new_control = 0;

/// What UML's kernel sends, in the machine's own order.
struct Request {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t type;
    sockaddr_un data;
};

const sockaddr* as_address(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// UML gives and takes the whole structure, zeros at its end included.
constexpr socklen_t whole = sizeof(sockaddr_un);

/// A name outside the file system that nobody else has.
sockaddr_un unused_name() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    constexpr std::size_t random_bytes = 8;
    [[maybe_unused]] const auto got = ::getrandom(address.sun_path + 1, random_bytes, 0);
    return address;
}

Result<sockaddr_un> path_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return failure(Errc::refused,
                       fmt::format("Device = {}: the path of a socket has at most {} "
                                   "characters",
                                   path, sizeof address.sun_path - 1));
    }
    path.copy(address.sun_path, path.size());
    return address;
}

}  // namespace

Result<void> UmlDevice::open() {
    const auto& path = info().device;
    TINC_TRY(const auto address, path_address(path));
    TINC_CHECK(remove_stale_socket());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_failure("Creating socket failed");
    if (::bind(socket.number(), as_address(address), whole) != 0)
        return system_failure(fmt::format("Could not bind {} to {}", info().description, path));
    auto folder = std::filesystem::path(path).parent_path();
    if (folder.empty()) folder = ".";
    folder_ = Descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (::listen(socket.number(), 1) != 0 || !ready_.add(socket.number()))
        return system_failure(fmt::format("Could not listen on {}", path));
    listening_ = std::move(socket);
    return {};
}

Result<void> UmlDevice::remove_stale_socket() const {
    const auto& path = info().device;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return {};
    TINC_TRY(const auto address, path_address(path));
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool is_stale =
        ::connect(probe.number(), as_address(address), whole) != 0 && errno == ECONNREFUSED;
    if (is_stale && ::unlink(path.c_str()) == 0) return {};
    return failure(Errc::system, fmt::format("Could not bind {} to {}: another program listens "
                                             "there. Stop it, or set Device to another path",
                                             info().description, path));
}

void UmlDevice::close() {
    if (listening_) {
        const auto name = std::filesystem::path(info().device).filename();
        ::unlinkat(folder_.number(), name.c_str(), 0);
    }
    for (auto* descriptor : {&listening_, &control_, &data_, &folder_}) descriptor->close();
    state_ = State::listening;
}

Device::Reading UmlDevice::read(packet::Packet& frame) {
    if (state_ == State::connected) {
        const auto reading = read_frame(data_.number(), frame, 0);
        if (reading == Reading::frame) {
            learn_mac(frame.bytes());
            return reading;
        }
        watch_for_end();
        return Reading::nothing;
    }
    if (state_ == State::listening) accept_uml();
    if (state_ == State::requesting) read_request();
    return Reading::nothing;
}

void UmlDevice::accept_uml() {
    Descriptor accepted(
        ::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted || !ready_.add(accepted.number())) return;
    ready_.remove(listening_.number());
    control_ = std::move(accepted);
    request_used_ = 0;
    state_ = State::requesting;
}

void UmlDevice::read_request() {
    const auto space = std::span(request_).subspan(request_used_);
    const auto count = ::recv(control_.number(), space.data(), space.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) return listen_anew();
    request_used_ += static_cast<std::size_t>(count);
    if (request_used_ < request_bytes) return;
    if (const auto answered = answer_request(); !answered) {
        log_.print(Level::always, Severity::error, "{}", answered.error().what);
        return listen_anew();
    }
    state_ = State::connected;
    log_.print(Level::always, Severity::info, "Connection with UML established");
}

Result<void> UmlDevice::answer_request() {
    Request request{};
    static_assert(sizeof request == request_bytes);
    std::memcpy(&request, request_.data(), sizeof request);
    if (request.magic != request_magic || request.version != request_version ||
        request.type != request_new_control || request.data.sun_family != AF_UNIX) {
        return failure(
            Errc::malformed,
            fmt::format("Unknown magic {:x}, request type {} or version {} on {} {}", request.magic,
                        request.type, request.version, info().description, info().device));
    }
    Descriptor data(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto own = unused_name();
    if (!data || ::bind(data.number(), as_address(own), whole) != 0)
        return system_failure("Could not make the data socket for UML");
    if (::connect(data.number(), as_address(request.data), whole) != 0)
        return system_failure("Could not connect to the data socket of UML");
    if (::send(control_.number(), &own, sizeof own, MSG_NOSIGNAL) != sizeof own ||
        !ready_.add(data.number()))
        return system_failure("Could not answer UML");
    data_ = std::move(data);
    return {};
}

/// UML says nothing more on the stream, but ends it.
void UmlDevice::watch_for_end() {
    std::array<std::byte, request_bytes> ignored;
    const auto count = ::recv(control_.number(), ignored.data(), ignored.size(), 0);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) return;
    log_.print(Level::always, Severity::info, "Connection with UML closed");
    listen_anew();
}

void UmlDevice::listen_anew() {
    control_.close();
    data_.close();
    state_ = State::listening;
    if (!ready_.add(listening_.number())) {
        log_.print(Level::always, Severity::error, "Could not listen on {} again: {}",
                   info().device, reason_text(errno));
    }
}

void UmlDevice::learn_mac(Bytes frame) {
    if (frame.size() >= ethernet_header_bytes)
        std::ranges::copy(frame.subspan(mac_bytes, mac_bytes), uml_mac_.begin());
}

bool UmlDevice::write(packet::Packet& frame) {
    if (frame.size() < ethernet_header_bytes) return true;
    if (state_ != State::connected) {
        errno = ENOTCONN;
        return false;
    }
    if (receiver_ == Receiver::own_interface) std::ranges::copy(uml_mac_, frame.bytes().begin());
    return write_bytes(data_.number(), frame.bytes());
}

}  // namespace tinc::io
