#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/time.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace tinc::io {

/// The source MAC addresses of the frames that were last written to a device that hears itself:
/// a frame from one of them is the echo of our own. tinc 1.0.36 remembers one address and takes
/// the echo of every frame before the last for news; here each has a place in a table of fixed
/// size, for a moment. Two addresses of one place displace each other.
class WrittenSources {
  public:
    /// Far longer than an echo takes, far shorter than a machine takes to move.
    static constexpr Duration memory = std::chrono::seconds(1);

    void note(Bytes frame, Time now);
    [[nodiscard]] bool is_echo(Bytes frame, Time now) const;

  private:
    struct Entry {
        std::uint64_t address = 0;
        Time until = Time::min();
    };
    static constexpr std::size_t size = 1024;

    std::array<Entry, size> entries_{};
};

}  // namespace tinc::io
