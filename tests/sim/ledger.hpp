#pragma once

// What must be true of every packet whatever happens on the way: it comes out of a device just as
// the host that it names as its sender has put it in, and once.

#include "sim/internet.hpp"
#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tinc::sim {

class Ledger {
  public:
    /// Where in a frame the Ledger writes its serial number: behind the headers of IP and UDP, and
    /// the number that the test has given.
    static constexpr std::size_t number_at = 14 + 28;
    static constexpr std::size_t serial_at = number_at + 4;
    static constexpr std::size_t least_bytes = serial_at + 4;

    /// A frame goes into a device. It has at least `least_bytes`, and gets its serial number.
    void put_in(MutableBytes frame);
    /// Of a host that minds no doubles any number may come out.
    enum class Doubles : std::uint8_t { forbidden, allowed };
    /// A frame has come out at a host. What is wrong with that; empty if nothing is.
    [[nodiscard]] std::string take_out(HostIndex host, Bytes frame, Doubles doubles);

  private:
    struct Entry {
        std::uint64_t digest = 0;
        std::vector<HostIndex> seen_at;
    };
    std::vector<Entry> entries_;  ///< that of serial number n is at n - 1
};

}  // namespace tinc::sim
