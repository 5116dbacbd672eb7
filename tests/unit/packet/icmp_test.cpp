#include "tinc/packet/icmp.hpp"
#include "support/frames.hpp"
#include "tinc/packet/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;
using test::is_right;

Packet packet_of(const Frame& frame) {
    Packet packet;
    packet.assign(frame);
    return packet;
}

Frame first_bytes(const Frame& frame, std::size_t size) {
    return {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
}

struct Message {
    std::string name;
    Unreachable reason;
    std::uint16_t ipv4;  ///< type and code
    std::uint16_t ipv6;
};

class IcmpMessage : public testing::TestWithParam<Message> {};

TEST_P(IcmpMessage, HasTypeAndCodeAndRightChecksums) {
    auto packet = packet_of(test::udp_frame(test::from_v4, 64));
    ASSERT_TRUE(make_icmp_error(packet, GetParam().reason, {}));
    EXPECT_EQ(get_u16(packet.bytes(), 34), GetParam().ipv4);
    EXPECT_TRUE(is_right(packet.bytes()));

    packet = packet_of(test::udp_frame(test::from_v6, 64));
    ASSERT_TRUE(make_icmp_error(packet, GetParam().reason, {}));
    EXPECT_EQ(get_u16(packet.bytes(), 54), GetParam().ipv6);
    EXPECT_TRUE(is_right(packet.bytes()));
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, IcmpMessage, testing::Values(
    Message{"no_subnet", Unreachable::no_subnet, 0x0306, 0x0103},
    Message{"owner_down", Unreachable::owner_down, 0x0300, 0x0100},
    Message{"prohibited", Unreachable::prohibited, 0x0309, 0x0101},
    Message{"too_big", Unreachable::too_big, 0x0304, 0x0200},
    Message{"time_exceeded", Unreachable::time_exceeded, 0x0b00, 0x0300}
), [](const auto& test) { return test.param.name; });
// clang-format on

TEST(IcmpTest, WritesTheWholeIpv4Answer) {
    const auto frame = test::udp_frame(test::from_v4, 3);
    auto packet = packet_of(frame);
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::owner_down, {}));
    auto expected = frame_of(
        "020000000001 020000000002 0800"
        "4500 003b 0000 0000 ff01 a7bc 0a020002 0a010001"
        "0300 1122 00000000");
    expected.insert(expected.end(), frame.begin() + 14, frame.end());
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(expected));
    EXPECT_TRUE(is_right(packet.bytes()));
}

TEST(IcmpTest, WritesTheWholeIpv6Answer) {
    const auto frame = test::udp_frame(test::from_v6, 3);
    auto packet = packet_of(frame);
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::prohibited, {}));
    auto expected = frame_of(
        "020000000001 020000000002 86dd 60000000 003b 3a ff"
        "fd020000000000000000000000000002 fd010000000000000000000000000001"
        "0101 0000 00000000");
    expected.insert(expected.end(), frame.begin() + 14, frame.end());
    put_u16(expected, 56, get_u16(packet.bytes(), 56));  // is_right() judges the checksum
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(expected));
    EXPECT_TRUE(is_right(packet.bytes()));
}

TEST(IcmpTest, QuotesNoMoreThan576BytesAllow) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        const std::size_t head = fields.source.contains(':') ? 48 : 28;
        for (const std::size_t data : {0U, 400U, 490U, 519U, 520U, 521U, 1400U, 1900U}) {
            const auto frame = test::udp_frame(fields, data);
            auto packet = packet_of(frame);
            ASSERT_TRUE(make_icmp_error(packet, Unreachable::too_big, {.mtu = 1436}));
            EXPECT_EQ(packet.size(), std::min(frame.size() + head, std::size_t{14 + 576})) << data;
            EXPECT_TRUE(is_right(packet.bytes())) << data;
            const auto quote = std::as_const(packet).bytes().subspan(14 + head);
            EXPECT_TRUE(std::ranges::equal(quote, Bytes(frame).subspan(14, quote.size())));
        }
    }
}

TEST(IcmpTest, TellsTheMtuOfTheNextHop) {
    auto packet = packet_of(test::udp_frame(test::from_v4, 1400));
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::too_big, {.mtu = 1436}));
    EXPECT_EQ(get_u32(packet.bytes(), 38), 1436U);

    packet = packet_of(test::udp_frame(test::from_v6, 1400));
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::too_big, {.mtu = 1436}));
    EXPECT_EQ(get_u32(packet.bytes(), 58), 1436U);

    packet = packet_of(test::udp_frame(test::from_v4, 1400));
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::no_subnet, {.mtu = 1436}));
    EXPECT_EQ(get_u32(packet.bytes(), 38), 0U);
}

