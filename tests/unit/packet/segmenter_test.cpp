#include "tinc/packet/segmenter.hpp"
#include "support/frames.hpp"
#include "support/seeded_random.hpp"
#include "support/super_packet.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;
using test::IpFields;
using test::is_right;
using test::split;
using test::super_packet;
using test::SuperPacket;

constexpr std::uint8_t ack = 0x10;

Frame random_bytes(std::size_t count) {
    test::SeededRandom random(count);
    Frame out(count);
    random.fill(out);
    return out;
}

Bytes piece_of(const Frame& data, std::size_t index, std::size_t size) {
    const auto begin = std::min(index * size, data.size());
    return Bytes(data).subspan(begin, std::min(size, data.size() - begin));
}

IpFields numbered(IpFields ip, std::size_t index) {
    ip.identification = static_cast<std::uint16_t>(ip.identification + index);
    return ip;
}

/// The frames that a host without offload sends in place of the super-packet.
std::vector<Frame> tcp_frames(const IpFields& ip, test::TcpFields tcp, const Frame& data,
                              std::size_t size) {
    std::vector<Frame> out;
    for (std::size_t i = 0; i * size < data.size(); ++i) {
        out.push_back(
            test::without_macs(test::tcp_frame(numbered(ip, i), tcp, piece_of(data, i, size))));
        tcp.sequence += static_cast<std::uint32_t>(size);
    }
    return out;
}

