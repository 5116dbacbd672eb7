#pragma once

// Packets that wait for a meta connection to take them. They wait in clear, since the order of
// encryption is the order of bytes and requests overtake them; and not for long: who waits behind
// a full queue gains nothing from old packets. Those were sent again by then, or are worth nothing.

#include "tinc/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace tinc::peer {

/// A request, and what comes behind it.
struct WaitingPacket {
    enum class Body : std::uint8_t {
        none,       ///< the request has it all
        encrypted,  ///< as requests are
        raw,        ///< as it is, for it is sealed
    };
    std::string request;  ///< without newline
    Body kind = Body::none;
    std::vector<std::byte> body{};
    Time since{};

    /// Before encryption.
    [[nodiscard]] std::size_t bytes() const { return request.size() + 1 + body.size(); }
};

class PacketQueue {
  public:
    /// The oldest make room: of all but the one that comes, as many as must.
    void add(WaitingPacket packet, std::size_t most_bytes);
    /// The oldest that has not waited longer than limits::packet_patience.
    [[nodiscard]] std::optional<WaitingPacket> take(Time now);

    [[nodiscard]] bool is_empty() const { return packets_.empty(); }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

  private:
    WaitingPacket take_first();

    std::deque<WaitingPacket> packets_;
    std::size_t bytes_ = 0;
};

}  // namespace tinc::peer
