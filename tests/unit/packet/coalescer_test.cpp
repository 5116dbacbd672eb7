#include "tinc/packet/coalescer.hpp"
#include "support/frames.hpp"
#include "support/super_packet.hpp"
#include "tinc/packet/frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;
using test::IpFields;
using test::super_packet;
using test::SuperPacket;
using test::TcpFields;
using test::UdpFields;

constexpr std::uint8_t ack = 0x10;
constexpr std::uint8_t push = 0x18;

/// Frames handed to a Coalescer, and the packets that it makes of them.
class CoalescerTest : public testing::Test {
  protected:
    struct Outcome {
        OffloadHeader header;
        Frame ip;
        std::size_t pieces;
    };

    std::vector<Outcome> arrange(const std::vector<Frame>& frames) {
        while (packets_.size() < frames.size()) packets_.push_back(std::make_unique<Packet>());
        std::vector<Packet*> pointers;
        for (std::size_t i = 0; i < frames.size(); ++i) {
            packets_[i]->assign(frames[i]);
            pointers.push_back(packets_[i].get());
        }
        std::vector<Outcome> out;
        for (const auto& write : coalescer_.arrange(pointers)) {
            Frame ip;
            for (const auto& piece : write.pieces) ip.insert(ip.end(), piece.begin(), piece.end());
            out.push_back({write.header, ip, write.pieces.size()});
        }
        return out;
    }

    std::vector<std::size_t> pieces(const std::vector<Frame>& frames) {
        std::vector<std::size_t> out;
        for (const auto& outcome : arrange(frames)) out.push_back(outcome.pieces);
        return out;
    }

    Coalescer coalescer_{Coalescer::Udp::joined};

  private:
    std::vector<std::unique_ptr<Packet>> packets_;
};

Frame counting_bytes(std::size_t count) {
    Frame out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = std::byte(i * 7 & 0xffU);
    return out;
}

IpFields numbered(IpFields ip, std::size_t index) {
    ip.identification = static_cast<std::uint16_t>(ip.identification + index);
    return ip;
}

/// Frame number `index` of a flow whose frames have `size` bytes of data, or that many less
/// `missing` if it is the last.
struct Flow {
    IpFields ip = test::from_v4;
    TcpFields tcp{};
    std::size_t size = 100;

    [[nodiscard]] Frame frame(std::size_t index, std::uint8_t flags = ack,
                              std::size_t missing = 0) const {
        auto fields = tcp;
        fields.sequence += static_cast<std::uint32_t>(index * size);
        fields.flags = flags;
        const auto data = counting_bytes((index + 1) * size);
        return test::without_macs(test::tcp_frame(
            numbered(ip, index), fields, Bytes(data).subspan(index * size, size - missing)));
    }
    [[nodiscard]] std::vector<Frame> frames(std::size_t count) const {
        std::vector<Frame> out;
        for (std::size_t i = 0; i < count; ++i) out.push_back(frame(i));
        return out;
    }
};

std::vector<Frame> udp_frames(std::size_t count, std::size_t size,
                              const IpFields& ip = test::from_v4) {
    std::vector<Frame> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(test::without_macs(test::udp_frame(numbered(ip, i), size)));
    return out;
}

Bytes ip_of(const Frame& frame) { return Bytes(frame).subspan(ethernet_bytes); }

TEST_F(CoalescerTest, MakesOfTcpFramesTheSuperPacketOfAnOffloadingHost) {
    const auto options = frame_of("0101 080a 0000000100000002");
    for (const auto& ip :
         {IpFields{.traffic_class = 2, .flags_and_offset = 0x4000}, test::from_v4, test::from_v6})
        for (const Bytes with : {Bytes{}, Bytes(options)}) {
            const Flow flow{.ip = ip, .tcp = {.acknowledgement = 5, .options = with}};
            const auto outcome = arrange({flow.frame(0), flow.frame(1), flow.frame(2, push, 30)});
            ASSERT_EQ(outcome.size(), 1);
            EXPECT_EQ(outcome[0].pieces, 3);
            auto fields = flow.tcp;
            fields.flags = push;
            const auto expected =
                super_packet(test::tcp_frame(ip, fields, counting_bytes(270)), 100);
            EXPECT_EQ(outcome[0].header, expected.header);
            EXPECT_EQ(hex_text(outcome[0].ip), hex_text(expected.ip));
        }
}

