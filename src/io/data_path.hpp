#pragma once

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/packet/packet.hpp"

#include <span>

namespace tinc::io {

/// The way of packets that a device or a socket has read. Each call ends when all that comes of
/// them is sent, so that the batch may be used again.
class DataPath {
  public:
    DataPath() = default;
    DataPath(const DataPath&) = delete;
    DataPath& operator=(const DataPath&) = delete;
    virtual ~DataPath() = default;

    /// Frames of the device, Ethernet header included.
    virtual void from_device(packet::Batch& frames) = 0;
    /// Datagrams of one socket; `sources[i]` sent `datagrams[i]`.
    virtual void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                              SocketIndex socket) = 0;
    /// A batch is about to be filled anew. What an exception has left points into it.
    virtual void forget_packets() = 0;
};

}  // namespace tinc::io
