#include "tinc/packet/offload.hpp"

#include <cstring>

namespace tinc::packet {

namespace {

constexpr std::size_t gso_type_at = 1;
constexpr std::size_t hdr_len_at = 2;
constexpr std::size_t gso_size_at = 4;
constexpr std::size_t csum_start_at = 6;
constexpr std::size_t csum_offset_at = 8;

std::uint16_t get_native_u16(Bytes bytes, std::size_t at) {
    std::uint16_t value = 0;
    std::memcpy(&value, bytes.subspan(at, sizeof value).data(), sizeof value);
    return value;
}

void put_native_u16(MutableBytes bytes, std::size_t at, std::uint16_t value) {
    std::memcpy(bytes.subspan(at, sizeof value).data(), &value, sizeof value);
}

}  // namespace

OffloadHeader parse_offload_header(std::span<const std::byte, offload_header_bytes> bytes) {
    return {.flags = std::to_integer<std::uint8_t>(bytes[0]),
            .gso_type = std::to_integer<std::uint8_t>(bytes[gso_type_at]),
            .hdr_len = get_native_u16(bytes, hdr_len_at),
            .gso_size = get_native_u16(bytes, gso_size_at),
            .csum_start = get_native_u16(bytes, csum_start_at),
            .csum_offset = get_native_u16(bytes, csum_offset_at)};
}

void write(std::span<std::byte, offload_header_bytes> out, const OffloadHeader& header) {
    out[0] = std::byte{header.flags};
    out[gso_type_at] = std::byte{header.gso_type};
    put_native_u16(out, hdr_len_at, header.hdr_len);
    put_native_u16(out, gso_size_at, header.gso_size);
    put_native_u16(out, csum_start_at, header.csum_start);
    put_native_u16(out, csum_offset_at, header.csum_offset);
}

}  // namespace tinc::packet
