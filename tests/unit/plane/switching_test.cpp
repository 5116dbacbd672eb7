#include "unit/plane/decision.hpp"

#include <gtest/gtest.h>

namespace tinc::plane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::between;
using test::Frame;
using test::odd_frame;
using test::udp_frame;

// The MAC addresses of our nodes are 1 for ourselves, 2 beta, 3 gamma, 4 delta, 5 omega, 6 epsilon.
constexpr std::uint8_t stranger = 0x77;

PlaneSettings with(Mode mode, void (*change)(PlaneSettings&) = [](PlaneSettings&) {}) {
    PlaneSettings settings;
    settings.mode = mode;
    change(settings);
    return settings;
}

const PlaneSettings usual = with(Mode::switching);
const PlaneSettings no_forwarding =
    with(Mode::switching, [](PlaneSettings& s) { s.forwarding = Forwarding::off; });
const PlaneSettings kernel =
    with(Mode::switching, [](PlaneSettings& s) { s.forwarding = Forwarding::kernel; });
const PlaneSettings direct_only =
    with(Mode::switching, [](PlaneSettings& s) { s.direct_only = true; });
const PlaneSettings no_broadcast =
    with(Mode::switching, [](PlaneSettings& s) { s.broadcast = Broadcast::no; });
const PlaneSettings direct_broadcast =
    with(Mode::switching, [](PlaneSettings& s) { s.broadcast = Broadcast::direct; });
const PlaneSettings counting =
    with(Mode::switching, [](PlaneSettings& s) { s.decrement_ttl = true; });
const PlaneSettings hub = with(Mode::hub);
const PlaneSettings counting_hub =
    with(Mode::hub, [](PlaneSettings& s) { s.decrement_ttl = true; });
const PlaneSettings kernel_hub =
    with(Mode::hub, [](PlaneSettings& s) { s.forwarding = Forwarding::kernel; });

Frame ip(std::uint8_t hop_limit = 64) { return udp_frame({.hop_limit = hop_limit}, 100); }

/// To the MAC address in hexadecimal digits.
Frame to(std::string_view mac, Frame frame) {
    std::ranges::copy(test::frame_of(mac), frame.begin());
    return frame;
}
Frame from_mac(std::string_view mac, Frame frame) {
    std::ranges::copy(test::frame_of(mac), frame.begin() + 6);
    return frame;
}

class SwitchOf : public testing::TestWithParam<Decision> {};

