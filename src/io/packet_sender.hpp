#pragma once

#include "io/tun_queue.hpp"
#include "io/udp_port.hpp"
#include "tinc/plane/outbox.hpp"

#include <memory>
#include <span>
#include <vector>

namespace tinc::io {

/// Sends what a data plane has left in its Outbox: datagrams by the sockets they are meant for,
/// frames to the device.
class PacketSender {
  public:
    /// Null while there is none. They outlive this object, or are taken away first.
    void employ(TunQueue* device, const std::vector<std::unique_ptr<UdpPort>>* ports) {
        device_ = device;
        ports_ = ports;
    }

    /// Datagrams that the system refuses for their size are appended to `too_big`.
    void send(const plane::Outbox& outbox, std::vector<plane::Sending>& too_big);

  private:
    void send_datagrams(std::span<const plane::Sending> datagrams,
                        std::vector<plane::Sending>& too_big);
    [[nodiscard]] UdpPort* port_for(const plane::Sending& sending) const;

    TunQueue* device_ = nullptr;
    const std::vector<std::unique_ptr<UdpPort>>* ports_ = nullptr;
};

}  // namespace tinc::io
