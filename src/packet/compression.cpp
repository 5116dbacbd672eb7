#include "tinc/packet/compression.hpp"

#include <lzo/lzo1x.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace tinc::packet {

namespace {

constexpr int zlib_best = 9;
constexpr int lzo_fast = 10;
constexpr int lzo_best = 11;

// What fits the counters of both libraries.
constexpr std::size_t most_bytes = std::numeric_limits<std::int32_t>::max();

// "output_block_size = input_block_size + (input_block_size / 16) + 64 + 3": LZO.FAQ, "How much
// can my data expand during compression?" The compressors themselves check no limit.
constexpr std::size_t lzo_worst_case(std::size_t count) { return count + count / 16 + 64 + 3; }

// Neither library writes through its input pointer, but zlib's is not const.
unsigned char* zlib_input(Bytes bytes) {
    return const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
}

const unsigned char* lzo_input(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

unsigned char* output(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

std::optional<std::size_t> copy(Bytes in, MutableBytes out) {
    if (in.size() > out.size()) return std::nullopt;
    std::ranges::copy(in, out.begin());
    return in.size();
}

}  // namespace

// Each direction takes its memory at its first use and keeps it: a peer's sending and receiving
// levels are unrelated, and LZO1X-999 alone needs 448 KiB.
struct Compressor::State {
    explicit State(int number) : level(number) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (has_deflate) deflateEnd(&deflating);
        if (has_inflate) inflateEnd(&inflating);
    }

    std::optional<std::size_t> zlib_compress(Bytes in, MutableBytes out);
    std::optional<std::size_t> zlib_decompress(Bytes in, MutableBytes out);
    std::optional<std::size_t> lzo_compress(Bytes in, MutableBytes out);
    std::optional<std::size_t> lzo_compress_unchecked(Bytes in, MutableBytes out);
    static std::optional<std::size_t> lzo_decompress(Bytes in, MutableBytes out);

    int level;
    bool has_deflate = false;
    bool has_inflate = false;
    z_stream deflating{};
    z_stream inflating{};
    unsigned char spare = 0;  ///< what an empty output points to
    std::unique_ptr<std::byte[]> lzo_memory;
    std::vector<std::byte> lzo_scratch;
};

Result<Compressor> Compressor::create(int level) {
    if (level < 0 || level > lzo_best)
        return failure(Errc::refused, "compression level " + std::to_string(level) + " is unknown");
    if (level > zlib_best && lzo_init() != LZO_E_OK)
        return failure(Errc::refused, "the LZO library failed its self check");
    return Compressor(std::make_unique<State>(level));
}

Compressor::Compressor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

int Compressor::level() const { return state_->level; }

std::optional<std::size_t> Compressor::compress(Bytes in, MutableBytes out) noexcept {
    if (in.size() > most_bytes) return std::nullopt;
    out = out.first(std::min(out.size(), most_bytes));
    if (state_->level == 0) return copy(in, out);
    if (state_->level <= zlib_best) return state_->zlib_compress(in, out);
    return state_->lzo_compress(in, out);
}

std::optional<std::size_t> Compressor::decompress(Bytes in, MutableBytes out) noexcept {
    if (in.size() > most_bytes) return std::nullopt;
    out = out.first(std::min(out.size(), most_bytes));
    if (state_->level == 0) return copy(in, out);
    if (state_->level <= zlib_best) return state_->zlib_decompress(in, out);
    return State::lzo_decompress(in, out);
}

std::optional<std::size_t> Compressor::State::zlib_compress(Bytes in, MutableBytes out) {
    if (!has_deflate) {
        if (deflateInit(&deflating, level) != Z_OK) return std::nullopt;
        has_deflate = true;
    } else if (deflateReset(&deflating) != Z_OK) {
        return std::nullopt;
    }
    deflating.next_in = zlib_input(in);
    deflating.avail_in = static_cast<uInt>(in.size());
    deflating.next_out = out.empty() ? &spare : output(out);
    deflating.avail_out = static_cast<uInt>(out.size());
    if (deflate(&deflating, Z_FINISH) != Z_STREAM_END) return std::nullopt;
    return deflating.total_out;
}

// Bytes after the end of the stream are ignored, as by zlib's uncompress().
std::optional<std::size_t> Compressor::State::zlib_decompress(Bytes in, MutableBytes out) {
    if (!has_inflate) {
        if (inflateInit(&inflating) != Z_OK) return std::nullopt;
        has_inflate = true;
    } else if (inflateReset(&inflating) != Z_OK) {
        return std::nullopt;
    }
    inflating.next_in = zlib_input(in);
    inflating.avail_in = static_cast<uInt>(in.size());
    inflating.next_out = out.empty() ? &spare : output(out);  // never null, says zlib
    inflating.avail_out = static_cast<uInt>(out.size());
    if (inflate(&inflating, Z_FINISH) != Z_STREAM_END) return std::nullopt;
    return inflating.total_out;
}

std::optional<std::size_t> Compressor::State::lzo_compress(Bytes in, MutableBytes out) {
    const auto worst_case = lzo_worst_case(in.size());
    if (out.size() >= worst_case) return lzo_compress_unchecked(in, out);

    if (lzo_scratch.size() < worst_case) lzo_scratch.resize(worst_case);
    const auto count = lzo_compress_unchecked(in, lzo_scratch);
    if (!count) return std::nullopt;
    return copy(Bytes(lzo_scratch).first(*count), out);
}

// `out` holds at least lzo_worst_case().
std::optional<std::size_t> Compressor::State::lzo_compress_unchecked(Bytes in, MutableBytes out) {
    if (!lzo_memory) {
        const std::size_t fast_bytes = LZO1X_1_MEM_COMPRESS;
        const std::size_t best_bytes = LZO1X_999_MEM_COMPRESS;
        lzo_memory = std::make_unique<std::byte[]>(level == lzo_fast ? fast_bytes : best_bytes);
    }
    lzo_uint count = out.size();
    auto* const compress = level == lzo_fast ? lzo1x_1_compress : lzo1x_999_compress;
    if (compress(lzo_input(in), in.size(), output(out), &count, lzo_memory.get()) != LZO_E_OK)
        return std::nullopt;
    return count;
}

std::optional<std::size_t> Compressor::State::lzo_decompress(Bytes in, MutableBytes out) {
    lzo_uint count = out.size();
    if (lzo1x_decompress_safe(lzo_input(in), in.size(), output(out), &count, nullptr) != LZO_E_OK)
        return std::nullopt;
    return count;
}

}  // namespace tinc::packet
