#pragma once

#include "io/descriptor.hpp"
#include "tinc/base/error.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/node/node.hpp"
#include "tinc/packet/packet.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinc::io {

/// The virtual network device. Frames always carry an Ethernet header: those of a tun device get
/// one made of zeros and the EtherType, by laying tun's 4 bytes of packet information over its end:
///
///     frame      0 ........ 9 | 10 11 | 12 13     | 14 ...
///     tun reads               | flags | EtherType | IP packet
///
class Device {
  public:
    enum class Kind : std::uint8_t { tun, tap, dummy };

    /// By DeviceType, Mode, Device and Interface, without opening anything. Errc::refused for an
    /// unknown type.
    [[nodiscard]] static Result<Device> choose(const config::Settings& settings,
                                               std::string_view netname);

    /// Opens it, or opens it anew after the kernel took it away. The error says what to do.
    [[nodiscard]] Result<void> open();
    void close() { descriptor_.close(); }

    [[nodiscard]] node::DeviceInfo info() const;
    /// The name the kernel gave; as configured before open().
    [[nodiscard]] const std::string& interface() const { return interface_; }
    /// -1 if there is nothing to wait for.
    [[nodiscard]] int descriptor() const { return descriptor_.number(); }

    enum class Reading : std::uint8_t { frame, nothing, failed };
    /// Reads one frame into an empty packet; `failed` leaves errno. Frames that were cut because
    /// they exceed limits::frame_bytes are skipped.
    [[nodiscard]] Reading read(packet::Packet& frame);
    /// False if the kernel did not take it (the interface is down).
    bool write(packet::Packet& frame);

  private:
    Device(Kind kind, std::string device, std::string interface)
        : kind_(kind), device_(std::move(device)), interface_(std::move(interface)) {}
    [[nodiscard]] Result<void> attach(int descriptor);

    Kind kind_;
    std::string device_;
    std::string interface_;
    std::array<std::byte, 6> own_mac_ = {std::byte{0xfe}, std::byte{0xfd}};  ///< of a tap
    bool has_one_queue_ = false;
    Descriptor descriptor_;
};

}  // namespace tinc::io