TEST(IcmpTest, SpeaksFromOurAddressWhenTimeIsExceeded) {
    struct Case {
        test::IpFields ip;
        std::string_view ours;
        Unreachable reason;
        std::string_view speaker;
    };
    const auto expired = Unreachable::time_exceeded;
    for (const auto& [ip, ours, reason, speaker] :
         {Case{test::from_v4, "192.0.2.9", expired, "192.0.2.9"},
          Case{test::from_v6, "2001:db8::9", expired, "2001:db8::9"},
          Case{test::from_v4, "2001:db8::9", expired, "10.2.0.2"},
          Case{test::from_v6, "192.0.2.9", expired, "fd02::2"},
          Case{test::from_v4, "192.0.2.9", Unreachable::no_subnet, "10.2.0.2"}}) {
        auto packet = packet_of(test::udp_frame(ip, 30));
        ASSERT_TRUE(make_icmp_error(packet, reason, {.source = Address::parse(ours)}));
        EXPECT_EQ(parse_ip(packet.bytes())->source.text(), speaker);
        EXPECT_EQ(parse_ip(packet.bytes())->destination.text(), ip.source);
        EXPECT_TRUE(is_right(packet.bytes()));
    }
}

TEST(IcmpTest, KeepsAVlanTag) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        auto packet = packet_of(test::with_vlan_tag(test::udp_frame(fields, 700)));
        ASSERT_TRUE(make_icmp_error(packet, Unreachable::too_big, {.mtu = 1400}));
        EXPECT_EQ(packet.size(), 18U + 576U);
        EXPECT_EQ(get_u32(packet.bytes(), 12), 0x81000005U);
        EXPECT_TRUE(is_right(packet.bytes()));
    }
}

TEST(IcmpTest, IsBuiltFromTheFramesOwnAddressBits) {
    // An IPv4-mapped source is still 16 bytes long on the wire.
    auto packet = packet_of(test::udp_frame(test::from_v6, 30));
    const auto mapped = frame_of("00000000000000000000ffff c0000201");
    std::ranges::copy(mapped, packet.bytes().subspan(22).begin());
    ASSERT_TRUE(make_icmp_error(packet, Unreachable::no_subnet, {}));
    EXPECT_TRUE(std::ranges::equal(packet.bytes().subspan(38, 16), mapped));
    EXPECT_TRUE(is_right(packet.bytes()));
}

/// A frame of IPv6 whose payload begins with these extension headers.
Frame extended(std::uint8_t first, std::string_view headers) {
    return test::ip_frame(test::from_v6, first, frame_of(headers));
}

struct Question {
    std::string name;
    Frame frame;
};

void PrintTo(const Question& question, std::ostream* out) { *out << hex_text(question.frame); }

class IcmpSilence : public testing::TestWithParam<Question> {};

TEST_P(IcmpSilence, LeavesTheFrameAsItWas) {
    auto packet = packet_of(GetParam().frame);
    EXPECT_FALSE(make_icmp_error(packet, Unreachable::no_subnet, {}));
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(GetParam().frame));
}

Frame to_mac(Frame frame, std::string_view hex) {
    std::ranges::copy(frame_of(hex), frame.begin());
    return frame;
}

Frame with_header_word(Frame frame, std::uint16_t word) {
    put_u16(frame, 14, word);
    return frame;
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, IcmpSilence, testing::Values(
    Question{"arp", test::arp_request_frame("10.0.0.1", "10.0.0.2")},
    Question{"multicast_4", test::udp_frame({.destination = "224.0.0.5"}, 9)},
    Question{"broadcast_4", test::udp_frame({.destination = "255.255.255.255"}, 9)},
    Question{"multicast_6", test::udp_frame({.source = "fd01::1", .destination = "ff05::2"}, 9)},
    Question{"ethernet_broadcast", to_mac(test::udp_frame(test::from_v4, 9), "ffffffffffff")},
    Question{"ethernet_multicast", to_mac(test::udp_frame(test::from_v6, 9), "333300000001")},
    Question{"from_nobody_4", test::udp_frame({.source = "0.0.0.0"}, 9)},
    Question{"from_nobody_6", test::udp_frame({.source = "::", .destination = "fd02::2"}, 9)},
    Question{"from_multicast_4", test::udp_frame({.source = "239.1.1.1"}, 9)},
    Question{"from_multicast_6", test::udp_frame({.source = "ff02::1", .destination = "fd02::2"}, 9)},
    Question{"from_broadcast", test::udp_frame({.source = "255.255.255.255"}, 9)},
    Question{"from_class_e", test::udp_frame({.source = "240.0.0.1"}, 9)},
    Question{"from_loopback_4", test::udp_frame({.source = "127.0.0.1"}, 9)},
    Question{"from_loopback_6", test::udp_frame({.source = "::1", .destination = "fd02::2"}, 9)},
    Question{"later_fragment_4", test::ip_frame({.flags_and_offset = 1}, 17, Frame(64))},
    Question{"later_fragment_6", extended(44, "11 00 0008 00000001 0000000000000000")},
    Question{"unreachable_4", test::icmp_frame(test::from_v4, 3, 1, Frame(32))},
    Question{"source_quench", test::icmp_frame(test::from_v4, 4, 0, Frame(32))},
    Question{"redirect_4", test::icmp_frame(test::from_v4, 5, 0, Frame(32))},
    Question{"time_exceeded_4", test::icmp_frame(test::from_v4, 11, 0, Frame(32))},
    Question{"parameter_problem_4", test::icmp_frame(test::from_v4, 12, 0, Frame(32))},
    Question{"unreachable_6", test::icmp_frame(test::from_v6, 1, 4, Frame(32))},
    Question{"unknown_error_6", test::icmp_frame(test::from_v6, 127, 0, Frame(32))},
    Question{"redirect_6", test::icmp_frame(test::from_v6, 137, 0, Frame(32))},
    Question{"error_behind_extensions", extended(0, "2b 00 000000000000 3c 00 000000000000 3a 00 000000000000 01 00 0000 00000000")},
    Question{"error_behind_authentication", extended(51, "3a 01 0000 00000000 00000000 01 00 0000")},
    Question{"error_in_a_first_fragment", extended(44, "3a 00 0001 00000001 01 00 0000")},
    Question{"icmp_without_type", test::ip_frame(test::from_v4, 1, {})},
    Question{"icmpv6_without_type", test::ip_frame(test::from_v6, 58, {})},
    Question{"extension_cut_short", extended(60, "11 00 0000000000")},
    Question{"extension_beyond_the_end", extended(60, "11 ff 000000000000")},
    Question{"header_beyond_the_end", with_header_word(test::udp_frame(test::from_v4, 0), 0x4f00)},
    Question{"ihl_too_small", with_header_word(test::udp_frame(test::from_v4, 9), 0x4400)}
), [](const auto& test) { return test.param.name; });

