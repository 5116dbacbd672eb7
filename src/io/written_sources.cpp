#include "io/written_sources.hpp"

namespace tinc::io {

namespace {

constexpr std::size_t source_at = 6;
constexpr std::size_t source_end = 12;

std::uint64_t source_of(Bytes frame) {
    std::uint64_t address = 0;
    for (std::size_t i = source_at; i < source_end; ++i)
        address = address << 8U | std::to_integer<std::uint64_t>(frame[i]);
    return address;
}

std::size_t place_of(std::uint64_t address, std::size_t size) {
    constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15;
    return static_cast<std::size_t>((address * golden_ratio) >> 32U) % size;
}

}  // namespace

void WrittenSources::note(Bytes frame, Time now) {
    if (frame.size() < source_end) return;
    const auto address = source_of(frame);
    entries_[place_of(address, size)] = {address, now + memory};
}

bool WrittenSources::is_echo(Bytes frame, Time now) const {
    if (frame.size() < source_end) return false;
    const auto address = source_of(frame);
    const auto& entry = entries_[place_of(address, size)];
    return entry.address == address && now < entry.until;
}

}  // namespace tinc::io
