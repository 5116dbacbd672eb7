#pragma once

#include "io/device.hpp"

namespace tinc::io {

/// No device at all, for nodes that only relay: nothing comes from it, everything is taken.
class DummyDevice final : public Device {
  public:
    DummyDevice() : Device({"dummy device", "dummy"}, "dummy") {}

    [[nodiscard]] Result<void> open() override { return {}; }
    void close() override {}
    [[nodiscard]] int descriptor() const override { return -1; }
    [[nodiscard]] Reading read(packet::Packet& /*frame*/) override { return Reading::nothing; }
    bool write(packet::Packet& /*frame*/) override { return true; }
    [[nodiscard]] std::string greeting() const override {
        return "dummy (dummy) is a dummy device";
    }
};

}  // namespace tinc::io