class IcmpAnswer : public testing::TestWithParam<Question> {};

TEST_P(IcmpAnswer, IsGiven) {
    auto packet = packet_of(GetParam().frame);
    EXPECT_TRUE(make_icmp_error(packet, Unreachable::no_subnet, {}));
    EXPECT_TRUE(is_right(packet.bytes()));
}

INSTANTIATE_TEST_SUITE_P(Packet, IcmpAnswer, testing::Values(
    Question{"echo_4", test::icmp_frame(test::from_v4, 8, 0, Frame(32))},
    Question{"echo_6", test::icmp_frame(test::from_v6, 128, 0, Frame(32))},
    Question{"first_fragment_4", test::ip_frame({.flags_and_offset = 0x2000}, 17, Frame(64))},
    Question{"first_fragment_6", extended(44, "11 00 0001 00000001 0000000000000000")},
    Question{"no_payload_4", test::ip_frame(test::from_v4, 17, {})},
    Question{"no_payload_6", test::ip_frame(test::from_v6, 59, {})},
    Question{"echo_behind_extensions", extended(0, "3c 00 000000000000 3a 01 0000000000000000000000000000 80 00 0000")},
    Question{"encrypted", extended(50, "00000001 00000001")},
    Question{"protocol_three_is_no_type", test::ip_frame(test::from_v4, 17, frame_of("03 00"))}
), [](const auto& test) { return test.param.name; });
// clang-format on

TEST(IcmpTest, SurvivesEveryTruncation) {
    const std::vector<Frame> frames = {
        test::udp_frame(test::from_v4, 30),
        test::icmp_frame(test::from_v4, 8, 0, Frame(30)),
        test::tcp_frame(test::from_v6, frame_of("020405b4")),
        extended(0, "3c 00 000000000000 2c 00 000000000000 06 00 000100000000 0102030405060708"),
        test::with_vlan_tag(test::udp_frame(test::from_v4, 30)),
        test::with_vlan_tag(test::icmp_frame(test::from_v6, 128, 0, Frame(30))),
    };
    for (const auto& whole : frames) {
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            auto packet = packet_of(first_bytes(whole, size));
            if (make_icmp_error(packet, Unreachable::too_big, {.mtu = 1400})) {
                EXPECT_TRUE(is_right(packet.bytes())) << size;
            } else {
                EXPECT_EQ(hex_text(packet.bytes()), hex_text(first_bytes(whole, size)));
                EXPECT_LT(size, whole.size());
            }
        }
    }
}

TEST(IcmpTest, IsSilentRatherThanLeaveTheBuffer) {
    auto packet = packet_of(Frame(1800));
    packet.shrink_front(1600);
    const auto question = test::udp_frame(test::from_v4, 158);
    ASSERT_EQ(packet.size(), question.size());
    std::ranges::copy(question, packet.bytes().begin());
    EXPECT_TRUE(make_icmp_error(packet, Unreachable::no_subnet, {}));

    packet = packet_of(Frame(1984));
    packet.shrink_front(1784);
    std::ranges::copy(question, packet.bytes().begin());
    EXPECT_FALSE(make_icmp_error(packet, Unreachable::no_subnet, {}));
    EXPECT_EQ(hex_text(packet.bytes()), hex_text(question));
}

}  // namespace
}  // namespace tinc::packet
