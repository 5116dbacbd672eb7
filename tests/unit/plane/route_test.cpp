#include "unit/plane/decision.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace tinc::plane {
namespace {

using std::chrono::seconds;
using test::Frame;
using test::udp_frame;

PlaneSettings with(void (*change)(PlaneSettings&)) {
    PlaneSettings settings;
    change(settings);
    return settings;
}

const PlaneSettings usual;
const PlaneSettings no_forwarding = with([](PlaneSettings& s) { s.forwarding = Forwarding::off; });
const PlaneSettings kernel = with([](PlaneSettings& s) { s.forwarding = Forwarding::kernel; });
const PlaneSettings direct_only = with([](PlaneSettings& s) { s.direct_only = true; });
const PlaneSettings no_broadcast = with([](PlaneSettings& s) { s.broadcast = Broadcast::no; });
const PlaneSettings direct_broadcast =
    with([](PlaneSettings& s) { s.broadcast = Broadcast::direct; });
const PlaneSettings local_broadcast =
    with([](PlaneSettings& s) { s.broadcast = Broadcast::local; });
const PlaneSettings counting = with([](PlaneSettings& s) { s.decrement_ttl = true; });
const PlaneSettings counting_kernel = with([](PlaneSettings& s) {
    s.decrement_ttl = true;
    s.forwarding = Forwarding::kernel;
});
const PlaneSettings tcp_only = with([](PlaneSettings& s) { s.tcp_only = true; });

Frame v4(std::string_view source, std::string_view destination, std::uint8_t hop_limit = 64) {
    return udp_frame({.source = source, .destination = destination, .hop_limit = hop_limit}, 100);
}

/// With one byte another than it was.
Frame damaged(Frame frame, std::size_t at) {
    frame.at(at) ^= std::byte{1};
    return frame;
}
/// To ::ffff:10.2.0.1, which is beta's for who takes it for IPv4.
Frame to_mapped_address() {
    auto frame = udp_frame({.source = "fd01::1", .destination = "fd02::1"}, 100);
    const auto mapped = test::frame_of("00000000 00000000 0000ffff 0a020001");
    std::ranges::copy(mapped, frame.begin() + 14 + 24);
    return frame;
}

class RouteOf : public testing::TestWithParam<Decision> {};

TEST_P(RouteOf, IsAsTincDecides) { expect_as_decided(GetParam()); }

// clang-format off
INSTANTIATE_TEST_SUITE_P(Router, RouteOf, testing::Values(
    Decision{"own_to_neighbour", &usual, self, v4("10.1.0.1", "10.2.0.1"), "udp beta", {}},
    Decision{"own_to_neighbour_v6", &usual, self,
             udp_frame({.source = "fd01::1", .destination = "fd02::1"}, 100), "udp beta", {}},
    Decision{"own_behind_neighbour", &usual, self, v4("10.1.0.1", "10.3.0.1"), "udp gamma", {}},
    Decision{"own_to_indirect", &usual, self, v4("10.1.0.1", "10.4.0.1"), "udp beta", {}},
    Decision{"to_us", &usual, beta, v4("10.2.0.1", "10.1.0.1"), "device", {}},
    Decision{"relayed", &usual, beta, v4("10.2.0.1", "10.6.0.1"), "udp epsilon", {}},
    Decision{"no_subnet", &usual, self, v4("10.1.0.1", "10.99.0.1"), "device icmp 3/6", Drop::no_subnet},
    Decision{"no_subnet_v6", &usual, self,
             udp_frame({.source = "fd01::1", .destination = "fd99::1"}, 100), "device icmp 1/3", Drop::no_subnet},
    Decision{"no_subnet_of_another", &usual, beta, v4("10.2.0.1", "10.99.0.1"), "udp beta icmp 3/6", Drop::no_subnet},
    Decision{"owner_down", &usual, self, v4("10.1.0.1", "10.5.0.1"), "device icmp 3/0", Drop::unreachable},
    Decision{"owner_down_v6", &usual, self,
             udp_frame({.source = "fd01::1", .destination = "fd05::1"}, 100), "device icmp 1/0", Drop::unreachable},
    Decision{"back_to_its_source", &usual, beta, v4("10.2.0.1", "10.2.0.2"), "", Drop::looping},
    Decision{"back_to_our_device", &usual, self, v4("10.1.0.1", "10.1.0.2"), "", Drop::looping},
    Decision{"loop_by_a_relay", &usual, beta, v4("10.2.0.1", "10.4.0.1"), "", Drop::looping},
    Decision{"forwarding_off_relayed", &no_forwarding, beta, v4("10.2.0.1", "10.6.0.1"), "udp beta icmp 3/9", Drop::prohibited},
    Decision{"forwarding_off_own", &no_forwarding, self, v4("10.1.0.1", "10.6.0.1"), "udp epsilon", {}},
    Decision{"forwarding_off_to_us", &no_forwarding, beta, v4("10.2.0.1", "10.1.0.1"), "device", {}},
    Decision{"kernel_forwards_what_came", &kernel, beta, v4("10.2.0.1", "10.6.0.1"), "device", {}},
    Decision{"kernel_counts_no_hops", &counting_kernel, beta, v4("10.2.0.1", "10.6.0.1", 1), "device", {}},
    Decision{"kernel_takes_anything", &kernel, beta, test::odd_frame(60), "device", {}},
    Decision{"kernel_own", &kernel, self, v4("10.1.0.1", "10.6.0.1"), "udp epsilon", {}},
    Decision{"direct_only_direct", &direct_only, self, v4("10.1.0.1", "10.3.0.1"), "udp gamma", {}},
    Decision{"direct_only_indirect", &direct_only, self, v4("10.1.0.1", "10.4.0.1"), "device icmp 3/9", Drop::prohibited},
    Decision{"ttl_used_up", &counting, beta, v4("10.2.0.1", "10.6.0.1", 1), "udp beta icmp 11/0", Drop::hop_limit},
    Decision{"ttl_left", &counting, beta, v4("10.2.0.1", "10.6.0.1", 2), "udp epsilon", {}},
    Decision{"ttl_of_own", &counting, self, v4("10.1.0.1", "10.6.0.1", 1), "udp epsilon", {}},
    Decision{"ttl_to_us", &counting, beta, v4("10.2.0.1", "10.1.0.1", 1), "device", {}},
    Decision{"tcp_only", &tcp_only, self, v4("10.1.0.1", "10.3.0.1"), "tcp beta", {}},
    Decision{"multicast_own", &usual, self, v4("10.1.0.1", "224.0.0.5"), "udp beta, udp epsilon", {}},
    Decision{"multicast_v6", &usual, self,
             udp_frame({.source = "fd01::1", .destination = "ff02::5"}, 100), "udp beta, udp epsilon", {}},
    Decision{"broadcast_of_another", &usual, beta, v4("10.2.0.1", "255.255.255.255"), "device, udp epsilon", {}},
    Decision{"broadcast_from_behind", &usual, gamma, v4("10.3.0.1", "255.255.255.255"), "device, udp epsilon", {}},
    Decision{"broadcast_ttl", &counting, beta, v4("10.2.0.1", "224.0.0.5", 1), "", Drop::hop_limit},
    Decision{"no_broadcast", &no_broadcast, self, v4("10.1.0.1", "224.0.0.5"), "", Drop::no_subnet},
    Decision{"direct_broadcast", &direct_broadcast, self, v4("10.1.0.1", "224.0.0.5"),
             "udp beta, udp gamma, udp epsilon", {}},
    Decision{"direct_broadcast_of_another", &direct_broadcast, beta, v4("10.2.0.1", "224.0.0.5"), "device", {}},
    Decision{"mapped_address_is_ipv6", &usual, self, to_mapped_address(), "device icmp 1/3", Drop::no_subnet},
    Decision{"forwarding_off_broadcast", &no_forwarding, beta, v4("10.2.0.1", "224.0.0.5"), "device, udp epsilon", {}},
    Decision{"tagged", &usual, self, test::with_vlan_tag(v4("10.1.0.1", "10.2.0.1")), "", Drop::unknown_type},
    Decision{"local_broadcast", &local_broadcast, self, v4("10.1.0.1", "224.0.0.5"), "", {}},
    Decision{"local_broadcast_of_another", &local_broadcast, beta, v4("10.2.0.1", "224.0.0.5"), "device", {}},
    Decision{"unknown_type", &usual, self, test::frame_of("020000000001 020000000002 88cc 00000000"), "", Drop::unknown_type},
    Decision{"too_short", &usual, self, Frame(13), "", Drop::too_short},
    Decision{"too_long", &usual, self, Frame(1519), "", Drop::too_long},
    Decision{"half_a_header", &usual, self, test::frame_of("020000000001 020000000002 0800 4500"), "", Drop::malformed},
    Decision{"arp_for_another", &usual, self, test::arp_request_frame("10.1.0.1", "10.2.0.1"), "device", {}},
    Decision{"arp_for_us", &usual, self, test::arp_request_frame("10.1.0.1", "10.1.0.2"), "", Drop::neighbour},
    Decision{"arp_for_nobody", &usual, self, test::arp_request_frame("10.1.0.1", "10.99.0.2"), "", Drop::neighbour},
    Decision{"arp_of_another", &usual, beta, test::arp_request_frame("10.2.0.1", "10.1.0.2"), "", Drop::neighbour},
    Decision{"solicitation_for_another", &usual, self, test::solicitation_frame("fd01::1", "fd02::1", {}), "device icmp 136/0", {}},
    Decision{"solicitation_damaged", &usual, self, damaged(test::solicitation_frame("fd01::1", "fd02::1", {}), 76), "", Drop::neighbour},
    Decision{"solicitation_damaged_of_another", &usual, beta,
             damaged(test::solicitation_frame("fd06::1", "fd06::1", {}), 76), "", Drop::neighbour},
    Decision{"solicitation_too_short", &usual, self,
             test::icmp_frame({.source = "fd01::1", .destination = "fd02::1"}, 135, 0, Frame(4)), "", Drop::neighbour},
    Decision{"solicitation_of_another", &usual, beta, test::solicitation_frame("fd02::1", "fd01::1", {}), "", Drop::neighbour}),
    [](const testing::TestParamInfo<Decision>& test) { return std::string(test.param.name); });
// clang-format on

class RouteTest : public testing::Test {
  protected:
    std::size_t frames_in_a_second(const Frame& frame, int times) {
        std::size_t answers = 0;
        for (int i = 0; i < times; ++i) {
            roads.from_device(frame);
            answers += roads.out.frames().size();
        }
        return answers;
    }
    Crossroads roads;
};

TEST_F(RouteTest, SendsThreeIcmpErrorsASecond) {
    const auto lost = v4("10.1.0.1", "10.99.0.1");
    EXPECT_EQ(frames_in_a_second(lost, 50), 3U);
    roads.now += seconds(1);
    EXPECT_EQ(frames_in_a_second(lost, 50), 3U);
    EXPECT_EQ(roads.plane.dropped(Drop::no_subnet), 100U);
}

TEST_F(RouteTest, DeliversWhatWasSent) {
    const auto frame = v4("10.1.0.1", "10.2.0.1");
    roads.from_device(frame);
    ASSERT_EQ(roads.out.datagrams().size(), 1U);
    const auto& sending = roads.out.datagrams().front();
    EXPECT_EQ(sending.remote, Crossroads::home(beta));
    EXPECT_EQ(sending.frame_bytes, frame.size());
    EXPECT_EQ(roads.opened(sending), frame);
}

TEST_F(RouteTest, TellsTheMtuOfAPathThatIsTooNarrow) {
    roads.plane.set_mtu(beta, 1'000, 1'000);
    roads.from_device(udp_frame(
        {.source = "10.1.0.1", .destination = "10.2.0.1", .flags_and_offset = 0x4000}, 1'100));
    EXPECT_EQ(roads.outcome(), "device icmp 3/4");
    EXPECT_EQ(get_u16(roads.out.frames().front()->bytes(), 40), 1'000 - 14);
    EXPECT_TRUE(test::is_right(roads.out.frames().front()->bytes()));
    roads.from_device(udp_frame({.source = "fd01::1", .destination = "fd02::1"}, 1'400));
    EXPECT_EQ(roads.outcome(), "device icmp 2/0");
    EXPECT_EQ(get_u32(roads.out.frames().front()->bytes(), 58), 1'294U - 14) << "never less";
    EXPECT_EQ(roads.plane.dropped(Drop::too_big), 2U);
}

TEST_F(RouteTest, CutsWhatMayBeCut) {
    roads.plane.set_mtu(beta, 1'000, 1'000);
    roads.from_device(v4("10.1.0.1", "10.2.0.1"));
    const auto whole = udp_frame({.source = "10.1.0.1", .destination = "10.2.0.1"}, 1'400);
    roads.from_device(whole);
    ASSERT_EQ(roads.out.datagrams().size(), 2U);
    std::size_t payload = 0;
    for (const auto& sending : roads.out.datagrams()) {
        const auto fragment = roads.opened(sending);
        EXPECT_LE(fragment.size(), 1'000U);
        EXPECT_TRUE(test::is_right(fragment));
        payload += fragment.size() - 34;
    }
    EXPECT_EQ(payload, whole.size() - 34);
}

TEST_F(RouteTest, NeverAsksForLessThanEveryPathCarries) {
    roads.plane.set_mtu(beta, 64, 64);
    roads.from_device(udp_frame(
        {.source = "10.1.0.1", .destination = "10.2.0.1", .flags_and_offset = 0x4000}, 548));
    EXPECT_EQ(roads.outcome(), "tcp beta");
}

std::uint16_t mss_of(Bytes frame) { return get_u16(frame, 14 + 20 + 20 + 2); }

TEST_F(RouteTest, ClampsMssToTheNarrowerEnd) {
    const auto syn = [](std::string_view source, std::string_view destination) {
        return test::tcp_frame({.source = source, .destination = destination},
                               test::frame_of("02 04 05 b4"));
    };
    roads.plane.set_mtu(beta, 1'200, 1'200);
    roads.plane.set_mtu(epsilon, 1'100, 1'100);
    roads.from_device(syn("10.1.0.1", "10.2.0.1"));
    EXPECT_EQ(mss_of(roads.opened(roads.out.datagrams().front())), 1'200 - 54);
    roads.from(beta, syn("10.2.0.1", "10.6.0.1"));
    EXPECT_EQ(mss_of(roads.opened(roads.out.datagrams().front())), 1'100 - 54);
    roads.from(epsilon, syn("10.6.0.1", "10.2.0.1"));
    EXPECT_EQ(mss_of(roads.opened(roads.out.datagrams().front())), 1'100 - 54);
    roads.from(beta, syn("10.2.0.1", "10.1.0.1"));
    EXPECT_EQ(mss_of(roads.out.frames().front()->bytes()), 1'200 - 54);
    roads.set_table(wire::option::pmtu_discovery);
    roads.from_device(syn("10.1.0.1", "10.2.0.1"));
    EXPECT_EQ(mss_of(roads.opened(roads.out.datagrams().front())), 1'460) << "not wanted there";
}

TEST_F(RouteTest, KeepsOnTcpWhatCameThatWay) {
    roads.from_peer(beta, v4("10.2.0.1", "10.6.0.1"), Transport::keep_on_tcp);
    EXPECT_EQ(roads.outcome(), "tcp epsilon");
    roads.from_peer(beta, v4("10.2.0.1", "224.0.0.5"), Transport::keep_on_tcp);
    EXPECT_EQ(roads.outcome(), "device, tcp epsilon");
    roads.from_peer(beta, v4("10.2.0.1", "10.6.0.1"), Transport::any);
    EXPECT_EQ(roads.outcome(), "udp epsilon");
}

TEST_F(RouteTest, DropsFramesOfPeersThatAreNone) {
    roads.from_peer(beta, {});
    EXPECT_EQ(roads.outcome(), "");
    roads.from_peer(beta, Frame(65'535));
    EXPECT_EQ(roads.plane.dropped(Drop::too_long), 1U);
    roads.from_peer(beta, Frame(13));
    EXPECT_EQ(roads.plane.dropped(Drop::too_short), 1U);
    roads.from_peer(beta, Frame(100));
    EXPECT_EQ(roads.plane.dropped(Drop::unknown_type), 1U) << "a probe comes by UDP only";
}

class OneAddress final : public LocalAddresses {
  public:
    std::optional<Address> towards(const Address& remote) override {
        asked = remote;
        return address;
    }
    std::optional<std::size_t> route_mtu(const Address&) override { return std::nullopt; }
    std::optional<Address> address;
    std::optional<Address> asked;
};

TEST_F(RouteTest, TellsWhereThePacketDied) {
    const auto source_of_answer = [&](const Frame& frame) {
        roads.now += seconds(1);
        roads.from(beta, frame);
        EXPECT_EQ(roads.out.datagrams().size(), 1U);
        const auto answer = roads.opened(roads.out.datagrams().front());
        EXPECT_TRUE(test::is_right(answer));
        return packet::parse_ip(answer)->source.text();
    };
    OneAddress here;
    roads.plane.set_settings(counting);
    const auto expiring = v4("10.2.0.1", "10.6.0.1", 1);
    EXPECT_EQ(source_of_answer(expiring), "10.6.0.1") << "as long as nobody tells better";
    roads.plane.use(here);
    EXPECT_EQ(source_of_answer(expiring), "10.6.0.1");
    EXPECT_EQ(here.asked->text(), "10.2.0.1");
    here.address = Address::parse("10.1.0.7");
    EXPECT_EQ(source_of_answer(expiring), "10.1.0.7");
    EXPECT_EQ(source_of_answer(
                  udp_frame({.source = "fd02::1", .destination = "fd06::1", .hop_limit = 1}, 100)),
              "fd06::1")
        << "not of the other family";
    EXPECT_EQ(source_of_answer(v4("10.2.0.1", "10.99.0.1", 1)), "10.99.0.1") << "another reason";
}

TEST_F(RouteTest, InheritsTrafficClassIfConfigured) {
    const auto urgent =
        udp_frame({.source = "10.1.0.1", .destination = "10.2.0.1", .traffic_class = 0xb8}, 100);
    roads.from_device(urgent);
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0);
    PlaneSettings inheriting;
    inheriting.priority_inheritance = true;
    roads.plane.set_settings(inheriting);
    roads.from_device(urgent);
    EXPECT_EQ(roads.out.datagrams().front().traffic_class, 0xb8);
}

TEST_F(RouteTest, CountsBytesOfTheDevice) {
    const auto frame = v4("10.1.0.1", "10.2.0.1");
    roads.from_device(frame);
    EXPECT_EQ(roads.plane.device_bytes().in, frame.size());
    EXPECT_EQ(roads.plane.device_bytes().out, 0U);
    roads.from(beta, v4("10.2.0.1", "10.1.0.1"));
    EXPECT_EQ(roads.plane.device_bytes().out, frame.size());
}

}  // namespace
}  // namespace tinc::plane
