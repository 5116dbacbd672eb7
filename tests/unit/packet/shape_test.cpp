#include "tinc/packet/shape.hpp"
#include "support/frames.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/packet/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace tinc::packet {
namespace {

using test::Frame;
using test::frame_of;
using test::is_right;

Frame first_bytes(const Frame& frame, std::size_t size) {
    return {frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size)};
}

struct MssCase {
    std::string name;
    std::string options;
    std::string clamped;  ///< with a limit of 1400 for an IPv4 frame: 1400 - 14 - 20 - 20 = 0x542
};

class ClampMssOption : public testing::TestWithParam<MssCase> {};

TEST_P(ClampMssOption, IsFoundAndLowered) {
    struct Kind {
        test::IpFields ip;
        bool tagged;
        std::size_t limit;
    };
    for (const auto& kind : {Kind{test::from_v4, false, 1400}, Kind{test::from_v4, true, 1404},
                             Kind{test::from_v6, false, 1420}, Kind{test::from_v6, true, 1424}}) {
        auto frame = test::tcp_frame(kind.ip, frame_of(GetParam().options), 11);
        auto expected = test::tcp_frame(kind.ip, frame_of(GetParam().clamped), 11);
        if (kind.tagged) frame = test::with_vlan_tag(frame);
        if (kind.tagged) expected = test::with_vlan_tag(expected);
        EXPECT_EQ(clamp_mss(frame, kind.limit), GetParam().options != GetParam().clamped);
        EXPECT_EQ(hex_text(frame), hex_text(expected));
        EXPECT_TRUE(is_right(frame));
    }
}

// clang-format off
INSTANTIATE_TEST_SUITE_P(Packet, ClampMssOption, testing::Values(
    MssCase{"alone", "020405b4", "02040542"},
    MssCase{"largest", "0204ffff", "02040542"},
    MssCase{"first_of_many", "020405b4 0402 080a 0000000100000000 01 030307", "02040542 0402 080a 0000000100000000 01 030307"},
    MssCase{"last_of_many", "0402 080a 0000000100000000 01 030307 020405b4", "0402 080a 0000000100000000 01 030307 02040542"},
    MssCase{"at_an_odd_place", "01 020405b4 010101", "01 02040542 010101"},
    MssCase{"behind_an_unknown_option", "fe03aa 020405b4 01", "fe03aa 02040542 01"},
    MssCase{"twice", "020405b4 020405dc", "02040542 02040542"},
    MssCase{"equal_stays", "02040542", "02040542"},
    MssCase{"lower_stays", "02040218", "02040218"},
    MssCase{"none", "", ""},
    MssCase{"none_among_others", "01 030307 0402 0101", "01 030307 0402 0101"},
    MssCase{"behind_the_end_of_the_list", "00 020405b4 000000", "00 020405b4 000000"},
    MssCase{"behind_a_length_of_zero", "fe00 020405b4 0101", "fe00 020405b4 0101"},
    MssCase{"behind_a_length_of_one", "fe01 020405b4 0101", "fe01 020405b4 0101"},
    MssCase{"behind_a_length_too_long", "fe20 020405b4 0101", "fe20 020405b4 0101"},
    MssCase{"of_a_wrong_length", "020305b4", "020305b4"},
    MssCase{"cut_off_behind_its_kind", "010101 02", "010101 02"},
    MssCase{"cut_off_behind_its_length", "0101 0204", "0101 0204"},
    MssCase{"cut_off_in_its_value", "01 020405", "01 020405"}
), [](const auto& test) { return test.param.name; });
// clang-format on

TEST(ClampMssTest, LeavesOtherFramesAlone) {
    auto fragment = test::tcp_frame({.flags_and_offset = 0x0010}, frame_of("020405b4"));
    auto udp = test::udp_frame(test::from_v4, 64);
    auto arp = test::arp_request_frame("10.0.0.1", "10.0.0.2");
    for (auto* frame : {&fragment, &udp, &arp}) {
        const auto before = *frame;
        EXPECT_FALSE(clamp_mss(*frame, 600));
        EXPECT_EQ(*frame, before);
    }
}

