#pragma once

#include "io/device.hpp"
#include "tinc/base/log.hpp"

#include <string>

namespace tinc::io {

/// A device that somebody else opened: bare IP packets on a descriptor that was handed over.
class FdDevice final : public Device {
  public:
    /// `device`: the number of a descriptor, or the path of a UNIX stream socket ("@NAME" outside
    /// the file system) where one is handed over. `interface` is only a name for scripts.
    FdDevice(std::string device, std::string interface, LogSink& log)
        : Device({"fd adapter", std::move(device)}, std::move(interface)), log_(log) {}

    /// Can be called once.
    [[nodiscard]] Result<void> open() override;
    void close() override { descriptor_.close(); }
    [[nodiscard]] int descriptor() const override { return descriptor_.number(); }
    [[nodiscard]] Reading read(packet::Packet& frame) override;
    bool write(packet::Packet& frame) override;
    [[nodiscard]] std::string greeting() const override;

  private:
    LogSink& log_;
    Descriptor descriptor_;
    bool was_open_ = false;
};

}  // namespace tinc::io
