#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace tinc::packet {

/// The compression of UDP packets, by the level number of the `Compression` option: 0 none, 1 to 9
/// zlib (with its header), 10 LZO1X-1, 11 LZO1X-999, 12 an LZ4 block.
///
/// Packets do not depend on each other, so one object serves all nodes and levels of a thread: its
/// work memory (up to 448 KiB a level, taken at a level's first use) does not grow with the number
/// of members.
class Compression {
  public:
    static constexpr int highest_level = 12;

    /// Errc::refused for levels that are none.
    [[nodiscard]] static Result<void> check(int level);

    Compression();
    Compression(Compression&&) noexcept;
    Compression& operator=(Compression&&) noexcept;
    ~Compression();

    /// Bytes written to `out`, or nothing if the result does not fit. The level is a known one.
    [[nodiscard]] std::optional<std::size_t> compress(int level, Bytes in,
                                                      MutableBytes out) noexcept;
    /// Never writes beyond `out`, whatever the input claims to expand to.
    [[nodiscard]] std::optional<std::size_t> decompress(int level, Bytes in,
                                                        MutableBytes out) noexcept;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace tinc::packet
