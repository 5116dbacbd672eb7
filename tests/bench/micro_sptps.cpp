// One packet of protocol 1.1, sealed or opened on one core.

#include "tinc/sptps/datagram.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <memory>

namespace tinc::sptps {
namespace {

constexpr std::array<std::byte, 1424> frame{};
constexpr std::array<std::byte, crypto::ChaChaPoly1305::key_bytes> key{};

void seal(benchmark::State& state) {
    Sealer sealer(key, std::make_shared<SequenceCounter>());
    packet::Packet packet;
    for (auto _ : state) {
        packet.assign(frame);
        if (!sealer.seal(packet, 0)) state.SkipWithError("not sealed");
        benchmark::DoNotOptimize(packet);
    }
    state.SetBytesProcessed(state.iterations() * std::ssize(frame));
}

void open(benchmark::State& state) {
    Sealer sealer(key, std::make_shared<SequenceCounter>());
    Opener opener(key, 0, 0);  // without a window one packet serves for all
    packet::Packet sealed;
    sealed.assign(frame);
    if (!sealer.seal(sealed, 0)) state.SkipWithError("not sealed");
    packet::Packet packet;
    std::uint8_t type = 0;
    for (auto _ : state) {
        packet.assign(sealed.bytes());
        if (opener.open(packet, type) != Opener::Verdict::opened) state.SkipWithError("not opened");
        benchmark::DoNotOptimize(packet);
    }
    state.SetBytesProcessed(state.iterations() * std::ssize(frame));
}

BENCHMARK(seal)->Name("seal/sptps");
BENCHMARK(open)->Name("open/sptps");

}  // namespace
}  // namespace tinc::sptps
