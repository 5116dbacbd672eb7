#include "tinc/packet/frame.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tinc::packet {

namespace {

constexpr std::size_t ethertype_at = 12;
constexpr std::uint32_t low_half = 0xffffU;

enum class Tag : std::uint8_t { none, allowed };

bool is_sound_ipv4(Bytes packet) {
    if (packet.size() < ipv4_bytes) return false;
    const auto first = std::to_integer<unsigned>(packet[0]);
    return first >> 4U == 4 && (first & 0xfU) >= 5;
}

bool is_sound_ipv6(Bytes packet) {
    return packet.size() >= ipv6_bytes && std::to_integer<unsigned>(packet[0]) >> 4U == 6;
}

std::optional<IpPlace> place_of_ip(Bytes frame, Tag tag) {
    if (frame.size() < ethernet_bytes) return std::nullopt;
    std::size_t offset = ethernet_bytes;
    auto type = ethertype(frame);
    if (type == ethertype_vlan && tag == Tag::allowed) {
        offset += vlan_tag_bytes;
        if (frame.size() < offset) return std::nullopt;
        type = get_u16(frame, ethertype_at + vlan_tag_bytes);
    }
    const auto packet = frame.subspan(offset);
    if (type == ethertype_ipv4 && is_sound_ipv4(packet)) return IpPlace{Family::ipv4, offset};
    if (type == ethertype_ipv6 && is_sound_ipv6(packet)) return IpPlace{Family::ipv6, offset};
    return std::nullopt;
}

template <std::size_t count>
std::array<std::byte, count> array_at(Bytes bytes, std::size_t at) {
    std::array<std::byte, count> out{};
    std::ranges::copy(bytes.subspan(at, count), out.begin());
    return out;
}

IpHeader read_ipv4(Bytes packet) {
    return {.family = Family::ipv4,
            .source = Address::v4(array_at<4>(packet, 12)),
            .destination = Address::v4(array_at<4>(packet, 16)),
            .traffic_class = std::to_integer<std::uint8_t>(packet[1]),
            .hop_limit = std::to_integer<std::uint8_t>(packet[8]),
            .dont_fragment = (packet[6] & std::byte{0x40}) != std::byte{0}};
}

IpHeader read_ipv6(Bytes packet) {
    return {.family = Family::ipv6,
            .source = Address::inner_v6(array_at<16>(packet, 8)),
            .destination = Address::inner_v6(array_at<16>(packet, 24)),
            .traffic_class = static_cast<std::uint8_t>(get_u16(packet, 0) >> 4U & 0xffU),
            .hop_limit = std::to_integer<std::uint8_t>(packet[7]),
            .dont_fragment = true};
}

std::optional<IpHeader> parse_ip(Bytes frame, Tag tag) {
    const auto place = place_of_ip(frame, tag);
    if (!place) return std::nullopt;
    const auto packet = frame.subspan(place->offset);
    auto header = place->family == Family::ipv4 ? read_ipv4(packet) : read_ipv6(packet);
    header.offset = place->offset;
    return header;
}

std::uint32_t fold(std::uint64_t sum) {
    while (sum > low_half) sum = (sum & low_half) + (sum >> 16U);
    return static_cast<std::uint32_t>(sum);
}

// The sum modulo 2^64 - 1, which is a multiple of 2^16 - 1.
std::uint64_t add_with_carry(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t sum = a + b;
    return sum + (sum < b ? 1U : 0U);
}

template <typename Word>
std::uint64_t load(const std::byte* at) {
    Word word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// `count` (below 8) bytes as words in the order of the host; an odd last one as if 0 followed.
std::uint64_t sum_of_last(const std::byte* at, std::size_t count) {
    std::uint64_t sum = 0;
    if ((count & 4U) != 0) {
        sum = load<std::uint32_t>(at);
        at += 4;
    }
    if ((count & 2U) != 0) {
        sum += load<std::uint16_t>(at);
        at += 2;
    }
    if ((count & 1U) != 0) {
        const std::array<std::byte, 2> padded{*at};
        sum += load<std::uint16_t>(padded.data());
    }
    return sum;
}

std::uint32_t in_network_order(std::uint32_t word) {
    if constexpr (std::endian::native == std::endian::big) return word;
    return (word & 0xffU) << 8U | word >> 8U;
}

}  // namespace

std::uint16_t ethertype(Bytes frame) { return get_u16(frame, ethertype_at); }

MacAddress destination_mac(Bytes frame) { return array_at<mac_bytes>(frame, 0); }

MacAddress source_mac(Bytes frame) { return array_at<mac_bytes>(frame, mac_bytes); }

std::optional<IpHeader> parse_ip(Bytes frame) { return parse_ip(frame, Tag::none); }

std::optional<IpHeader> parse_tagged_ip(Bytes frame) { return parse_ip(frame, Tag::allowed); }

std::optional<IpPlace> find_ip(Bytes frame) { return place_of_ip(frame, Tag::allowed); }

// The words of 16 bits are added as they lie in memory, sixteen at a time, and their sum is brought
// into network order at the end: exchanging the bytes of all words exchanges those of their sum
// (RFC 1071, 2). Several sums do not wait for each other's carry.
std::uint32_t checksum_add(std::uint32_t sum, Bytes data) {
    using Word = std::uint64_t;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    std::uint64_t fourth = 0;
    const auto* at = data.data();
    auto left = data.size();
    for (; left >= 4 * sizeof(Word); left -= 4 * sizeof(Word), at += 4 * sizeof(Word)) {
        first = add_with_carry(first, load<Word>(at));
        second = add_with_carry(second, load<Word>(at + sizeof(Word)));
        third = add_with_carry(third, load<Word>(at + 2 * sizeof(Word)));
        fourth = add_with_carry(fourth, load<Word>(at + 3 * sizeof(Word)));
    }
    for (; left >= sizeof(Word); left -= sizeof(Word), at += sizeof(Word))
        first = add_with_carry(first, load<Word>(at));
    second = add_with_carry(second, sum_of_last(at, left));
    const auto native =
        fold(add_with_carry(add_with_carry(first, second), add_with_carry(third, fourth)));
    return fold(std::uint64_t{sum} + in_network_order(native));
}

std::uint16_t checksum_finish(std::uint32_t sum) {
    return static_cast<std::uint16_t>(~fold(sum) & low_half);
}

std::uint16_t checksum_replace(std::uint16_t checksum, std::uint16_t old_word,
                               std::uint16_t new_word) {
    const std::uint32_t sum = (~std::uint32_t{checksum} & low_half) +
                              (~std::uint32_t{old_word} & low_half) + std::uint32_t{new_word};
    return checksum_finish(sum);
}

std::uint16_t checksum_ipv6(Bytes addresses, std::uint8_t next_header, Bytes message) {
    auto sum = checksum_add(next_header, addresses);
    sum += fold(message.size());
    return checksum_finish(checksum_add(sum, message));
}

}  // namespace tinc::packet