TEST(ClampMssTest, LeavesAFrameAloneIfNoDataWouldFit) {
    auto frame = test::tcp_frame(test::from_v4, frame_of("020405b4"));
    const auto before = frame;
    for (const std::size_t limit : {0U, 53U, 54U}) EXPECT_FALSE(clamp_mss(frame, limit)) << limit;
    EXPECT_EQ(frame, before);
    EXPECT_TRUE(clamp_mss(frame, 55));
}

TEST(ClampMssTest, LeavesOptionsOutsideTheIpPacketAlone) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        auto frame = test::tcp_frame(fields, frame_of("020405b4"));
        const auto length_at = fields.source.contains(':') ? 18U : 16U;
        const auto length = get_u16(frame, length_at);
        put_u16(frame, length_at, static_cast<std::uint16_t>(length - 1));
        EXPECT_FALSE(clamp_mss(frame, 1000));
    }
}

TEST(ClampMssTest, SkipsIpv4Options) {
    auto frame = test::tcp_frame(test::from_v4, frame_of("020405b4"));
    const auto options = frame_of("01010101");
    frame.insert(frame.begin() + 34, options.begin(), options.end());
    frame[14] = std::byte{0x46};
    put_u16(frame, 16, static_cast<std::uint16_t>(get_u16(frame, 16) + 4));
    EXPECT_TRUE(clamp_mss(frame, 1000));
    EXPECT_EQ(get_u16(frame, 60), 1000 - 14 - 24 - 20);
}

TEST(ClampMssTest, SurvivesEveryTruncation) {
    const auto options = frame_of("01 0303 07 020405b4");
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        for (const auto& whole : {test::tcp_frame(fields, options),
                                  test::with_vlan_tag(test::tcp_frame(fields, options))}) {
            for (std::size_t size = 0; size < whole.size(); ++size) {
                auto part = first_bytes(whole, size);
                EXPECT_FALSE(clamp_mss(part, 1000)) << size;
                EXPECT_EQ(part, first_bytes(whole, size));
            }
        }
    }
}

TEST(HopLimitTest, IsCountedDownWithARightChecksum) {
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        for (const int hops : {2, 3, 64, 128, 255}) {
            auto counted = fields;
            counted.hop_limit = static_cast<std::uint8_t>(hops);
            auto frame = test::udp_frame(counted, 20);
            auto tagged = test::with_vlan_tag(frame);
            EXPECT_EQ(decrement_hop_limit(frame), HopLimit::decremented);
            EXPECT_EQ(decrement_hop_limit(tagged), HopLimit::decremented);
            EXPECT_EQ(parse_ip(frame)->hop_limit, hops - 1);
            EXPECT_EQ(parse_tagged_ip(tagged)->hop_limit, hops - 1);
            EXPECT_TRUE(is_right(frame));
            EXPECT_TRUE(is_right(tagged));
        }
    }
}

TEST(HopLimitTest, ExpiresAtOneAndZero) {
    for (auto fields : {test::from_v4, test::from_v6}) {
        for (const std::uint8_t hops : {std::uint8_t{0}, std::uint8_t{1}}) {
            fields.hop_limit = hops;
            auto frame = test::udp_frame(fields, 20);
            const auto before = frame;
            EXPECT_EQ(decrement_hop_limit(frame), HopLimit::expired);
            EXPECT_EQ(frame, before);
        }
    }
}

TEST(HopLimitTest, IsOnlyForWholeIpHeaders) {
    auto arp = test::arp_request_frame("10.0.0.1", "10.0.0.2");
    EXPECT_EQ(decrement_hop_limit(arp), HopLimit::not_ip);
    for (const auto& fields : {test::from_v4, test::from_v6}) {
        const auto whole = test::with_vlan_tag(test::ip_frame(fields, 200, {}));
        for (std::size_t size = 0; size < whole.size(); ++size) {
            auto part = first_bytes(whole, size);
            EXPECT_EQ(decrement_hop_limit(part), HopLimit::not_ip) << size;
        }
    }
}

std::vector<Frame> fragments_of(const Frame& frame, std::size_t limit) {
    std::vector<Frame> out;
    const bool cut = fragment_ipv4(
        frame, limit, [&](Bytes fragment) { out.emplace_back(fragment.begin(), fragment.end()); });
    EXPECT_EQ(cut, !out.empty());
    return out;
}

