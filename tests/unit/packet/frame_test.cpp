#include "tinc/packet/frame.hpp"
#include "support/frames.hpp"
#include "support/seeded_random.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;

TEST(FrameTest, ReadsAnIpv4Header) {
    const auto frame =
        test::udp_frame({.hop_limit = 7, .traffic_class = 0x2e, .flags_and_offset = 0x4000}, 5);
    const auto ip = parse_ip(frame);
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->family, Family::ipv4);
    EXPECT_EQ(ip->source.text(), "10.1.0.1");
    EXPECT_EQ(ip->destination.text(), "10.2.0.2");
    EXPECT_EQ(ip->traffic_class, 0x2e);
    EXPECT_EQ(ip->hop_limit, 7);
    EXPECT_TRUE(ip->dont_fragment);
    EXPECT_FALSE(parse_ip(test::udp_frame(test::from_v4, 5))->dont_fragment);
}

TEST(FrameTest, ReadsAnIpv6Header) {
    auto fields = test::from_v6;
    fields.hop_limit = 9;
    fields.traffic_class = 0xb8;
    const auto ip = parse_ip(test::udp_frame(fields, 5));
    ASSERT_TRUE(ip);
    EXPECT_EQ(ip->family, Family::ipv6);
    EXPECT_EQ(ip->source.text(), "fd01::1");
    EXPECT_EQ(ip->destination.text(), "fd02::2");
    EXPECT_EQ(ip->traffic_class, 0xb8);
    EXPECT_EQ(ip->hop_limit, 9);
    EXPECT_TRUE(ip->dont_fragment);
}

TEST(FrameTest, TellsTheTwoMacAddresses) {
    const auto frame = test::odd_frame(14);
    EXPECT_TRUE(std::ranges::equal(destination_mac(frame), test::mac(2)));
    EXPECT_TRUE(std::ranges::equal(source_mac(frame), test::mac(1)));
}

TEST(FrameTest, TakesAMappedAddressForIpv6) {
    auto frame = test::udp_frame({.source = "fd01::1", .destination = "fd02::1"}, 5);
    const auto mapped = frame_of("00000000 00000000 0000ffff 0a020001");
    std::ranges::copy(mapped, frame.begin() + 14 + 24);
    ASSERT_TRUE(parse_ip(frame));
    EXPECT_EQ(parse_ip(frame)->destination.family(), Family::ipv6);
    EXPECT_TRUE(std::ranges::equal(parse_ip(frame)->destination.bytes(), mapped));
}

TEST(FrameTest, LooksBehindATagOnlyWhenAsked) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        const auto plain = test::udp_frame(fields, 5);
        const auto tagged = test::with_vlan_tag(plain);
        EXPECT_EQ(ethertype(tagged), ethertype_vlan);
        EXPECT_FALSE(parse_ip(tagged));
        ASSERT_TRUE(parse_tagged_ip(tagged));
        EXPECT_EQ(parse_tagged_ip(tagged)->source.text(), fields.source);
        EXPECT_EQ(parse_tagged_ip(plain)->source.text(), fields.source);
        EXPECT_EQ(parse_tagged_ip(tagged)->offset, 18U);
        EXPECT_EQ(parse_tagged_ip(plain)->offset, 14U);
        EXPECT_EQ(find_ip(tagged)->offset, 18U);
        EXPECT_EQ(find_ip(plain)->offset, 14U);
        EXPECT_FALSE(parse_tagged_ip(test::with_vlan_tag(tagged)));
    }
}

struct BadFrame {
    std::string name;
    std::size_t at;
    std::uint16_t word;
};

class IpFrameRejects : public testing::TestWithParam<BadFrame> {};

TEST_P(IpFrameRejects, Contradictions) {
    auto frame = test::udp_frame(test::from_v4, 100);
    ASSERT_TRUE(parse_ip(frame));
    put_u16(frame, GetParam().at, GetParam().word);
    EXPECT_FALSE(parse_ip(frame));
    EXPECT_FALSE(find_ip(frame));
}

INSTANTIATE_TEST_SUITE_P(Packet, IpFrameRejects,
                         testing::Values(BadFrame{"ihl_of_four", 14, 0x4400},
                                         BadFrame{"ihl_of_zero", 14, 0x4000},
                                         BadFrame{"version_six", 14, 0x6500},
                                         BadFrame{"version_zero", 14, 0x0500},
                                         BadFrame{"ethertype_of_ipv6", 12, 0x86dd},
                                         BadFrame{"ethertype_of_arp", 12, 0x0806},
                                         BadFrame{"ethertype_of_a_probe", 12, 0x0000}),
                         [](const auto& test) { return test.param.name; });

