// Packets sealed and opened with one key on one thread, by size and number. `one by one` is what
// happens without an engine, and what the data path does where packets come alone.

#include "tinc/base/limits.hpp"
#include "tinc/crypto/chacha_poly1305.hpp"
#include "tinc/crypto/packet_sealer.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

namespace {

using namespace tinc;
using benchmark::State;

constexpr std::size_t space_bytes = 2048;

/// Buffers that are used again and again, as those of the data path are.
struct Buffers {
    [[nodiscard]] MutableBytes space(std::size_t i) {
        return std::span(bytes).subspan(i * space_bytes, space_bytes);
    }
    std::vector<std::byte> bytes =
        std::vector<std::byte>(limits::batch_packets * space_bytes, std::byte{0x5a});
};

struct Shape {
    std::size_t size;
    std::size_t count;
};

Shape shape_of(const State& state) {
    return {.size = static_cast<std::size_t>(state.range(0)),
            .count = static_cast<std::size_t>(state.range(1))};
}

void report(State& state, const Shape& shape) {
    const auto packets = state.iterations() * static_cast<std::int64_t>(shape.count);
    state.SetItemsProcessed(packets);
    state.SetBytesProcessed(packets * static_cast<std::int64_t>(shape.size));
    state.counters["Gbit/s"] =
        benchmark::Counter(static_cast<double>(packets) * static_cast<double>(shape.size) * 8e-9,
                           benchmark::Counter::kIsRate);
}

// --- protocol 1.0
// ---------------------------------------------------------------------------------

constexpr std::size_t mac_bytes = 4;

struct Legacy {
    crypto::CipherSpec cipher = crypto::cipher_by_name("aes-256-cbc").value();
    crypto::DigestSpec digest = crypto::digest_by_name("sha256").value();
    std::vector<std::byte> material =
        std::vector<std::byte>(cipher.key_material_bytes(), std::byte{7});
    crypto::PacketSealer sealer =
        crypto::PacketSealer::create(cipher, digest, mac_bytes, material).value();
    crypto::PacketOpener opener =
        crypto::PacketOpener::create(cipher, digest, mac_bytes, material).value();
    crypto::PacketEngine engine;
    Buffers buffers;
    std::array<crypto::PacketText, limits::batch_packets> texts;

    std::span<crypto::PacketText> packets(const Shape& shape) {
        const auto some = std::span(texts).first(shape.count);
        for (std::size_t i = 0; i < shape.count; ++i)
            some[i] = {.space = buffers.space(i), .size = shape.size};
        return some;
    }
};

template <class Seal>
void legacy_seal(State& state, Seal seal) {
    const auto shape = shape_of(state);
    Legacy legacy;
    for ([[maybe_unused]] auto _ : state) {
        const auto packets = legacy.packets(shape);
        seal(legacy, packets);
        if (!packets.back().is_good) state.SkipWithError("not sealed");
    }
    report(state, shape);
}

/// Opening destroys what is opened, so that sealed bytes are put there again each time.
template <class Open>
void legacy_open(State& state, Open open) {
    const auto shape = shape_of(state);
    Legacy legacy;
    auto packets = legacy.packets(shape);
    legacy.sealer.seal(packets);
    const auto sealed = legacy.buffers.bytes;
    const auto sealed_bytes = packets.front().size;
    for ([[maybe_unused]] auto _ : state) {
        for (std::size_t i = 0; i < shape.count; ++i)
            std::copy_n(sealed.data() + i * space_bytes, sealed_bytes,
                        legacy.buffers.space(i).data());
        packets = legacy.packets({.size = sealed_bytes, .count = shape.count});
        open(legacy, packets);
        if (!packets.back().is_good) state.SkipWithError("not opened");
    }
    report(state, shape);
}

void legacy_seal_together(State& state) {
    legacy_seal(state,
                [](auto& legacy, auto packets) { legacy.sealer.seal(packets, legacy.engine); });
}
void legacy_seal_one_by_one(State& state) {
    legacy_seal(state, [](auto& legacy, auto packets) { legacy.sealer.seal(packets); });
}
void legacy_open_together(State& state) {
    legacy_open(state,
                [](auto& legacy, auto packets) { legacy.opener.open(packets, legacy.engine); });
}
void legacy_open_one_by_one(State& state) {
    legacy_open(state, [](auto& legacy, auto packets) { legacy.opener.open(packets); });
}

// --- protocol 1.1
// ---------------------------------------------------------------------------------

struct Sptps {
    crypto::ChaChaPoly1305 cipher{std::vector<std::byte>(32, std::byte{7})};
    crypto::PacketEngine engine;
    Buffers buffers;
    std::array<crypto::ChaChaPoly1305::Record, limits::batch_packets> all;

    std::span<crypto::ChaChaPoly1305::Record> records(const Shape& shape) {
        const auto some = std::span(all).first(shape.count);
        for (std::size_t i = 0; i < shape.count; ++i)
            some[i] = {
                .sequence = i,
                .bytes = buffers.space(i).first(shape.size + crypto::ChaChaPoly1305::tag_bytes)};
        return some;
    }
};

template <class Seal>
void sptps_seal(State& state, Seal seal) {
    const auto shape = shape_of(state);
    Sptps sptps;
    const auto records = sptps.records(shape);
    for ([[maybe_unused]] auto _ : state) seal(sptps, records);
    report(state, shape);
}

template <class Open>
void sptps_open(State& state, Open open) {
    const auto shape = shape_of(state);
    Sptps sptps;
    const auto records = sptps.records(shape);
    sptps.cipher.seal(records, sptps.engine);
    const auto sealed = sptps.buffers.bytes;
    for ([[maybe_unused]] auto _ : state) {
        for (std::size_t i = 0; i < shape.count; ++i)
            std::copy_n(sealed.data() + i * space_bytes, records[i].bytes.size(),
                        records[i].bytes.data());
        if (!open(sptps, records)) state.SkipWithError("not opened");
    }
    report(state, shape);
}

void sptps_seal_together(State& state) {
    sptps_seal(state, [](auto& sptps, auto records) { sptps.cipher.seal(records, sptps.engine); });
}
void sptps_seal_one_by_one(State& state) {
    sptps_seal(state, [](auto& sptps, auto records) {
        for (const auto& record : records) sptps.cipher.seal(record.sequence, record.bytes);
    });
}
void sptps_open_together(State& state) {
    sptps_open(state, [](auto& sptps, auto records) {
        sptps.cipher.open(records, sptps.engine);
        return records.back().is_right;
    });
}
void sptps_open_one_by_one(State& state) {
    sptps_open(state, [](auto& sptps, auto records) {
        return std::ranges::all_of(records, [&](const auto& record) {
            return sptps.cipher.open(record.sequence, record.bytes);
        });
    });
}

void shapes(benchmark::internal::Benchmark* bench) {
    bench->ArgNames({"bytes", "packets"})->ArgsProduct({{64, 200, 1424}, {1, 2, 4, 8, 16, 64}});
}

BENCHMARK(legacy_seal_together)->Apply(shapes);
BENCHMARK(legacy_seal_one_by_one)->Apply(shapes);
BENCHMARK(legacy_open_together)->Apply(shapes);
BENCHMARK(legacy_open_one_by_one)->Apply(shapes);
BENCHMARK(sptps_seal_together)->Apply(shapes);
BENCHMARK(sptps_seal_one_by_one)->Apply(shapes);
BENCHMARK(sptps_open_together)->Apply(shapes);
BENCHMARK(sptps_open_one_by_one)->Apply(shapes);

}  // namespace