TEST_P(SwitchOf, IsAsTincDecides) { expect_as_decided(GetParam()); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(Plane, SwitchOf, testing::Values(
    Decision{"own_to_neighbour", &usual, self, between(9, 2, odd_frame(60)), "udp beta, saw 02..09", {}},
    Decision{"own_to_indirect", &usual, self, between(9, 4, odd_frame(60)), "udp beta, saw 02..09", {}},
    Decision{"own_behind_neighbour", &usual, self, between(9, 3, ip()), "udp gamma, saw 02..09", {}},
    Decision{"whatever_the_ip_address_says", &usual, self,
             between(9, 6, udp_frame({.destination = "10.2.0.1"}, 100)), "udp epsilon, saw 02..09", {}},
    Decision{"ip_multicast_to_one_mac", &usual, self,
             between(9, 6, udp_frame({.destination = "224.0.0.5"}, 100)), "udp epsilon, saw 02..09", {}},
    Decision{"to_us", &usual, beta, between(2, 1, odd_frame(60)), "device", {}},
    Decision{"relayed", &usual, beta, between(2, 6, odd_frame(60)), "udp epsilon", {}},
    Decision{"back_to_its_source", &usual, beta, between(9, 2, odd_frame(60)), "", Drop::looping},
    Decision{"back_to_our_device", &usual, self, between(9, 1, odd_frame(60)), "saw 02..09", Drop::looping},
    Decision{"loop_by_a_relay", &usual, beta, between(2, 4, odd_frame(60)), "", Drop::looping},
    Decision{"owner_down", &usual, self, between(9, 5, odd_frame(60)), "saw 02..09", Drop::unreachable},
    Decision{"nobody_knows_it", &usual, self, between(9, stranger, ip()), "udp beta, udp epsilon, saw 02..09", {}},
    Decision{"nobody_knows_it_of_another", &usual, beta, between(2, stranger, ip()), "device, udp epsilon", {}},
    Decision{"broadcast", &usual, self, to("ffffffffffff", odd_frame(60)), "udp beta, udp epsilon, saw 02..01", {}},
    Decision{"broadcast_of_another", &usual, beta, to("ffffffffffff", odd_frame(60)), "device, udp epsilon", {}},
    Decision{"multicast_from_behind", &usual, gamma, to("01005e000005", odd_frame(60)), "device, udp epsilon", {}},
    Decision{"arp_of_another", &usual, beta, to("ffffffffffff", test::arp_request_frame("10.2.0.1", "10.1.0.2")),
             "device, udp epsilon", {}},
    Decision{"solicitation_of_another", &usual, beta, to("3333ff000001", test::solicitation_frame("fd02::1", "fd01::1", {})),
             "device icmp 135/0, udp epsilon icmp 135/0", {}},
    Decision{"tagged", &usual, beta, between(2, 6, test::with_vlan_tag(ip())), "udp epsilon", {}},
    Decision{"from_a_group", &usual, self, from_mac("010000000001", between(9, 2, odd_frame(60))), "udp beta", {}},
    Decision{"from_nobody", &usual, self, from_mac("000000000000", between(9, 2, odd_frame(60))), "udp beta", {}},
    Decision{"header_alone", &usual, self, between(9, 2, odd_frame(14)), "udp beta, saw 02..09", {}},
    Decision{"too_short", &usual, self, Frame(13), "", Drop::too_short},
    Decision{"too_long", &usual, self, odd_frame(1'519), "", Drop::too_long},
    Decision{"like_a_probe", &usual, self, Frame(60), "", Drop::unknown_type},
    Decision{"forwarding_off_relayed", &no_forwarding, beta, between(2, 6, ip()), "", Drop::prohibited},
    Decision{"forwarding_off_own", &no_forwarding, self, between(9, 6, ip()), "udp epsilon, saw 02..09", {}},
    Decision{"forwarding_off_to_us", &no_forwarding, beta, between(2, 1, ip()), "device", {}},
    Decision{"kernel_switches_what_came", &kernel, beta, between(2, 6, ip()), "device", {}},
    Decision{"kernel_own", &kernel, self, between(9, 6, ip()), "udp epsilon, saw 02..09", {}},
    Decision{"direct_only_direct", &direct_only, self, between(9, 3, ip()), "udp gamma, saw 02..09", {}},
    Decision{"direct_only_indirect", &direct_only, self, between(9, 4, ip()), "saw 02..09", Drop::prohibited},
    Decision{"no_broadcast", &no_broadcast, self, to("ffffffffffff", ip()), "saw 02..01", Drop::broadcast},
    Decision{"no_broadcast_of_another", &no_broadcast, beta, to("ffffffffffff", ip()), "device", {}},
    Decision{"direct_broadcast", &direct_broadcast, self, to("ffffffffffff", ip()),
             "udp beta, udp gamma, udp epsilon, saw 02..01", {}},
    Decision{"direct_broadcast_of_another", &direct_broadcast, beta, to("ffffffffffff", ip()), "device", {}},
    Decision{"ttl_used_up", &counting, beta, between(2, 6, ip(1)), "udp beta icmp 11/0", Drop::hop_limit},
    Decision{"ttl_used_up_tagged", &counting, beta, between(2, 6, test::with_vlan_tag(ip(1))), "udp beta", Drop::hop_limit},
    Decision{"ttl_left", &counting, beta, between(2, 6, ip(2)), "udp epsilon", {}},
    Decision{"ttl_of_own", &counting, self, between(9, 6, ip(1)), "udp epsilon, saw 02..09", {}},
    Decision{"ttl_to_us", &counting, beta, between(2, 1, ip(1)), "device", {}},
    Decision{"no_ttl_at_all", &counting, beta, between(2, 6, odd_frame(60)), "udp epsilon", {}},
    Decision{"ttl_of_a_broadcast", &counting, beta, to("ffffffffffff", ip(1)), "", Drop::hop_limit},
    Decision{"hub_own", &hub, self, between(9, 2, odd_frame(60)), "udp beta, udp epsilon", {}},
    Decision{"hub_of_another", &hub, beta, between(9, 1, odd_frame(60)), "device, udp epsilon", {}},
    Decision{"hub_like_a_probe", &hub, self, Frame(60), "", Drop::unknown_type},
    Decision{"hub_ttl", &counting_hub, beta, ip(1), "udp beta icmp 11/0", Drop::hop_limit},
    Decision{"hub_kernel", &kernel_hub, beta, between(2, 6, ip()), "device", {}}),
    [](const testing::TestParamInfo<Decision>& test) { return std::string(test.param.name); });
// clang-format on

class SwitchTest : public testing::Test {
  protected:
    Crossroads roads{usual};
};

TEST_F(SwitchTest, ChangesNothingInAFrame) {
    const auto frame = between(9, 2, odd_frame(60));
    roads.from_device(frame);
    EXPECT_EQ(roads.opened(roads.out.datagrams().front()), frame);
    const auto arriving = between(2, 1, odd_frame(60));
    roads.from(beta, arriving);
    const auto bytes = roads.out.frames().front()->bytes();
    EXPECT_EQ(Frame(bytes.begin(), bytes.end()), arriving);
}

TEST_F(SwitchTest, ReportsAHostOnceInASecondHoweverMuchItSends) {
    const auto reports = [&](int frames) {
        std::size_t count = 0;
        for (int i = 0; i < frames; ++i) {
            roads.from_device(between(9, 2, ip()));
            count += roads.all<MacSeen>().size();
        }
        return count;
    };
    EXPECT_EQ(reports(50), 1U);
    roads.now += milliseconds(999);
    EXPECT_EQ(reports(50), 0U);
    roads.now += milliseconds(1);
    EXPECT_EQ(reports(50), 1U);
}

TEST_F(SwitchTest, ReportsAtOnceAHostThatIsToBeLearnedAnew) {
    roads.from_device(between(9, 2, ip()));
    roads.plane.unlearn(roads.all<MacSeen>().front().mac);
    roads.from_device(between(9, 2, ip()));
    EXPECT_EQ(roads.outcome(), "udp beta, saw 02..09");
}

TEST_F(SwitchTest, NeverReportsHostsOfOtherNodes) {
    roads.from(beta, between(9, 1, ip()));
    roads.from_peer(beta, between(9, stranger, ip()));
    EXPECT_TRUE(roads.all<MacSeen>().empty());
}

TEST_F(SwitchTest, AGroupBelongsToNobodyWhateverAMemberClaims) {
    using Hop = graph::ForwardingTable::Hop;
    roads.plane.set_table(std::make_shared<const graph::ForwardingTable>(
        std::vector<graph::ForwardingTable::Entry>{
            {wire::parse_subnet("ff:ff:ff:ff:ff:ff").value(), beta}},
        std::vector<Hop>{{true, self, self, 0},
                         {true, beta, beta, 0xc},
                         {},
                         {},
                         {},
                         {true, epsilon, epsilon, 0xc}},
        std::vector{beta, epsilon}));
    roads.from_device(to("ffffffffffff", odd_frame(60)));
    EXPECT_EQ(roads.outcome(), "udp beta, udp epsilon, saw 02..01");
}

TEST_F(SwitchTest, AnAddressOfEverybodyIsSentToAll) {
    using graph::ForwardingTable;
    roads.plane.set_table(std::make_shared<const ForwardingTable>(
        std::vector<ForwardingTable::Entry>{
            {wire::parse_subnet("2:0:0:0:0:9").value(), ForwardingTable::everybody}},
        std::vector<ForwardingTable::Hop>{{true, self, self, 0}, {true, beta, beta, 0xc}},
        std::vector{beta}));
    roads.from_device(between(1, 9, odd_frame(60)));
    EXPECT_EQ(roads.outcome(), "udp beta, saw 02..01");
}

TEST_F(SwitchTest, TellsTheMtuOfAPathThatIsTooNarrow) {
    roads.plane.set_mtu(beta, 1'000, 1'000);
    const auto large = udp_frame({.flags_and_offset = 0x4000}, 1'100);
    roads.from_device(between(9, 2, large));
    EXPECT_EQ(roads.outcome(), "device icmp 3/4, saw 02..09");
    auto answer = roads.out.frames().front()->bytes();
    EXPECT_EQ(get_u16(answer, 14 + 26), 1'000 - 14);
    EXPECT_TRUE(test::is_right(answer));
    EXPECT_TRUE(std::ranges::equal(packet::destination_mac(answer), test::mac(9)));
    EXPECT_TRUE(std::ranges::equal(packet::source_mac(answer), test::mac(2)));

    roads.from_device(between(9, 2, test::with_vlan_tag(large)));
    answer = roads.out.frames().front()->bytes();
    EXPECT_EQ(get_u16(answer, 18 + 26), 1'000 - 18) << "the tag takes part of the frame";
    EXPECT_TRUE(test::is_right(answer));
    roads.from_device(between(9, 2, udp_frame(test::from_v6, 1'400)));
    EXPECT_EQ(roads.outcome(), "device icmp 2/0");
    EXPECT_EQ(get_u32(roads.out.frames().front()->bytes(), 58), 1'280U) << "never less";
    EXPECT_EQ(roads.plane.dropped(Drop::too_big), 3U);
}

TEST_F(SwitchTest, CutsWhatMayBeCut) {
    roads.plane.set_mtu(beta, 1'000, 1'000);
    for (const bool is_tagged : {false, true}) {
        auto frame = between(9, 2, udp_frame(test::from_v4, 1'400));
        if (is_tagged) frame = test::with_vlan_tag(frame);
        roads.from_device(frame);
        ASSERT_EQ(roads.out.datagrams().size(), 2U);
        for (const auto& sending : roads.out.datagrams()) {
            const auto piece = roads.opened(sending);
            EXPECT_LE(piece.size(), 1'000U);
            EXPECT_TRUE(test::is_right(piece));
            EXPECT_TRUE(std::ranges::equal(packet::destination_mac(piece), test::mac(2)));
        }
    }
}

TEST_F(SwitchTest, SendsWhatIsNotIpHoweverLargeByTcpIfNeedBe) {
    roads.plane.set_mtu(beta, 1'000, 1'000);
    roads.from_device(between(9, 2, odd_frame(1'400)));
    EXPECT_EQ(roads.outcome(), "saw 02..09, tcp beta");
    EXPECT_EQ(roads.all<SendByTcp>().front().frame.size(), 1'400U);
}

TEST_F(SwitchTest, ClampsMssAlsoBehindATag) {
    roads.plane.set_mtu(beta, 1'200, 1'200);
    const auto syn = between(9, 2, test::tcp_frame(test::from_v4, test::frame_of("02 04 05 b4")));
    roads.from_device(syn);
    EXPECT_EQ(get_u16(roads.opened(roads.out.datagrams().front()), 56), 1'200 - 54);
    roads.from_device(test::with_vlan_tag(syn));
    EXPECT_EQ(get_u16(roads.opened(roads.out.datagrams().front()), 60), 1'200 - 58);
    roads.from(beta, between(2, 1, syn));
    EXPECT_EQ(get_u16(roads.out.frames().front()->bytes(), 56), 1'200 - 54) << "and on arrival";
}

TEST_F(SwitchTest, InheritsTrafficClassIfConfigured) {
    const auto urgent = between(9, 2, udp_frame({.traffic_class = 0xb8}, 100));
    roads.from_device(urgent);
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0);
    roads.plane.set_settings(
        with(Mode::switching, [](PlaneSettings& s) { s.priority_inheritance = true; }));
    roads.from_device(urgent);
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0xb8);
    roads.from_device(test::with_vlan_tag(urgent));
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0xb8);
    roads.from_device(between(9, 2, odd_frame(60)));
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0);
}

TEST_F(SwitchTest, KeepsOnTcpWhatCameThatWay) {
    roads.from_peer(beta, between(2, 6, ip()), Transport::keep_on_tcp);
    EXPECT_EQ(roads.outcome(), "tcp epsilon");
}

TEST_F(SwitchTest, DropsTheAnswerToAProbeThatComesByTcp) {
    Frame answer(100);
    answer[0] = std::byte{1};
    roads.from_peer(beta, answer, Transport::keep_on_tcp);
    EXPECT_EQ(roads.outcome(), "");
    EXPECT_EQ(roads.plane.dropped(Drop::unknown_type), 1U);
}

}  // namespace
}  // namespace tinc::plane