TEST(FrameTest, NeedsTheWholeFixedHeader) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        const auto whole = test::ip_frame(fields, 200, {});
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const Frame part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(parse_ip(part)) << size;
        }
        EXPECT_TRUE(parse_ip(whole));

        const auto tagged = test::with_vlan_tag(whole);
        for (std::size_t size = 0; size < tagged.size(); ++size) {
            const Frame part(tagged.begin(), tagged.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(parse_tagged_ip(part)) << size;
        }
    }
}

TEST(ChecksumTest, IsThatOfTheRfc) {
    // RFC 1071, section 3: the sum of these is ddf2.
    EXPECT_EQ(checksum_finish(checksum_add(0, frame_of("0001 f203 f4f5 f6f7"))), 0xffff - 0xddf2);
}

TEST(ChecksumTest, PadsAnOddLastByteBehind) {
    EXPECT_EQ(checksum_finish(checksum_add(0, frame_of("12 34 56"))),
              checksum_finish(checksum_add(0, frame_of("12 34 56 00"))));
}

TEST(ChecksumTest, MayBeTakenPieceByPiece) {
    const auto frame = test::udp_frame(test::from_v4, 301);
    const Bytes all(frame);
    const auto first = checksum_add(0, all.first(100));
    EXPECT_EQ(checksum_finish(checksum_add(first, all.subspan(100))),
              checksum_finish(checksum_add(0, all)));
}

TEST(ChecksumTest, DoesNotOverflow) {
    const Frame ones(1U << 20U, std::byte{0xff});
    EXPECT_EQ(checksum_finish(checksum_add(0xffffffff, ones)), 0);
}

/// RFC 1071 word by word.
std::uint32_t plain_checksum_add(std::uint32_t sum, Bytes data) {
    std::uint64_t wide = sum;
    for (std::size_t i = 0; i < data.size(); ++i)
        wide += std::to_integer<std::uint64_t>(data[i]) << (i % 2 == 0 ? 8U : 0U);
    while (wide > 0xffff) wide = (wide & 0xffffU) + (wide >> 16U);
    return static_cast<std::uint32_t>(wide);
}

TEST(ChecksumTest, IsExactAtEveryLengthAndAlignment) {
    test::SeededRandom random(7);
    Frame data(300);
    random.fill(data);
    for (std::size_t at = 0; at < 16; ++at)
        for (std::size_t size = 0; at + size <= data.size(); ++size) {
            const auto piece = Bytes(data).subspan(at, size);
            const auto before = random.next_u32();
            ASSERT_EQ(checksum_add(before, piece), plain_checksum_add(before, piece))
                << size << " bytes at " << at;
        }
}

TEST(ChecksumTest, IsExactWhereCarriesMeet) {
    test::SeededRandom random(8);
    constexpr std::array likely{std::byte{0xff}, std::byte{0xff}, std::byte{0xff}, std::byte{0},
                                std::byte{1},    std::byte{0xfe}, std::byte{0x80}};
    for (int i = 0; i < 20'000; ++i) {
        Frame data(random.next_u32() % 80);
        for (auto& byte : data) byte = likely[random.next_u32() % likely.size()];
        for (const auto before : {0U, 1U, 0xffffU, 0xffffffffU})
            ASSERT_EQ(checksum_add(before, data), plain_checksum_add(before, data))
                << hex_text(data);
    }
}

TEST(ChecksumTest, IsZeroForZerosAlone) {
    EXPECT_EQ(checksum_add(0, Frame(77)), 0);
    EXPECT_EQ(checksum_add(0, Frame(78, std::byte{0xff})), 0xffff);
}

TEST(ChecksumTest, OfIpv6IsZeroOverARightMessage) {
    const auto frame = test::udp_frame(test::from_v6, 33);
    const Bytes all(frame);
    EXPECT_EQ(checksum_ipv6(all.subspan(22, 32), 17, all.subspan(54)), 0);
}

TEST(ChecksumTest, StaysRightWhenAWordIsReplaced) {
    test::SeededRandom random(3);
    Frame data(8);
    for (int i = 0; i < 5'000; ++i) {
        random.fill(data);
        put_u16(data, 2, 0);
        put_u16(data, 2, checksum_finish(checksum_add(0, data)));
        const auto word = static_cast<std::uint16_t>(random.next_u32());
        put_u16(data, 2, checksum_replace(get_u16(data, 2), get_u16(data, 4), word));
        put_u16(data, 4, word);
        ASSERT_EQ(checksum_finish(checksum_add(0, data)), 0) << hex_text(data);
    }
}

}  // namespace
}  // namespace tinc::packet
