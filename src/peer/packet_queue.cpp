#include "tinc/peer/packet_queue.hpp"

#include "tinc/base/limits.hpp"

#include <utility>

namespace tinc::peer {

void PacketQueue::add(WaitingPacket packet, std::size_t most_bytes) {
    bytes_ += packet.bytes();
    packets_.push_back(std::move(packet));
    while (bytes_ > most_bytes && packets_.size() > 1) static_cast<void>(take_first());
}

std::optional<WaitingPacket> PacketQueue::take(Time now) {
    while (!packets_.empty()) {
        auto packet = take_first();
        if (now - packet.since <= limits::packet_patience) return packet;
    }
    return std::nullopt;
}

WaitingPacket PacketQueue::take_first() {
    auto packet = std::move(packets_.front());
    packets_.pop_front();
    bytes_ -= packet.bytes();
    return packet;
}

}  // namespace tinc::peer
