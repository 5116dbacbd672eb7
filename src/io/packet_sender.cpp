#include "io/packet_sender.hpp"

#include <algorithm>
#include <cstddef>

namespace tinc::io {

void PacketSender::send(const plane::Outbox& outbox, std::vector<plane::Sending>& too_big) {
    send_datagrams(outbox.datagrams(), too_big);
    if (device_ && !outbox.frames().empty()) device_->write(outbox.frames());
}

/// Runs of one socket are sent together.
void PacketSender::send_datagrams(std::span<const plane::Sending> datagrams,
                                  std::vector<plane::Sending>& too_big) {
    while (!datagrams.empty()) {
        auto* const port = port_for(datagrams.front());
        const auto end = std::ranges::find_if(
            datagrams, [&](const plane::Sending& sending) { return port_for(sending) != port; });
        const auto count = static_cast<std::size_t>(end - datagrams.begin());
        if (port) port->send(datagrams.first(count), too_big);
        datagrams = datagrams.subspan(count);
    }
}

/// The wanted one, or the first of the right family; null if there is none.
UdpPort* PacketSender::port_for(const plane::Sending& sending) const {
    if (!ports_) return nullptr;
    const auto& ports = *ports_;
    const auto wanted = static_cast<std::size_t>(sending.socket);
    const auto is_suitable = [&](const auto& port) {
        return port->family() == sending.remote.address.family();
    };
    if (wanted < ports.size() && is_suitable(ports[wanted])) return ports[wanted].get();
    const auto first = std::ranges::find_if(ports, is_suitable);
    return first == ports.end() ? nullptr : first->get();
}

}  // namespace tinc::io
