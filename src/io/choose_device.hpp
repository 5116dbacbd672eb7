#pragma once

#include "io/device.hpp"
#include "io/kernel_device.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/settings.hpp"

#include <memory>
#include <string_view>

namespace tinc::io {

/// The device of DeviceType, Mode, Device and Interface, not yet open. `log` outlives it.
/// Errc::refused if there is no such type or it does not go with the mode. Not every kind can have
/// several `queues`.
[[nodiscard]] Result<std::unique_ptr<Device>> choose_device(const config::Settings& settings,
                                                            std::string_view netname, Queues queues,
                                                            LogSink& log);

/// Opens it. The error tells where what it is made of is written.
[[nodiscard]] Result<void> open_device(Device& device, const config::Settings& settings);

}  // namespace tinc::io