TEST_F(CoalescerTest, MakesOfUdpFramesTheSuperPacketOfAnOffloadingHost) {
    for (const auto& ip : {test::from_v4, test::from_v6}) {
        auto frames = udp_frames(3, 100, ip);
        frames.push_back(test::udp_frame(numbered(ip, 3), 1));
        Frame data;
        for (const auto& frame : frames)
            data.insert(data.end(), frame.end() - (&frame == &frames.back() ? 1 : 100),
                        frame.end());
        const auto outcome = arrange(frames);
        ASSERT_EQ(outcome.size(), 1);
        const auto expected = super_packet(test::udp_frame(ip, UdpFields{}, data), 100);
        EXPECT_EQ(outcome[0].header, expected.header);
        EXPECT_EQ(hex_text(outcome[0].ip), hex_text(expected.ip));
    }
}

TEST_F(CoalescerTest, IsUndoneByTheSegmenter) {
    const Flow flow{.ip = {.identification = 0xfffe}, .tcp = {.sequence = 0xffffffaa}};
    auto frames = flow.frames(6);
    frames.push_back(flow.frame(6, push, 99));
    for (const auto& sent : {frames, udp_frames(9, 333)}) {
        const auto outcome = arrange(sent);
        ASSERT_EQ(outcome.size(), 1);
        EXPECT_EQ(test::split(outcome[0].header, outcome[0].ip), sent);
    }
}

TEST_F(CoalescerTest, EndsAGroupWithAShorterFrame) {
    const Flow flow;
    EXPECT_THAT(pieces({flow.frame(0), flow.frame(1, ack, 1), flow.frame(2), flow.frame(3)}),
                testing::ElementsAre(2, 2));
    auto frames = udp_frames(4, 100);
    frames[1] = test::udp_frame(numbered(test::from_v4, 1), 99);
    EXPECT_THAT(pieces(frames), testing::ElementsAre(2, 2));
}

TEST_F(CoalescerTest, EndsAGroupWithAPush) {
    const Flow flow;
    EXPECT_THAT(pieces({flow.frame(0), flow.frame(1, push), flow.frame(2), flow.frame(3)}),
                testing::ElementsAre(2, 2));
    EXPECT_THAT(pieces({flow.frame(0, push), flow.frame(1), flow.frame(2)}),
                testing::ElementsAre(1, 2));
}

TEST_F(CoalescerTest, LeavesAGroupOfOneAsItWas) {
    const auto tcp = Flow{}.frame(0);
    const auto udp = test::udp_frame(test::from_v6, 8);
    const auto outcome = arrange({tcp, udp});
    ASSERT_EQ(outcome.size(), 2);
    EXPECT_EQ(outcome[0].header, OffloadHeader{});
    EXPECT_EQ(hex_text(outcome[0].ip), hex_text(ip_of(tcp)));
    EXPECT_EQ(outcome[1].header, OffloadHeader{});
    EXPECT_EQ(hex_text(outcome[1].ip), hex_text(ip_of(udp)));
}

struct Misfit {
    std::string name;
    IpFields ip;
    std::function<void(Flow&)> change;
    std::function<void(Frame&)> damage = [](Frame&) {};
};

class CoalescerKeepsApart : public CoalescerTest, public testing::WithParamInterface<Misfit> {};

// Behind the misfit comes what would join the first frame, were it not ended.
TEST_P(CoalescerKeepsApart, AFrameThatDoesNotFit) {
    const Flow flow{.ip = GetParam().ip};
    auto other = flow;
    GetParam().change(other);
    auto misfit = other.frame(1);
    GetParam().damage(misfit);
    const std::vector sent{flow.frame(0), misfit, flow.frame(1)};
    const auto outcome = arrange(sent);
    ASSERT_EQ(outcome.size(), 3);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(hex_text(outcome[i].ip), hex_text(ip_of(sent[i])));
        EXPECT_EQ(outcome[i].header, OffloadHeader{});
    }
}

TEST_F(CoalescerTest, JoinsWhatFits) {
    for (const auto& ip : {test::from_v4, test::from_v6}) {
        const Flow flow{.ip = ip};
        EXPECT_THAT(pieces({flow.frame(0), flow.frame(1), flow.frame(2)}), testing::ElementsAre(3));
    }
}

