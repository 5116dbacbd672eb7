#pragma once

// What a turn of the data plane wants sent. Packets are not copied: a Sending points into the
// batch that was handed in, or into the outbox's own pool for copies (broadcasts, ICMP answers,
// probes). So the outbox is drained before that batch is used again.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/share.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace tinc::plane {

/// A datagram for one remote address.
struct Sending {
    packet::Packet* packet = nullptr;
    NodeIndex node{};             ///< whom it is for, to report EMSGSIZE
    std::size_t frame_bytes = 0;  ///< size of the VPN frame inside
    Endpoint remote;
    SocketIndex socket{};
    bool is_broadcast = false;       ///< local discovery: to the LAN's broadcast address
    std::uint8_t traffic_class = 0;  ///< wanted TOS of the outer packet
};

/// A packet for another Plane.
struct LeftPacket {
    packet::Packet* packet = nullptr;
    std::uint32_t plane = 0;  ///< its number
    Errand errand;
};

class Outbox {
  public:
    /// Datagrams for the network, in order.
    [[nodiscard]] std::span<const Sending> datagrams() const { return datagrams_; }
    /// Frames for the device, in order, Ethernet header included.
    [[nodiscard]] std::span<packet::Packet* const> frames() const { return frames_; }
    /// Packets for other Planes, in order.
    [[nodiscard]] std::span<const LeftPacket> errands() const { return errands_; }
    [[nodiscard]] bool is_empty() const {
        return datagrams_.empty() && frames_.empty() && errands_.empty();
    }
    void clear() {
        errands_.clear();
        datagrams_.clear();
        frames_.clear();
        used_ = 0;
    }

    // --- for the plane -------------------------------------------------------------------------
    /// A packet of the pool, cleared; null when limits::outbox_packets are in use.
    [[nodiscard]] packet::Packet* spare() {
        if (used_ == limits::outbox_packets) return nullptr;
        if (used_ == pool_.size()) pool_.push_back(std::make_unique<packet::Packet>());
        auto* packet = pool_[used_++].get();
        packet->clear();
        return packet;
    }
    void send(const Sending& sending) { datagrams_.push_back(sending); }
    void deliver(packet::Packet& frame) { frames_.push_back(&frame); }
    void leave(packet::Packet& packet, std::uint32_t plane, const Errand& errand) {
        errands_.push_back({&packet, plane, errand});
    }

  private:
    std::vector<Sending> datagrams_;
    std::vector<packet::Packet*> frames_;
    std::vector<LeftPacket> errands_;
    std::vector<std::unique_ptr<packet::Packet>> pool_;
    std::size_t used_ = 0;
};

}  // namespace tinc::plane
