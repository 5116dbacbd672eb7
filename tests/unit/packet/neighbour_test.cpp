#include "tinc/packet/neighbour.hpp"
#include "support/frames.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;

// The option "my link-layer address" of the asker that test::mac(1) is.
constexpr std::string_view source_option = "0101 020000000001";

Packet packet_of(const Frame& frame) {
    Packet packet;
    packet.assign(frame);
    return packet;
}

std::string hex_of(const Packet& packet) { return hex_text(packet.bytes()); }

Frame first_bytes(const Frame& frame, std::size_t size) {
    return {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(ArpTest, TellsTheAddressAskedFor) {
    const auto target = arp_request_target(test::arp_request_frame("10.1.0.1", "10.2.0.2"));
    ASSERT_TRUE(target);
    EXPECT_EQ(target->text(), "10.2.0.2");
}

TEST(ArpTest, AnswersWithAMadeUpNeighbour) {
    auto packet = packet_of(test::arp_request_frame("10.1.0.1", "10.2.0.2"));
    ASSERT_TRUE(make_arp_reply(packet));
    const auto expected = frame_of(
        "020000000001 0200000000fe 0806 0001 0800 06 04 0002"
        "0200000000fe 0a020002 020000000001 0a010001");
    EXPECT_EQ(hex_of(packet), hex_text(expected));
}

TEST(ArpTest, KeepsThePaddingOfADevice) {
    auto frame = test::arp_request_frame("10.1.0.1", "10.2.0.2");
    frame.resize(60);
    auto packet = packet_of(frame);
    EXPECT_TRUE(make_arp_reply(packet));
    EXPECT_EQ(packet.size(), 60U);
}

TEST(ArpTest, IgnoresAnythingButARequestForIpv4OverEthernet) {
    const auto good = test::arp_request_frame("10.1.0.1", "10.2.0.2");
    for (std::size_t at = 12; at < 22; ++at) {
        auto frame = good;
        frame[at] ^= std::byte{2};
        EXPECT_FALSE(arp_request_target(frame)) << at;
        auto packet = packet_of(frame);
        EXPECT_FALSE(make_arp_reply(packet)) << at;
        EXPECT_EQ(hex_of(packet), hex_text(frame));
    }
}

TEST(ArpTest, SurvivesEveryTruncation) {
    const auto good = test::arp_request_frame("10.1.0.1", "10.2.0.2");
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(arp_request_target(first_bytes(good, size))) << size;
}

TEST(NeighbourTest, TellsTheAddressAskedFor) {
    for (const auto options : {std::string_view(), source_option}) {
        const auto target = neighbour_solicitation_target(
            test::solicitation_frame("fd01::1", "fd02::2", frame_of(options)));
        ASSERT_TRUE(target);
        EXPECT_EQ(target->text(), "fd02::2");
    }
}

TEST(NeighbourTest, AnswersWithAMadeUpNeighbour) {
    auto packet =
        packet_of(test::solicitation_frame("fd01::1", "fd02::2", frame_of(source_option)));
    ASSERT_TRUE(make_neighbour_advertisement(packet));

    auto body = frame_of("40000000 fd020000000000000000000000000002 0201 0200000000fe");
    auto expected = test::icmp_frame(
        {.source = "fd02::2", .destination = "fd01::1", .hop_limit = 255}, 136, 0, body);
    const auto ethernet = frame_of("020000000001 0200000000fe");
    std::ranges::copy(ethernet, expected.begin());
    EXPECT_EQ(hex_of(packet), hex_text(expected));
}

TEST(NeighbourTest, TellsNoLinkAddressToOneWhoToldNone) {
    auto packet = packet_of(test::solicitation_frame("fd01::1", "fd02::2", {}));
    ASSERT_TRUE(make_neighbour_advertisement(packet));
    EXPECT_EQ(packet.size(), 14U + 40U + 24U);
    EXPECT_TRUE(test::is_right(packet.bytes()));
}

TEST(NeighbourTest, FindsTheLinkAddressBehindOtherOptions) {
    const auto options = "0e01 000000000000" + std::string(source_option);
    auto packet = packet_of(test::solicitation_frame("fd01::1", "fd02::2", frame_of(options)));
    ASSERT_TRUE(make_neighbour_advertisement(packet));
    EXPECT_EQ(packet.size(), 14U + 40U + 24U + 8U);
    EXPECT_TRUE(test::is_right(packet.bytes()));
}

TEST(NeighbourTest, StopsAtABrokenOption) {
    for (const std::string broken : {"0e00 000000000000", "0e03 000000000000"}) {
        const auto options = broken + std::string(source_option);
        auto packet = packet_of(test::solicitation_frame("fd01::1", "fd02::2", frame_of(options)));
        ASSERT_TRUE(make_neighbour_advertisement(packet));
        EXPECT_EQ(packet.size(), 14U + 40U + 24U) << broken;
        EXPECT_TRUE(test::is_right(packet.bytes()));
    }
}

TEST(NeighbourTest, IgnoresPaddingBehindThePacket) {
    auto frame = test::solicitation_frame("fd01::1", "fd02::2", {});
    const auto padding = frame_of(source_option);
    frame.insert(frame.end(), padding.begin(), padding.end());
    auto packet = packet_of(frame);
    ASSERT_TRUE(make_neighbour_advertisement(packet));
    EXPECT_EQ(packet.size(), 14U + 40U + 24U);
}

TEST(NeighbourTest, DoesNotClaimAnAddressThatSomebodyIsTaking) {
    auto packet = packet_of(test::solicitation_frame("::", "fd02::2", {}));
    const auto before = hex_of(packet);
    EXPECT_TRUE(neighbour_solicitation_target(packet.bytes()));
    EXPECT_FALSE(make_neighbour_advertisement(packet));
    EXPECT_EQ(hex_of(packet), before);
}

TEST(NeighbourTest, WantsARightChecksum) {
    const auto good = test::solicitation_frame("fd01::1", "fd02::2", frame_of(source_option));
    for (std::size_t at = 22; at < good.size(); ++at) {
        auto frame = good;
        frame[at] ^= std::byte{1};
        EXPECT_FALSE(neighbour_solicitation_target(frame)) << at;
        auto packet = packet_of(frame);
        EXPECT_FALSE(make_neighbour_advertisement(packet)) << at;
        EXPECT_EQ(hex_of(packet), hex_text(frame));
    }
}

TEST(NeighbourTest, KnowsADamagedSolicitationForOne) {
    auto damaged = test::solicitation_frame("fd01::1", "fd02::2", {});
    damaged.back() ^= std::byte{1};
    EXPECT_TRUE(is_neighbour_solicitation(damaged));
    EXPECT_FALSE(neighbour_solicitation_target(damaged));
    const auto cut = test::icmp_frame(test::from_v6, 135, 0, Frame(4));
    EXPECT_TRUE(is_neighbour_solicitation(cut));
    EXPECT_TRUE(is_neighbour_solicitation(test::icmp_frame(test::from_v6, 135, 9, Frame(20))));
    EXPECT_FALSE(is_neighbour_solicitation(test::icmp_frame(test::from_v6, 136, 0, Frame(20))));
    EXPECT_FALSE(is_neighbour_solicitation(test::ip_frame(test::from_v6, 58, {}))) << "no type";
    EXPECT_FALSE(is_neighbour_solicitation(test::udp_frame(test::from_v6, 40)));
    EXPECT_FALSE(is_neighbour_solicitation(test::udp_frame(test::from_v4, 40)));
}

TEST(NeighbourTest, IgnoresOtherMessages) {
    Frame body(20);
    auto fields = test::from_v6;
    for (const std::uint8_t type : {std::uint8_t{128}, std::uint8_t{133}, std::uint8_t{136}})
        EXPECT_FALSE(neighbour_solicitation_target(test::icmp_frame(fields, type, 0, body)));
    EXPECT_FALSE(neighbour_solicitation_target(test::icmp_frame(fields, 135, 1, body)));
    body.pop_back();
    EXPECT_FALSE(neighbour_solicitation_target(test::icmp_frame(fields, 135, 0, body)));
    EXPECT_FALSE(neighbour_solicitation_target(test::udp_frame(fields, 40)));
    EXPECT_FALSE(neighbour_solicitation_target(
        test::with_vlan_tag(test::solicitation_frame("fd01::1", "fd02::2", {}))));
}

TEST(NeighbourTest, SurvivesEveryTruncation) {
    const auto good = test::solicitation_frame("fd01::1", "fd02::2", frame_of(source_option));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_TRUE(!neighbour_solicitation_target(first_bytes(good, size)) &&
                    is_neighbour_solicitation(first_bytes(good, size)) == (size > 54))
            << size;
}

}  // namespace
}  // namespace tinc::packet