void nothing(Flow&) {}

void set_options(Flow& flow) {
    static const Frame options = frame_of("0101 080a 0000000100000003");
    flow.tcp.options = options;
}

std::function<void(Frame&)> flip(std::size_t at, std::uint8_t bits = 1) {
    return [=](Frame& frame) { frame[at] ^= std::byte{bits}; };
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, CoalescerKeepsApart, testing::Values(
    Misfit{"ttl", test::from_v4, [](auto& flow) { flow.ip.hop_limit = 63; }},
    Misfit{"hop_limit", test::from_v6, [](auto& flow) { flow.ip.hop_limit = 63; }},
    Misfit{"tos", test::from_v4, [](auto& flow) { flow.ip.traffic_class = 3; }},
    Misfit{"traffic_class", test::from_v6, [](auto& flow) { flow.ip.traffic_class = 3; }},
    Misfit{"flow_label", test::from_v6, nothing, flip(14 + 3)},
    Misfit{"dont_fragment", test::from_v4, [](auto& flow) { flow.ip.flags_and_offset = 0x4000; }},
    Misfit{"reserved_flag", test::from_v4, [](auto& flow) { flow.ip.flags_and_offset = 0x8000; }},
    Misfit{"first_fragment", test::from_v4, [](auto& flow) { flow.ip.flags_and_offset = 0x2000; }},
    Misfit{"later_fragment", test::from_v4, [](auto& flow) { flow.ip.flags_and_offset = 0x0001; }},
    Misfit{"identification", test::from_v4, [](auto& flow) { ++flow.ip.identification; }},
    Misfit{"sequence_later", test::from_v4, [](auto& flow) { ++flow.tcp.sequence; }},
    Misfit{"sequence_earlier", test::from_v6, [](auto& flow) { --flow.tcp.sequence; }},
    Misfit{"acknowledgement", test::from_v4, [](auto& flow) { ++flow.tcp.acknowledgement; }},
    Misfit{"window", test::from_v6, [](auto& flow) { ++flow.tcp.window; }},
    Misfit{"options", test::from_v4, set_options},
    Misfit{"more_data", test::from_v6, [](auto& flow) { flow.tcp.sequence -= 1; flow.size = 101; }},
    Misfit{"no_data", test::from_v6, [](auto& flow) { flow.tcp.sequence += 100; flow.size = 0; }},
    Misfit{"checksum_4", test::from_v4, nothing, flip(14 + 20 + 16)},
    Misfit{"checksum_6", test::from_v6, nothing, flip(14 + 40 + 16)},
    Misfit{"payload_damaged", test::from_v6, nothing, flip(14 + 40 + 20 + 99)},
    Misfit{"ip_checksum", test::from_v4, nothing, flip(14 + 10)},
    Misfit{"padded", test::from_v4, nothing, [](auto& frame) { frame.emplace_back(); }},
    Misfit{"cut_off", test::from_v6, nothing, [](auto& frame) { frame.pop_back(); }},
    Misfit{"ports_cut_off", test::from_v4, nothing, [](auto& frame) { frame.resize(14 + 23); }},
    Misfit{"no_ports", test::from_v6, nothing, [](auto& frame) { frame.resize(14 + 40); }},
    Misfit{"tcp_header_cut_off", test::from_v4, nothing, [](auto& frame) { frame.resize(14 + 20 + 19); }},
    Misfit{"tcp_offset_too_small", test::from_v4, nothing, flip(14 + 20 + 12, 0x10)},
    Misfit{"tcp_offset_too_large", test::from_v4, nothing, flip(14 + 20 + 12, 0xa0)},
    Misfit{"reserved_bits", test::from_v4, nothing, flip(14 + 20 + 12, 0x01)},
    Misfit{"ip_options", test::from_v4, nothing, flip(14, 0x02)},
    Misfit{"ip_header_too_short", test::from_v4, nothing, flip(14, 0x01)},
    Misfit{"extension_header", test::from_v6, nothing, [](auto& frame) { frame[14 + 6] = std::byte{60}; }},
    Misfit{"another_protocol", test::from_v4, nothing, [](auto& frame) { frame[14 + 9] = std::byte{47}; }}
), [](const auto& test) { return test.param.name; });
// clang-format on

