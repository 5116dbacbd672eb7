#include "io/vde_device.hpp"

#ifdef TINC_HAS_VDE

#include "io/readiness.hpp"
#include "tinc/base/limits.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/types.h>

extern "C" {
#include <libvdeplug.h>
}

#endif

namespace tinc::io {

#ifdef TINC_HAS_VDE

namespace {

struct CloseVde {
    void operator()(VDECONN* connection) const { ::vde_close(connection); }
};

class VdeDevice final : public Device {
  public:
    explicit VdeDevice(VdePlug plug)
        : Device({"VDE socket", plug.device}, plug.interface), plug_(std::move(plug)) {}

    [[nodiscard]] Result<void> open() override;
    void close() override { connection_.reset(); }
    [[nodiscard]] int descriptor() const override { return connection_ ? ready_.descriptor() : -1; }
    [[nodiscard]] Reading read(packet::Packet& frame) override;
    bool write(packet::Packet& frame) override;

  private:
    [[nodiscard]] bool is_unplugged() const;

    VdePlug plug_;
    Readiness ready_;
    std::unique_ptr<VDECONN, CloseVde> connection_;
};

Result<void> VdeDevice::open() {
    std::string description = "tincd";
    auto device = plug_.device;
    vde_open_args arguments{plug_.port, plug_.group.empty() ? nullptr : plug_.group.data(), 0700};
    connection_.reset(vde_open(device.data(), description.data(), &arguments));
    if (!connection_) {
        return system_failure(fmt::format(
            "Could not connect to the VDE switch {} (is it running, and is Device its folder?)",
            plug_.device));
    }
    const int data = ::vde_datafd(connection_.get());
    const int control = ::vde_ctlfd(connection_.get());
    ::fcntl(data, F_SETFL, ::fcntl(data, F_GETFL) | O_NONBLOCK);
    if (!ready_.add(data) || (control >= 0 && control != data && !ready_.add(control)))
        return system_failure(fmt::format("Could not wait for frames of {}", plug_.device));
    return {};
}

Device::Reading VdeDevice::read(packet::Packet& frame) {
    const auto space = frame.space().first(limits::frame_bytes + 1);
    const auto count = ::vde_recv(connection_.get(), space.data(), space.size(), MSG_DONTWAIT);
    // An error here may be an empty socket or an unplugged one; the control socket knows.
    if (count > 0 && static_cast<std::size_t>(count) <= limits::frame_bytes) {
        frame.resize(static_cast<std::size_t>(count));
        return Reading::frame;
    }
    if (!is_unplugged()) return Reading::nothing;
    errno = ENOTCONN;
    return Reading::gone;
}

bool VdeDevice::is_unplugged() const {
    const int control = ::vde_ctlfd(connection_.get());
    std::byte byte{};
    return control >= 0 && ::recv(control, &byte, 1, MSG_DONTWAIT) == 0;
}

bool VdeDevice::write(packet::Packet& frame) {
    const auto bytes = frame.bytes();
    errno = ENOTCONN;
    return connection_ &&
           ::vde_send(connection_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) >= 0;
}

}  // namespace

Result<std::unique_ptr<Device>> make_vde_device(const VdePlug& plug) {
    return std::make_unique<VdeDevice>(plug);
}

#else

Result<std::unique_ptr<Device>> make_vde_device(const VdePlug& /*plug*/) {
    return failure(Errc::refused,
                   "DeviceType = vde: this tincd was built without libvdeplug. Build it where that "
                   "is installed (Debian: libvdeplug-dev)");
}

#endif

}  // namespace tinc::io
