#include "tinc/wire/messages.hpp"
#include "unit/wire/lines.hpp"

#include <gtest/gtest.h>

namespace tinc::wire {
namespace {

using test::expect_malformed;
using test::expect_means;
using test::expect_round_trip;

TEST(PacketHeaderTest, SurvivesARoundTrip) {
    expect_round_trip(parse_packet, PacketHeader{0}, "17 0");
    expect_round_trip(parse_packet, PacketHeader{1518}, "17 1518");
    expect_round_trip(parse_packet, PacketHeader{65535}, "17 65535");
}

TEST(PacketHeaderTest, IsReadAsScanfDoes) {
    expect_means(parse_packet, PacketHeader{98}, {"17  98", "17 98x", "17 098.5", "17 +98 words"});
}

TEST(PacketHeaderTest, IsMalformedWithoutALength) {
    expect_malformed(parse_packet, {"17", "17 ", "17 x", "17 -1", "17 65536", "17 2147483648",
                                    "17 99999999999999999999", "16 98", "17.5 98", "17 \t"});
}

}  // namespace
}  // namespace tinc::wire
