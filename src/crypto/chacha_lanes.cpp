// Source: RFC 8439, 2.1 to 2.4, with the nonce and counter of the original ChaCha20, of 64 bits
// each. The state of a block is 16 words; here each of those is a vector with the words of as many
// blocks as there are lanes. Rounds work on whole vectors. In the end the words of one block are
// scattered over all vectors, and are brought together by exchanging lanes in pairs.
//
//     state[ 0.. 3]  constants           state[12..13]  counter
//     state[ 4..11]  key                 state[14..15]  nonce

#include "chacha_lanes.hpp"

#include "tinc/base/error.hpp"
#include "tinc/crypto/secret.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

// Inlined into functions for one kind of processor, which decides on the instructions. Vectors are
// passed by reference, because how they are passed by value depends on the processor, too.
#define TINC_INLINE [[gnu::always_inline]] inline

namespace tinc::crypto {

namespace {

template <std::size_t lanes>
struct VectorOf {
    typedef std::uint32_t type __attribute__((vector_size(lanes * sizeof(std::uint32_t))));
};
template <std::size_t lanes>
using Vector = typename VectorOf<lanes>::type;

constexpr std::size_t state_words = 16;
constexpr int double_rounds = 10;
constexpr std::array<std::uint32_t, 4> constants{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

template <int bits, class V>
TINC_INLINE void rotate(V& v) {
    v = (v << bits) | (v >> (32 - bits));
}

template <class V>
TINC_INLINE void quarter_round(V& a, V& b, V& c, V& d) {
    a += b, d ^= a, rotate<16>(d);
    c += d, b ^= c, rotate<12>(b);
    a += b, d ^= a, rotate<8>(d);
    c += d, b ^= c, rotate<7>(b);
}

template <class V>
TINC_INLINE void run_rounds(V* x) {
    for (int i = 0; i < double_rounds; ++i) {
        quarter_round(x[0], x[4], x[8], x[12]);
        quarter_round(x[1], x[5], x[9], x[13]);
        quarter_round(x[2], x[6], x[10], x[14]);
        quarter_round(x[3], x[7], x[11], x[15]);
        quarter_round(x[0], x[5], x[10], x[15]);
        quarter_round(x[1], x[6], x[11], x[12]);
        quarter_round(x[2], x[7], x[8], x[13]);
        quarter_round(x[3], x[4], x[9], x[14]);
    }
}

/// The lanes of `b` whose number lacks the bit `step` change places with those of `a` that have it.
template <std::size_t step, class V, std::size_t... lane>
TINC_INLINE void exchange(V& a, V& b, std::index_sequence<lane...>) {
    constexpr std::size_t lanes = sizeof...(lane);
    const V from_a = a;
    a = __builtin_shufflevector(from_a, b, ((lane & step) == 0 ? lane : lanes + lane - step)...);
    b = __builtin_shufflevector(from_a, b, ((lane & step) == 0 ? lane + step : lanes + lane)...);
}

/// Mirrors a square, as many vectors as there are lanes, at its diagonal.
template <std::size_t lanes, std::size_t step, class V>
TINC_INLINE void transpose(V* rows) {
    if constexpr (step < lanes) {
#pragma GCC unroll 16
        for (std::size_t i = 0; i < lanes; ++i)
            if ((i & step) == 0)
                exchange<step>(rows[i], rows[i + step], std::make_index_sequence<lanes>{});
        transpose<lanes, 2 * step>(rows);
    }
}

/// The key stream is bytes in little-endian order.
template <class V>
TINC_INLINE void to_little_endian(V& v) {
    if constexpr (std::endian::native == std::endian::big)
        v = (v >> 24) | ((v >> 8) & 0xff00) | ((v << 8) & 0xff0000) | (v << 24);
}

/// XORs the block of one lane, which is in the vectors `part`, `part + stride` and so on.
template <std::size_t lanes, class V>
TINC_INLINE void xor_block(const V* part, MutableBytes bytes) {
    constexpr std::size_t parts = state_words / lanes;
    constexpr std::size_t stride = lanes;
    if (bytes.size() == ChaChaLanes::block_bytes) {
#pragma GCC unroll 4
        for (std::size_t i = 0; i < parts; ++i) {
            V text;
            std::memcpy(&text, bytes.data() + i * sizeof(V), sizeof(V));
            text ^= part[i * stride];
            std::memcpy(bytes.data() + i * sizeof(V), &text, sizeof(V));
        }
        return;
    }
    std::array<std::byte, ChaChaLanes::block_bytes> stream;
#pragma GCC unroll 4
    for (std::size_t i = 0; i < parts; ++i)
        std::memcpy(stream.data() + i * sizeof(V), &part[i * stride], sizeof(V));
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] ^= stream[i];
}

template <std::size_t lanes>
TINC_INLINE void run(const ChaChaLanes::Blocks& blocks) {
    using V = Vector<lanes>;
    V start[state_words];
    for (std::size_t i = 0; i < 4; ++i) start[i] = V{} + constants[i];
    for (std::size_t i = 0; i < 8; ++i) start[4 + i] = V{} + blocks.key[i];
    std::memcpy(&start[12], blocks.counter.data(), sizeof(V));
    start[13] = V{};
    std::memcpy(&start[14], blocks.nonce_high.data(), sizeof(V));
    std::memcpy(&start[15], blocks.nonce_low.data(), sizeof(V));

    V x[state_words];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < state_words; ++i) x[i] = start[i];
    run_rounds(x);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < state_words; ++i) {
        x[i] += start[i];
        to_little_endian(x[i]);
    }
#pragma GCC unroll 4
    for (std::size_t i = 0; i < state_words; i += lanes) transpose<lanes, 1>(x + i);
#pragma GCC unroll 16
    for (std::size_t i = 0; i < lanes; ++i)
        if (i < blocks.count) xor_block<lanes>(x + i, blocks.text[i]);
}

