// Super-packets of 64 KiB, cut and joined; frames of 1424 bytes as in a mesh over Ethernet. The
// counter "per_frame" is the time that one frame takes.

#include "support/super_packet.hpp"
#include "tinc/packet/coalescer.hpp"
#include "tinc/packet/frame.hpp"
#include "tinc/packet/segmenter.hpp"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace tinc::packet {
namespace {

constexpr std::size_t frame_bytes = 1424;
constexpr std::size_t timestamp_bytes = 12;

std::size_t payload_of_frame(const test::IpFields& ip) {
    const bool is_v6 = ip.source == test::from_v6.source;
    return frame_bytes - ethernet_bytes - (is_v6 ? ipv6_bytes : ipv4_bytes) - tcp_bytes -
           timestamp_bytes;
}

test::SuperPacket large_packet(const test::IpFields& ip) {
    const auto options = test::frame_of("0101 080a 0000000100000002");
    const auto size = payload_of_frame(ip);
    const test::Frame data(65'000 / size * size, std::byte{0x5a});
    return test::super_packet(test::tcp_frame(ip, {.options = options}, data),
                              static_cast<std::uint16_t>(size));
}

void count_frames(benchmark::State& state, std::size_t frames) {
    const auto all = static_cast<double>(state.iterations()) * static_cast<double>(frames);
    state.counters["per_frame"] =
        benchmark::Counter(all, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void sum(benchmark::State& state) {
    const test::Frame frame(static_cast<std::size_t>(state.range(0)), std::byte{0x5a});
    for (auto _ : state) benchmark::DoNotOptimize(checksum_add(0, frame));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}

void cut(benchmark::State& state, const test::IpFields& ip) {
    const auto packet = large_packet(ip);
    Batch batch;
    Segmenter segmenter;
    std::size_t frames = 0;
    for (auto _ : state) {
        batch.clear();
        if (!segmenter.start(packet.header, packet.ip)) state.SkipWithError("refused");
        while (!segmenter.is_done()) segmenter.next(batch.add());
        frames = batch.size();
        benchmark::ClobberMemory();
    }
    count_frames(state, frames);
}

void join(benchmark::State& state, const test::IpFields& ip) {
    const auto packet = large_packet(ip);
    const auto frames = test::split(packet.header, packet.ip).value();
    Batch batch;
    std::vector<Packet*> pointers;
    for (const auto& frame : frames) {
        batch.add().assign(frame);
        pointers.push_back(&batch[batch.size() - 1]);
    }
    Coalescer coalescer(Coalescer::Udp::joined);
    for (auto _ : state) {
        batch[0].assign(frames[0]);  // its headers were made those of the whole
        if (coalescer.arrange(pointers).size() != 1) state.SkipWithError("kept apart");
        benchmark::ClobberMemory();
    }
    count_frames(state, frames.size());
}

BENCHMARK(sum)->Arg(20)->Arg(frame_bytes);
BENCHMARK_CAPTURE(cut, ipv4, test::from_v4);
BENCHMARK_CAPTURE(cut, ipv6, test::from_v6);
BENCHMARK_CAPTURE(join, ipv4, test::from_v4);
BENCHMARK_CAPTURE(join, ipv6, test::from_v6);

}  // namespace
}  // namespace tinc::packet
