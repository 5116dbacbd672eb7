#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"

#include <cstddef>
#include <memory>
#include <optional>

namespace tinc::packet {

/// The compression of UDP packets, by the level number of the `Compression` option: 0 none, 1 to 9
/// zlib (with its header), 10 LZO1X-1, 11 LZO1X-999. Owns its work memory; not shared by threads.
class Compressor {
  public:
    /// Errc::refused for levels this build does not know.
    [[nodiscard]] static Result<Compressor> create(int level);
    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) noexcept;
    ~Compressor();

    [[nodiscard]] int level() const;
    /// Bytes written to `out`, or nothing if the result does not fit.
    [[nodiscard]] std::optional<std::size_t> compress(Bytes in, MutableBytes out) noexcept;
    /// Never writes beyond `out`, whatever the input claims to expand to.
    [[nodiscard]] std::optional<std::size_t> decompress(Bytes in, MutableBytes out) noexcept;

  private:
    struct State;
    explicit Compressor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace tinc::packet