TEST_F(CoalescerTest, KeepsApartWhatHasOtherFlags) {
    const Flow flow;
    for (const unsigned flags : {0x00U, 0x08U, 0x11U, 0x12U, 0x14U, 0x30U, 0x50U, 0x90U})
        EXPECT_THAT(
            pieces({flow.frame(0), flow.frame(1, static_cast<std::uint8_t>(flags)), flow.frame(1)}),
            testing::ElementsAre(1, 1, 1))
            << flags;
}

TEST_F(CoalescerTest, KeepsApartWhatHasAnUrgentPointer) {
    const Flow flow;
    auto urgent = flow.frame(1);
    const std::size_t urgent_at = ethernet_bytes + ipv4_bytes + 18;
    const std::size_t data_at = ethernet_bytes + ipv4_bytes + tcp_bytes;
    // What the pointer has more the data has less, so the checksum stays right.
    put_u16(urgent, urgent_at, 1);
    put_u16(urgent, data_at, static_cast<std::uint16_t>(get_u16(urgent, data_at) - 1));
    ASSERT_TRUE(test::is_right(urgent));
    EXPECT_THAT(pieces({flow.frame(0), urgent, flow.frame(1)}), testing::ElementsAre(1, 1, 1));
}

// 0xffff is equal to 0 in the arithmetic of checksums, but a segmenter would write 0.
TEST_F(CoalescerTest, KeepsApartATcpChecksumThatWouldNotComeAgain) {
    const std::size_t checksum_at = ethernet_bytes + ipv4_bytes + 16;
    Flow flow;
    flow.tcp.acknowledgement = get_u16(flow.frame(1), checksum_at);
    auto frame = flow.frame(1);
    ASSERT_EQ(get_u16(frame, checksum_at), 0);
    EXPECT_THAT(pieces({flow.frame(0), frame}), testing::ElementsAre(2));
    put_u16(frame, checksum_at, 0xffff);
    ASSERT_TRUE(test::is_right(frame));
    EXPECT_THAT(pieces({flow.frame(0), frame}), testing::ElementsAre(1, 1));
}

TEST_F(CoalescerTest, KeepsApartAnIpChecksumThatWouldNotComeAgain) {
    const std::size_t checksum_at = ethernet_bytes + 10;
    Flow flow{.ip = {.identification = 0xffff}};
    const auto missing = get_u16(flow.frame(1), checksum_at);
    flow.ip.identification = static_cast<std::uint16_t>(missing - 1);
    auto frame = flow.frame(1);
    ASSERT_EQ(get_u16(frame, checksum_at), 0);
    EXPECT_THAT(pieces({flow.frame(0), frame}), testing::ElementsAre(2));
    put_u16(frame, checksum_at, 0xffff);
    ASSERT_TRUE(test::is_right(frame));
    EXPECT_THAT(pieces({flow.frame(0), frame}), testing::ElementsAre(1, 1));
}

TEST_F(CoalescerTest, KeepsApartUdpWithoutChecksum) {
    auto frames = udp_frames(3, 64);
    for (auto& frame : frames) put_u16(frame, ethernet_bytes + ipv4_bytes + 6, 0);
    EXPECT_THAT(pieces(frames), testing::ElementsAre(1, 1, 1));
}

TEST_F(CoalescerTest, KeepsApartUdpOfAnotherLength) {
    auto frames = udp_frames(3, 64);
    put_u16(frames[1], ethernet_bytes + ipv4_bytes + 4, 71);
    EXPECT_THAT(pieces(frames), testing::ElementsAre(1, 1, 1));
    EXPECT_THAT(pieces(udp_frames(2, 0)), testing::ElementsAre(1, 1));
}

TEST_F(CoalescerTest, KeepsUdpApartIfTheDeviceDoesNotKnowIt) {
    coalescer_ = Coalescer(Coalescer::Udp::alone);
    EXPECT_THAT(pieces(udp_frames(3, 64)), testing::ElementsAre(1, 1, 1));
    EXPECT_THAT(pieces(Flow{}.frames(3)), testing::ElementsAre(3));
}

