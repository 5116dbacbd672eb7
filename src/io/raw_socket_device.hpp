#pragma once

#include "io/device.hpp"

#include <string>

namespace tinc::io {

/// All frames of a network interface that exists: those that others send to it and those that this
/// machine sends by it. What is written leaves by it and is not read again.
class RawSocketDevice final : public Device {
  public:
    /// `device` is only a name for the log; empty: `interface`.
    RawSocketDevice(const std::string& device, const std::string& interface)
        : Device({"raw_socket", device.empty() ? interface : device}, interface) {}

    [[nodiscard]] Result<void> open() override;
    void close() override { socket_.close(); }
    [[nodiscard]] int descriptor() const override { return socket_.number(); }
    /// An interface that is down reads as failed, one that was removed as gone.
    [[nodiscard]] Reading read(packet::Packet& frame) override;
    bool write(packet::Packet& frame) override;

  private:
    Descriptor socket_;
    unsigned index_ = 0;  ///< of the interface
};

}  // namespace tinc::io
