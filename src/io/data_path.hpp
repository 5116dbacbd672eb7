#pragma once

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/packet/packet.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace tinc::io {

/// That moment.
inline constexpr std::chrono::microseconds pause_without_room{100};

/// The way of packets that a device or a socket has read. Each call ends when all that comes of
/// them is sent, so that the batch may be used again.
class DataPath {
  public:
    DataPath() = default;
    DataPath(const DataPath&) = delete;
    DataPath& operator=(const DataPath&) = delete;
    virtual ~DataPath() = default;

    /// How many batches it can take before packets are lost. What is beyond that is left where it
    /// is for a moment.
    [[nodiscard]] virtual std::size_t room() const = 0;
    /// Frames of the device, Ethernet header included.
    virtual void from_device(packet::Batch& frames) = 0;
    /// Datagrams of one socket; `sources[i]` sent `datagrams[i]`.
    virtual void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                              SocketIndex socket) = 0;
    /// A batch is about to be filled anew. What an exception has left points into it.
    virtual void forget_packets() = 0;
};

}  // namespace tinc::io
