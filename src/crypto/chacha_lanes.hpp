#pragma once

// ChaCha20 over many packets. A block of key stream depends on nothing but key, nonce and counter;
// so the lanes of a vector unit compute as many blocks at once, whichever packets they belong to.
// A library that is given one packet after the other leaves most lanes empty at the end of each,
// and all but one when it makes the key of a tag. Private to the room.

#include "tinc/base/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinc::crypto {

/// ChaCha20 with one key, with nonce and block counter of 64 bits each.
class ChaChaLanes {
  public:
    static constexpr std::size_t block_bytes = 64;
    static constexpr std::size_t most_lanes = 16;

    /// Blocks of as many packets as there are lanes, or fewer.
    struct Blocks {
        /// One word for each.
        using Words = std::array<std::uint32_t, most_lanes>;

        std::array<std::uint32_t, 8> key{};
        alignas(block_bytes) Words counter{};
        alignas(block_bytes) Words nonce_high{};
        alignas(block_bytes) Words nonce_low{};
        std::array<MutableBytes, most_lanes> text;
        std::size_t count = 0;
    };
    /// What this processor can do.
    struct Width {
        std::size_t lanes;
        void (*run)(const Blocks& blocks);
    };
    /// All, the narrowest first.
    [[nodiscard]] static std::vector<Width> widths();
    /// The fastest. Measured on an AMD Zen 5 with packets of 1424 bytes: 40 Gbit/s with 16 lanes,
    /// 18 with 8, 9 with 4.
    [[nodiscard]] static const Width& widest();

    /// `key` has 32 bytes.
    explicit ChaChaLanes(Bytes key, const Width& width = widest());
    ChaChaLanes(const ChaChaLanes&) = delete;
    ChaChaLanes& operator=(const ChaChaLanes&) = delete;
    ~ChaChaLanes();

    /// XORs the key stream from block `counter` on into `bytes`, which may happen as late as
    /// finish(): only then are all lanes used. The nonce is `sequence` in network order.
    void apply(std::uint64_t sequence, std::uint32_t counter, MutableBytes bytes);
    void finish();

  private:
    const Width& width_;
    Blocks blocks_;
};

}  // namespace tinc::crypto
