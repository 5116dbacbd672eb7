#pragma once

#include "io/device.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace tinc::io {

/// How to plug into a switch of Virtual Distributed Ethernet.
struct VdePlug {
    std::string device;     ///< the switch's folder or URL
    std::string interface;  ///< only a name for scripts
    int port = 0;           ///< of the switch; 0: any
    std::string group;      ///< who may use our socket; empty: as the switch says
};

/// A port of a VDE switch. Errc::refused in a build without libvdeplug.
[[nodiscard]] Result<std::unique_ptr<Device>> make_vde_device(const VdePlug& plug);

}  // namespace tinc::io
