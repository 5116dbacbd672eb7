#include "tinc/packet/compression.hpp"

#include <lz4.h>
#include <lzo/lzo1x.h>
#include <zlib.h>

#include <algorithm>
#include <array>
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
constexpr int lz4 = Compression::highest_level;

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

/// One level's zlib stream; kept, since making one costs more than a packet.
class Deflating {
  public:
    Deflating() = default;
    Deflating(const Deflating&) = delete;
    Deflating& operator=(const Deflating&) = delete;
    ~Deflating() {
        if (is_made_) deflateEnd(&stream_);
    }

    /// Ready for another packet; null if there is no memory for it.
    z_stream* begin(int level) {
        if (is_made_) return deflateReset(&stream_) == Z_OK ? &stream_ : nullptr;
        is_made_ = deflateInit(&stream_, level) == Z_OK;
        return is_made_ ? &stream_ : nullptr;
    }

  private:
    z_stream stream_{};
    bool is_made_ = false;
};

class Inflating {
  public:
    Inflating() = default;
    Inflating(const Inflating&) = delete;
    Inflating& operator=(const Inflating&) = delete;
    ~Inflating() {
        if (is_made_) inflateEnd(&stream_);
    }

    z_stream* begin() {
        if (is_made_) return inflateReset(&stream_) == Z_OK ? &stream_ : nullptr;
        is_made_ = inflateInit(&stream_) == Z_OK;
        return is_made_ ? &stream_ : nullptr;
    }

  private:
    z_stream stream_{};
    bool is_made_ = false;
};

}  // namespace

struct Compression::State {
    std::optional<std::size_t> zlib_compress(int level, Bytes in, MutableBytes out);
    std::optional<std::size_t> zlib_decompress(Bytes in, MutableBytes out);
    std::optional<std::size_t> lzo_compress(int level, Bytes in, MutableBytes out);
    std::optional<std::size_t> lzo_compress_unchecked(int level, Bytes in, MutableBytes out);
    static std::optional<std::size_t> lzo_decompress(Bytes in, MutableBytes out);
    static std::optional<std::size_t> lz4_compress(Bytes in, MutableBytes out);
    static std::optional<std::size_t> lz4_decompress(Bytes in, MutableBytes out);

    std::array<Deflating, zlib_best> deflating;  ///< by level, from 1 on
    Inflating inflating;
    unsigned char spare = 0;  ///< what an empty output points to
    std::unique_ptr<std::byte[]> lzo_fast_memory;
    std::unique_ptr<std::byte[]> lzo_best_memory;
    std::vector<std::byte> lzo_scratch;
};

Result<void> Compression::check(int level) {
    if (level < 0 || level > highest_level)
        return failure(Errc::refused, "compression level " + std::to_string(level) + " is unknown");
    if ((level == lzo_fast || level == lzo_best) && lzo_init() != LZO_E_OK)
        return failure(Errc::refused, "the LZO library failed its self check");
    return {};
}

Compression::Compression() : state_(std::make_unique<State>()) {}
Compression::Compression(Compression&&) noexcept = default;
Compression& Compression::operator=(Compression&&) noexcept = default;
Compression::~Compression() = default;

std::optional<std::size_t> Compression::compress(int level, Bytes in, MutableBytes out) noexcept {
    if (in.size() > most_bytes) return std::nullopt;
    out = out.first(std::min(out.size(), most_bytes));
    if (level == 0) return copy(in, out);
    if (level <= zlib_best) return state_->zlib_compress(level, in, out);
    if (level == lz4) return State::lz4_compress(in, out);
    return state_->lzo_compress(level, in, out);
}

std::optional<std::size_t> Compression::decompress(int level, Bytes in, MutableBytes out) noexcept {
    if (in.size() > most_bytes) return std::nullopt;
    out = out.first(std::min(out.size(), most_bytes));
    if (level == 0) return copy(in, out);
    if (level <= zlib_best) return state_->zlib_decompress(in, out);
    if (level == lz4) return State::lz4_decompress(in, out);
    return State::lzo_decompress(in, out);
}

std::optional<std::size_t> Compression::State::zlib_compress(int level, Bytes in,
                                                             MutableBytes out) {
    auto* const stream = deflating[static_cast<std::size_t>(level) - 1].begin(level);
    if (stream == nullptr) return std::nullopt;
    stream->next_in = zlib_input(in);
    stream->avail_in = static_cast<uInt>(in.size());
    stream->next_out = out.empty() ? &spare : output(out);
    stream->avail_out = static_cast<uInt>(out.size());
    if (deflate(stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
    return stream->total_out;
}

// Bytes after the end of the stream are ignored, as by zlib's uncompress().
std::optional<std::size_t> Compression::State::zlib_decompress(Bytes in, MutableBytes out) {
    auto* const stream = inflating.begin();
    if (stream == nullptr) return std::nullopt;
    stream->next_in = zlib_input(in);
    stream->avail_in = static_cast<uInt>(in.size());
    stream->next_out = out.empty() ? &spare : output(out);  // never null, says zlib
    stream->avail_out = static_cast<uInt>(out.size());
    if (inflate(stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
    return stream->total_out;
}

std::optional<std::size_t> Compression::State::lzo_compress(int level, Bytes in, MutableBytes out) {
    const auto worst_case = lzo_worst_case(in.size());
    if (out.size() >= worst_case) return lzo_compress_unchecked(level, in, out);

    if (lzo_scratch.size() < worst_case) lzo_scratch.resize(worst_case);
    const auto count = lzo_compress_unchecked(level, in, lzo_scratch);
    if (!count) return std::nullopt;
    return copy(Bytes(lzo_scratch).first(*count), out);
}

// `out` holds at least lzo_worst_case().
std::optional<std::size_t> Compression::State::lzo_compress_unchecked(int level, Bytes in,
                                                                      MutableBytes out) {
    const bool is_fast = level == lzo_fast;
    auto& memory = is_fast ? lzo_fast_memory : lzo_best_memory;
    if (!memory) {
        const std::size_t fast_bytes = LZO1X_1_MEM_COMPRESS;
        const std::size_t best_bytes = LZO1X_999_MEM_COMPRESS;
        memory = std::make_unique<std::byte[]>(is_fast ? fast_bytes : best_bytes);
    }
    lzo_uint count = out.size();
    auto* const compress = is_fast ? lzo1x_1_compress : lzo1x_999_compress;
    if (compress(lzo_input(in), in.size(), output(out), &count, memory.get()) != LZO_E_OK)
        return std::nullopt;
    return count;
}

std::optional<std::size_t> Compression::State::lzo_decompress(Bytes in, MutableBytes out) {
    lzo_uint count = out.size();
    if (lzo1x_decompress_safe(lzo_input(in), in.size(), output(out), &count, nullptr) != LZO_E_OK)
        return std::nullopt;
    return count;
}

std::optional<std::size_t> Compression::State::lz4_compress(Bytes in, MutableBytes out) {
    const int count = LZ4_compress_default(
        reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
        static_cast<int>(in.size()), static_cast<int>(out.size()));
    if (count <= 0) return std::nullopt;
    return static_cast<std::size_t>(count);
}

std::optional<std::size_t> Compression::State::lz4_decompress(Bytes in, MutableBytes out) {
    const int count = LZ4_decompress_safe(
        reinterpret_cast<const char*>(in.data()), reinterpret_cast<char*>(out.data()),
        static_cast<int>(in.size()), static_cast<int>(out.size()));
    if (count < 0) return std::nullopt;
    return static_cast<std::size_t>(count);
}

}  // namespace tinc::packet