TEST_F(CoalescerTest, JoinsFlowsThatAreInterleaved) {
    std::vector<Frame> sent;
    std::vector<Flow> flows(4);
    flows[1].tcp.source_port = 1001;
    flows[2].tcp.destination_port = 2001;
    flows[3].ip = test::from_v6;
    const auto udp = udp_frames(3, 64);
    for (std::size_t i = 0; i < 3; ++i) {
        for (const auto& flow : flows) sent.push_back(flow.frame(i));
        sent.push_back(udp[i]);
    }
    const auto outcome = arrange(sent);
    ASSERT_EQ(outcome.size(), 5);
    for (std::size_t i = 0; i < flows.size(); ++i)
        EXPECT_EQ(test::split(outcome[i].header, outcome[i].ip), flows[i].frames(3));
    EXPECT_EQ(test::split(outcome[4].header, outcome[4].ip), udp);
}

std::vector<Flow> many_flows(std::size_t count) {
    std::vector<Flow> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i].tcp.source_port = static_cast<std::uint16_t>(i);
    return out;
}

TEST_F(CoalescerTest, FollowsNoMoreFlowsThanItsLimit) {
    std::vector<Frame> sent;
    for (std::size_t i = 0; i < 2; ++i)
        for (const auto& flow : many_flows(Coalescer::most_open_groups))
            sent.push_back(flow.frame(i));
    EXPECT_EQ(arrange(sent).size(), Coalescer::most_open_groups);
    sent.clear();
    for (std::size_t i = 0; i < 2; ++i)
        for (const auto& flow : many_flows(Coalescer::most_open_groups + 1))
            sent.push_back(flow.frame(i));
    EXPECT_EQ(arrange(sent).size(), sent.size());
}

TEST_F(CoalescerTest, GivesUpTheFlowThatWasSilentLongest) {
    const auto flows = many_flows(Coalescer::most_open_groups + 1);
    std::vector<Frame> sent;
    for (const auto& flow : std::span(flows).first(Coalescer::most_open_groups))
        sent.push_back(flow.frame(0));
    sent.push_back(flows.front().frame(1));
    sent.push_back(flows.back().frame(0));
    sent.push_back(flows[0].frame(2));
    sent.push_back(flows[1].frame(1));
    EXPECT_THAT(pieces(sent), testing::ElementsAre(3, 1, 1, 1, 1, 1, 1, 1, 1, 1));
}

TEST_F(CoalescerTest, LetsAFragmentEndTheFlowsBetweenItsAddresses) {
    const Flow flow;
    const Flow elsewhere{.ip = {.destination = "10.2.0.3"}};
    const auto fragment = test::udp_frame({.flags_and_offset = 0x0007}, 30);
    EXPECT_THAT(pieces({flow.frame(0), elsewhere.frame(0), fragment, flow.frame(1),
                        elsewhere.frame(1), flow.frame(2)}),
                testing::ElementsAre(1, 2, 1, 2));
}

TEST_F(CoalescerTest, LeavesOutWhatATunDeviceDoesNotTake) {
    const Flow flow;
    auto wrong_version = flow.frame(0);
    wrong_version[ethernet_bytes] = std::byte{0x65};
    EXPECT_THAT(pieces({Frame(3), Frame(ethernet_bytes), frame_of("000000000000000000000000 0800"),
                        test::arp_request_frame("10.0.0.1", "10.0.0.2"), wrong_version,
                        test::with_vlan_tag(flow.frame(0)), test::odd_frame(90)}),
                testing::IsEmpty());
    EXPECT_THAT(pieces({frame_of("000000000000000000000000 0800 45")}), testing::ElementsAre(1));
}

TEST_F(CoalescerTest, MakesNoPacketLargerThanIpAllows) {
    for (const auto& ip : {test::from_v4, test::from_v6}) {
        const Flow flow{.ip = ip, .size = 1400};
        const auto outcome = arrange(flow.frames(60));
        ASSERT_EQ(outcome.size(), 2);
        EXPECT_EQ(outcome[0].pieces, 46);
        EXPECT_LE(outcome[0].ip.size(), Coalescer::most_bytes);
        EXPECT_GT(outcome[0].ip.size() + 1400, Coalescer::most_bytes);
    }
}

TEST_F(CoalescerTest, ObeysTheLimitsOfPieces) {
    EXPECT_THAT(pieces(udp_frames(130, 10)), testing::ElementsAre(64, 64, 2));
    EXPECT_THAT(pieces(Flow{.size = 1}.frames(1'025)), testing::ElementsAre(512, 512, 1));
}

}  // namespace
}  // namespace tinc::packet
