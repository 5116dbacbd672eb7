#pragma once

#include "io/device.hpp"
#include "io/socket_address.hpp"
#include "io/written_sources.hpp"
#include "tinc/base/log.hpp"

#include <string>

namespace tinc::io {

/// An Ethernet made of UDP: every frame is one datagram to a multicast group, which everybody in
/// the group hears, we too.
class MulticastDevice final : public Device {
  public:
    /// `device`: "ADDRESS PORT [TTL]". `interface` is only a name for scripts.
    MulticastDevice(std::string device, std::string interface, LogSink& log)
        : Device({"multicast socket", std::move(device)}, std::move(interface)), log_(log) {}

    /// Asks the resolver and waits for it, if the group has a name.
    [[nodiscard]] Result<void> open() override;
    void close() override { socket_.close(); }
    [[nodiscard]] int descriptor() const override { return socket_.number(); }
    [[nodiscard]] Reading read(packet::Packet& frame) override;
    bool write(packet::Packet& frame) override;

  private:
    LogSink& log_;
    Descriptor socket_;
    SocketAddress group_;
    WrittenSources written_;
};

}  // namespace tinc::io
