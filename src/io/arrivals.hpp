#pragma once

#include "tinc/base/bytes.hpp"

#include <cstddef>
#include <memory>

namespace tinc::io {

/// Where datagrams arrive before they are cut and copied into a batch. With generic receive offload
/// the kernel hands over many datagrams of one sender as one of up to 64 KiB. Shared by all sockets
/// that one thread reads; what was never needed takes no memory.
class Arrivals {
  public:
    static constexpr std::size_t count = 32;
    static constexpr std::size_t most_bytes = 65'536;  ///< of one

    Arrivals() : memory_(std::make_unique_for_overwrite<std::byte[]>(count * stride)) {}

    [[nodiscard]] MutableBytes operator[](std::size_t i) {
        return {memory_.get() + i * stride, most_bytes};
    }

  private:
    /// Not a power of two, lest the beginnings of all of them contend for the same cache lines.
    static constexpr std::size_t stride = most_bytes + 1'088;

    std::unique_ptr<std::byte[]> memory_;
};

}  // namespace tinc::io