#ifdef __x86_64__
[[gnu::target("avx512f")]] void run_16(const ChaChaLanes::Blocks& blocks) { run<16>(blocks); }
[[gnu::target("avx2")]] void run_8(const ChaChaLanes::Blocks& blocks) { run<8>(blocks); }
#endif
void run_4(const ChaChaLanes::Blocks& blocks) { run<4>(blocks); }

std::uint32_t little_endian_word(Bytes bytes) { return std::byteswap(get_u32(bytes, 0)); }

}  // namespace

std::vector<ChaChaLanes::Width> ChaChaLanes::widths() {
    std::vector<Width> found{{4, run_4}};
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) found.push_back({8, run_8});
    if (__builtin_cpu_supports("avx512f")) found.push_back({16, run_16});
#endif
    return found;
}

const ChaChaLanes::Width& ChaChaLanes::widest() {
    static const Width width = widths().back();
    return width;
}

ChaChaLanes::ChaChaLanes(Bytes key, const Width& width) : width_(width) {
    for (std::size_t i = 0; i < blocks_.key.size(); ++i)
        blocks_.key[i] = little_endian_word(key.subspan(i * sizeof(std::uint32_t)));
}

ChaChaLanes::~ChaChaLanes() { wipe(std::as_writable_bytes(std::span(blocks_.key))); }

void ChaChaLanes::apply(std::uint64_t sequence, std::uint32_t counter, MutableBytes bytes) {
    const auto high = std::byteswap(static_cast<std::uint32_t>(sequence >> 32U));
    const auto low = std::byteswap(static_cast<std::uint32_t>(sequence));
    while (!bytes.empty()) {
        const auto size = std::min(bytes.size(), block_bytes);
        blocks_.counter[blocks_.count] = counter++;
        blocks_.nonce_high[blocks_.count] = high;
        blocks_.nonce_low[blocks_.count] = low;
        blocks_.text[blocks_.count] = bytes.first(size);
        if (++blocks_.count == width_.lanes) finish();
        bytes = bytes.subspan(size);
    }
}

void ChaChaLanes::finish() {
    if (blocks_.count > 0) width_.run(blocks_);
    blocks_.count = 0;
}

}  // namespace tinc::crypto