/// Puts the payloads where their offsets say; `header` bytes come before each of them.
Frame reassembled(const std::vector<Frame>& fragments, std::size_t header, std::size_t first) {
    Frame payload;
    for (const auto& fragment : fragments) {
        const auto at = (get_u16(fragment, header - 14) & 0x1fffU) * 8 - first;
        EXPECT_EQ(at, payload.size()) << "a hole or an overlap";
        payload.insert(payload.end(), fragment.begin() + static_cast<std::ptrdiff_t>(header),
                       fragment.end());
    }
    return payload;
}

TEST(FragmentTest, CutsAsTheOriginalDoes) {
    const auto fragments = fragments_of(test::udp_frame(test::from_v4, 1400), 590);
    ASSERT_EQ(fragments.size(), 3U);
    EXPECT_EQ(fragments[0].size(), 14U + 20U + 552U);
    EXPECT_EQ(fragments[1].size(), 14U + 20U + 552U);
    EXPECT_EQ(fragments[2].size(), 14U + 20U + 304U);
    EXPECT_EQ(get_u16(fragments[0], 20), 0x2000);
    EXPECT_EQ(get_u16(fragments[1], 20), 0x2000 + 552 / 8);
    EXPECT_EQ(get_u16(fragments[2], 20), 2 * 552 / 8);
}

TEST(FragmentTest, LosesNothing) {
    for (const bool tagged : {false, true}) {
        const std::size_t header = tagged ? 38 : 34;
        for (std::size_t data = 0; data < 1450; data += 37) {
            auto frame = test::udp_frame(test::from_v4, data);
            if (tagged) frame = test::with_vlan_tag(frame);
            for (const std::size_t limit : {header + 8, header + 15, std::size_t{590}}) {
                const auto fragments = fragments_of(frame, limit);
                for (const auto& fragment : fragments) {
                    ASSERT_TRUE(is_right(fragment));
                    ASSERT_LE(fragment.size(), limit);
                }
                ASSERT_EQ(reassembled(fragments, header, 0),
                          Frame(frame.begin() + static_cast<std::ptrdiff_t>(header), frame.end()));
            }
        }
    }
}

TEST(FragmentTest, CutsAFragmentFurther) {
    const auto frame = test::ip_frame({.flags_and_offset = 0xa000 + 100}, 17, Frame(1200));
    const auto fragments = fragments_of(frame, 590);
    ASSERT_EQ(fragments.size(), 3U);
    for (const auto& fragment : fragments) {
        EXPECT_TRUE(is_right(fragment));
        EXPECT_EQ(get_u16(fragment, 20) & 0xe000, 0xa000);
    }
    EXPECT_EQ(reassembled(fragments, 34, 800).size(), 1200U);
}

TEST(FragmentTest, HandsOnAFrameThatFits) {
    const auto frame = test::udp_frame(test::from_v4, 500);
    const auto fragments = fragments_of(frame, frame.size());
    ASSERT_EQ(fragments.size(), 1U);
    EXPECT_EQ(fragments[0], frame);
}

TEST(FragmentTest, NeverExceedsAFrame) {
    const auto fragments = fragments_of(test::udp_frame(test::from_v4, 1900), 100'000);
    ASSERT_EQ(fragments.size(), 2U);
    EXPECT_LE(fragments[0].size(), limits::frame_bytes);
}

TEST(FragmentTest, RefusesWhatCannotBeCut) {
    const auto plain = test::udp_frame(test::from_v4, 1000);
    auto wrong_length = plain;
    wrong_length.push_back(std::byte{0});
    auto with_options = plain;
    with_options[14] = std::byte{0x46};
    const auto at_the_end = test::ip_frame({.flags_and_offset = 0x1ff0}, 17, Frame(1000));
    for (const auto& frame :
         {wrong_length, with_options, at_the_end, test::udp_frame(test::from_v6, 1000),
          test::udp_frame({.flags_and_offset = 0x4000}, 1000),
          test::arp_request_frame("10.0.0.1", "10.0.0.2")})
        EXPECT_TRUE(fragments_of(frame, 590).empty()) << hex_text(Bytes(frame).first(42));
    EXPECT_TRUE(fragments_of(plain, 41).empty());
    EXPECT_FALSE(fragments_of(plain, 42).empty());
    for (std::size_t size = 0; size < plain.size(); ++size)
        EXPECT_TRUE(fragments_of(first_bytes(plain, size), 590).empty()) << size;
}

}  // namespace
}  // namespace tinc::packet
