#pragma once

#include "io/descriptor.hpp"

#include <array>
#include <cstddef>
#include <utility>

namespace tinc::io {

/// Sockets that are neither read nor closed for a while, so that a stranger learns nothing from
/// how we end the connection. The oldest is closed when there is no more room.
class Tarpit {
  public:
    static constexpr std::size_t size = 10;

    void hold(Descriptor socket) {
        ring_[next_] = std::move(socket);
        next_ = (next_ + 1) % size;
    }
    void clear() {
        for (auto& socket : ring_) socket.close();
    }

  private:
    std::array<Descriptor, size> ring_;
    std::size_t next_ = 0;
};

}  // namespace tinc::io
