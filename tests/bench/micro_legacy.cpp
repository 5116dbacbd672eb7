// One packet of protocol 1.0, sealed or opened on one core: defaults, and without cipher and
// digest.

#include "support/seeded_random.hpp"
#include "tinc/legacy/datagram.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <string_view>

namespace tinc::legacy {
namespace {

constexpr std::array<std::byte, 1424> frame{};

PacketKey key_with(std::string_view cipher, std::string_view digest) {
    test::SeededRandom random(1);
    return make_packet_key(
        {crypto::cipher_by_name(cipher).value(), crypto::digest_by_name(digest).value()}, random);
}

void seal(benchmark::State& state, std::string_view cipher, std::string_view digest) {
    auto sealer = Sealer::create(key_with(cipher, digest)).value();
    packet::Compression compression;
    packet::Packet packet;
    for (auto _ : state) {
        packet.assign(frame);
        if (!sealer.seal(packet, compression)) state.SkipWithError("not sealed");
        benchmark::DoNotOptimize(packet);
    }
    state.SetBytesProcessed(state.iterations() * std::ssize(frame));
}

void open(benchmark::State& state, std::string_view cipher, std::string_view digest) {
    const auto key = key_with(cipher, digest);
    auto sealer = Sealer::create(key).value();
    auto opener = Opener::create(key, 0).value();  // without a window one packet serves for all
    packet::Compression compression;
    packet::Packet sealed;
    sealed.assign(frame);
    if (!sealer.seal(sealed, compression)) state.SkipWithError("not sealed");
    packet::Packet packet;
    for (auto _ : state) {
        packet.assign(sealed.bytes());
        if (opener.open(packet, compression, nullptr) != Opener::Verdict::opened)
            state.SkipWithError("not opened");
        benchmark::DoNotOptimize(packet);
    }
    state.SetBytesProcessed(state.iterations() * std::ssize(frame));
}

BENCHMARK_CAPTURE(seal, legacy, "aes-256-cbc", "sha256");
BENCHMARK_CAPTURE(open, legacy, "aes-256-cbc", "sha256");
BENCHMARK_CAPTURE(seal, plain, "none", "none");
BENCHMARK_CAPTURE(open, plain, "none", "none");

}  // namespace
}  // namespace tinc::legacy