TEST(SegmenterTest, CutsTcpIntoTheFramesOfAHostWithoutOffload) {
    const auto options = frame_of("0101 080a 0000000100000002");
    const auto data = random_bytes(10'000);
    for (const auto& ip : {IpFields{.traffic_class = 2, .flags_and_offset = 0x4000},
                           IpFields{.traffic_class = 8}, test::from_v6})
        for (const Bytes with : {Bytes{}, Bytes(options)}) {
            const test::TcpFields tcp{.acknowledgement = 77, .options = with};
            const auto whole = super_packet(test::tcp_frame(ip, tcp, data), 1387);
            EXPECT_EQ(split(whole.header, whole.ip), tcp_frames(ip, tcp, data, 1387));
        }
}

TEST(SegmenterTest, CutsUdpIntoTheFramesOfAHostWithoutOffload) {
    const auto data = random_bytes(5'000);
    for (const auto& ip : {test::from_v4, test::from_v6}) {
        std::vector<Frame> expected;
        for (std::size_t i = 0; i * 999 < data.size(); ++i)
            expected.push_back(test::without_macs(
                test::udp_frame(numbered(ip, i), test::UdpFields{}, piece_of(data, i, 999))));
        const auto whole = super_packet(test::udp_frame(ip, test::UdpFields{}, data), 999);
        EXPECT_EQ(split(whole.header, whole.ip), expected);
    }
}

TEST(SegmenterTest, LetsIdentificationAndSequenceWrap) {
    const IpFields ip{.identification = 0xffff};
    const test::TcpFields tcp{.sequence = 0xffffff00};
    const auto data = random_bytes(3'000);
    const auto whole = super_packet(test::tcp_frame(ip, tcp, data), 1000);
    EXPECT_EQ(split(whole.header, whole.ip), tcp_frames(ip, tcp, data, 1000));
}

TEST(SegmenterTest, LeavesFlagsWhereTheyBelong) {
    const auto frame = test::tcp_frame(test::from_v4, {.flags = 0xff}, Frame(3'000));
    auto whole = super_packet(frame, 1'000);
    whole.header.gso_type |= gso_ecn;
    const auto frames = split(whole.header, whole.ip);
    ASSERT_TRUE(frames);
    std::vector<unsigned> flags;
    for (const auto& each : *frames) flags.push_back(std::to_integer<unsigned>(each[14 + 33]));
    EXPECT_THAT(flags, testing::ElementsAre(0xf6, 0x76, 0x7f));
}

TEST(SegmenterTest, GivesOneFrameForWhatFitsIntoOne) {
    for (const std::size_t size : {0U, 1U, 1000U}) {
        const auto frame = test::tcp_frame(test::from_v6, {.flags = 0xff}, Frame(size));
        const auto whole = super_packet(frame, 1'000);
        EXPECT_EQ(split(whole.header, whole.ip), std::vector<Frame>{test::without_macs(frame)});
    }
}

TEST(SegmenterTest, TakesSegmentsOfOneByte) {
    const auto data = random_bytes(65'000);
    const auto whole = super_packet(test::tcp_frame(test::from_v4, test::TcpFields{}, data), 1);
    Segmenter segmenter;
    ASSERT_TRUE(segmenter.start(whole.header, whole.ip));
    for (const auto byte : data) {
        Packet frame;
        ASSERT_FALSE(segmenter.is_done());
        segmenter.next(frame);
        ASSERT_EQ(frame.size(), 55);
        ASSERT_EQ(frame.bytes()[54], byte);
        ASSERT_TRUE(is_right(frame.bytes()));
    }
    EXPECT_TRUE(segmenter.is_done());
}

TEST(SegmenterTest, KeepsOptionsOfIpv4) {
    auto whole =
        super_packet(test::tcp_frame(test::from_v4, test::TcpFields{}, random_bytes(900)), 400);
    const auto options = frame_of("94040000 01010100");
    whole.ip.insert(whole.ip.begin() + 20, options.begin(), options.end());
    whole.ip[0] = std::byte{0x47};
    put_u16(whole.ip, 2, static_cast<std::uint16_t>(whole.ip.size()));
    whole.header.csum_start = 28;
    const auto frames = split(whole.header, whole.ip);
    ASSERT_TRUE(frames);
    ASSERT_EQ(frames->size(), 3);
    for (const auto& frame : *frames) {
        EXPECT_TRUE(is_right(frame)) << hex_text(frame);
        EXPECT_EQ(hex_text(Bytes(frame).subspan(34, 8)), hex_text(options));
    }
}

TEST(SegmenterTest, KeepsExtensionHeadersOfIpv6) {
    auto whole = super_packet(test::udp_frame(test::from_v6, 900), 400);
    const auto destination_options = frame_of("11 00 01 04 00000000");
    whole.ip.insert(whole.ip.begin() + 40, destination_options.begin(), destination_options.end());
    whole.ip[6] = std::byte{60};
    put_u16(whole.ip, 4, static_cast<std::uint16_t>(whole.ip.size() - 40));
    whole.header.csum_start = 48;
    const auto frames = split(whole.header, whole.ip);
    ASSERT_TRUE(frames);
    ASSERT_EQ(frames->size(), 3);
    for (const auto& frame : *frames) {
        EXPECT_TRUE(is_right(frame)) << hex_text(frame);
        const auto ip = Bytes(frame).subspan(14);
        EXPECT_TRUE(test::is_right_message(ip, 17, 48)) << hex_text(frame);
        EXPECT_EQ(hex_text(ip.subspan(40, 8)), hex_text(destination_options));
    }
}

/// A UDP message of one word whose checksum comes out as zero.
Frame udp_frame_summing_to_zero() {
    auto frame = test::udp_frame(test::from_v4, test::UdpFields{}, Frame(2));
    const auto missing = get_u16(frame, 14 + 20 + 6);
    return test::udp_frame(test::from_v4, test::UdpFields{},
                           Frame{std::byte(missing >> 8U), std::byte(missing & 0xffU)});
}

TEST(SegmenterTest, NeverSaysThatUdpHasNoChecksum) {
    const auto frame = test::without_macs(udp_frame_summing_to_zero());
    ASSERT_EQ(get_u16(frame, 14 + 20 + 6), 0xffff);
    auto packet = super_packet(frame, 2);
    EXPECT_EQ(split(packet.header, packet.ip), std::vector<Frame>{frame});
    packet.header.gso_type = 0;
    EXPECT_EQ(split(packet.header, packet.ip), std::vector<Frame>{frame});
}

TEST(SegmenterTest, CompletesTheChecksumOfAWholePacket) {
    for (const auto& ip : {test::from_v4, test::from_v6})
        for (const auto& frame :
             {test::udp_frame(ip, 301), test::tcp_frame(ip, frame_of("020405b4"), 1)}) {
            auto packet = super_packet(frame, 0);
            packet.header.gso_type = 0;
            EXPECT_EQ(split(packet.header, packet.ip),
                      std::vector<Frame>{test::without_macs(frame)});
        }
}

TEST(SegmenterTest, CopiesAWholePacketThatNeedsNothing) {
    auto odd = test::udp_frame(test::from_v4, 64);
    odd.resize(70);
    for (const auto& frame : {test::udp_frame(test::from_v6, 64), odd}) {
        constexpr std::uint8_t data_valid = 2;
        const auto ip = Bytes(frame).subspan(14);
        EXPECT_EQ(split({.flags = data_valid, .csum_start = 9}, ip),
                  std::vector<Frame>{test::without_macs(frame)});
    }
}

TEST(SegmenterTest, ObeysTheLimitOfFrames) {
    constexpr std::size_t tcp_limit = limits::frame_bytes - 14 - 40;
    const auto frame = test::tcp_frame(test::from_v4, test::TcpFields{}, Frame(3 * tcp_limit));
    auto whole = super_packet(frame, tcp_limit);
    const auto frames = split(whole.header, whole.ip);
    ASSERT_TRUE(frames);
    EXPECT_EQ(frames->size(), 3);
    EXPECT_EQ(frames->front().size(), limits::frame_bytes);
    ++whole.header.gso_size;
    EXPECT_FALSE(split(whole.header, whole.ip));

    const Frame ip = frame_of("45");
    Frame large(limits::frame_bytes - 14);
    large[0] = ip[0];
    EXPECT_TRUE(split({}, large));
    large.emplace_back();
    EXPECT_FALSE(split({}, large));
}

TEST(SegmenterTest, ForgetsWhatWasLeftWhenItBeginsAnew) {
    const auto whole = super_packet(test::udp_frame(test::from_v4, 900), 400);
    Segmenter segmenter;
    EXPECT_TRUE(segmenter.is_done());
    ASSERT_TRUE(segmenter.start(whole.header, whole.ip));
    EXPECT_FALSE(segmenter.is_done());
    EXPECT_FALSE(segmenter.start({}, {}));
    EXPECT_TRUE(segmenter.is_done());
}

struct Contradiction {
    std::string name;
    std::function<void(SuperPacket&)> make;
};

class SegmenterRefuses : public testing::TestWithParam<Contradiction> {};

TEST_P(SegmenterRefuses, APacketThatItsHeaderContradicts) {
    auto packet = super_packet(test::tcp_frame(test::from_v4, {.flags = ack}, Frame(900)), 400);
    ASSERT_TRUE(split(packet.header, packet.ip));
    GetParam().make(packet);
    EXPECT_FALSE(split(packet.header, packet.ip));
}

void set_whole(SuperPacket& packet, std::uint16_t start, std::uint16_t offset) {
    packet.header = {.flags = needs_csum, .csum_start = start, .csum_offset = offset};
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, SegmenterRefuses, testing::Values(
    Contradiction{"no_bytes", [](auto& packet) { packet.ip.clear(); }},
    Contradiction{"version_5", [](auto& packet) { packet.ip[0] = std::byte{0x55}; }},
    Contradiction{"version_6", [](auto& packet) { packet.ip[0] = std::byte{0x65}; }},
    Contradiction{"of_the_other_family", [](auto& packet) { packet.header.gso_type = 4; }},
    Contradiction{"of_the_other_protocol", [](auto& packet) { packet.header.gso_type = 5; }},
    Contradiction{"of_a_type_unknown", [](auto& packet) { packet.header.gso_type = 3; }},
    Contradiction{"of_no_type_but_ecn", [](auto& packet) { packet.header.gso_type = gso_ecn; }},
    Contradiction{"without_partial_checksum", [](auto& packet) { packet.header.flags = 0; }},
    Contradiction{"segments_of_nothing", [](auto& packet) { packet.header.gso_size = 0; }},
    Contradiction{"transport_in_the_ip_header", [](auto& packet) { packet.header.csum_start = 19; }},
    Contradiction{"transport_behind_the_ip_header", [](auto& packet) { packet.header.csum_start = 24; }},
    Contradiction{"transport_at_the_end", [](auto& packet) { packet.header.csum_start = 940; }},
    Contradiction{"transport_behind_the_end", [](auto& packet) { packet.header.csum_start = 0xffff; }},
    Contradiction{"checksum_elsewhere", [](auto& packet) { packet.header.csum_offset = 6; }},
    Contradiction{"a_length_too_short", [](auto& packet) { packet.ip[3] ^= std::byte{1}; }},
    Contradiction{"cut_off", [](auto& packet) { packet.ip.pop_back(); }},
    Contradiction{"another_protocol", [](auto& packet) { packet.ip[9] = std::byte{17}; }},
    Contradiction{"a_fragment", [](auto& packet) { packet.ip[7] = std::byte{1}; }},
    Contradiction{"more_fragments", [](auto& packet) { packet.ip[6] = std::byte{0x20}; }},
    Contradiction{"tcp_header_too_short", [](auto& packet) { packet.ip[32] = std::byte{0x40}; }},
    Contradiction{"ip_header_alone", [](auto& packet) { packet.ip.resize(20); packet.ip[2] = {}; packet.ip[3] = std::byte{20}; }},
    Contradiction{"tcp_header_cut_off", [](auto& packet) { packet.ip.resize(43); packet.ip[2] = {}; packet.ip[3] = std::byte{43}; packet.ip[32] = std::byte{0x60}; }},
    Contradiction{"whole_with_no_transport", [](auto& packet) { set_whole(packet, 0, 0); }},
    Contradiction{"whole_with_transport_in_the_ip_header", [](auto& packet) { set_whole(packet, 19, 16); }},
    Contradiction{"whole_with_checksum_across_the_end", [](auto& packet) { set_whole(packet, 923, 16); }},
    Contradiction{"whole_with_checksum_beyond", [](auto& packet) { set_whole(packet, 0xffff, 0xffff); }}
), [](const auto& test) { return test.param.name; });
// clang-format on

}  // namespace
}  // namespace tinc::packet
