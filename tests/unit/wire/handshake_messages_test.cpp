#include "tinc/base/bytes.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/wire/messages.hpp"
#include "unit/wire/lines.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <string_view>

namespace tinc::wire {
namespace {

using namespace std::literals;
using test::expect_malformed;
using test::expect_means;
using test::expect_round_trip;

const std::string longest_word(limits::token_bytes, 'A');
const std::string too_long_word(limits::token_bytes + 2, 'A');

TEST(IdTest, SurvivesARoundTrip) { expect_round_trip(parse_id, Id{"beta", 17}, "0 beta 17"); }

TEST(IdTest, IsReadAsScanfDoes) {
    expect_means(
        parse_id, Id{"beta", 17, 0},
        {"0 beta 17.x", "0 beta 17x", "0  beta\t17", " 0 beta 17 more words", "0 beta +17"});
}

TEST(IdTest, MayTellAMinorVersion) {
    expect_round_trip(parse_id, Id{"beta", 17, 7}, "0 beta 17.7");
    expect_means(parse_id, Id{"beta", 17, 999}, {"0 beta 17.999", "0 beta 17.9999"});
    expect_means(parse_id, Id{"beta", 17, 0}, {"0 beta 17.0", "0 beta 17.-1"});
}

TEST(IdTest, LeavesTheNameToTheCaller) {
    expect_means(parse_id, Id{"^0123", 17, 7}, {"0 ^0123 17.7"});
    expect_means(parse_id, Id{"../x", 0, 0}, {"0 ../x 0"});
    expect_means(parse_id, Id{longest_word, 17, 0}, {"0 " + longest_word + " 17"});
}

TEST(IdTest, IsMalformedWithoutTwoFields) {
    expect_malformed(parse_id, {"", "0", "0 ", "0 beta", "0 beta x", "0 beta -", "0 beta .17",
                                "0 beta 2147483648", "0 beta 99999999999999999999", "1 beta 17",
                                "10 beta 17", "x beta 17", "18 beta 17", "5 beta 17"});
}

TEST(IdTest, IsMalformedWithBinaryInIt) {
    expect_malformed(parse_id, {"0 be\0ta 17"sv, "0 beta 17\0"sv, "0 beta 17\r"sv, "0 \x01 17"sv,
                                "0 beta 17 \x7f"sv});
}

TEST(IdTest, IsMalformedWithAnEndlessName) {
    expect_malformed(parse_id, {"0 " + too_long_word + " 17"});
}

TEST(MetakeyTest, SurvivesARoundTrip) {
    expect_round_trip(parse_metakey, Metakey{429, 672, 0, 0, *parse_hex("00FF7A")},
                      "1 429 672 0 0 00FF7A");
}

TEST(MetakeyTest, ReadsEveryNumberForTheCallerToJudge) {
    constexpr auto low = std::numeric_limits<std::int32_t>::min();
    constexpr auto high = std::numeric_limits<std::int32_t>::max();
    expect_means(parse_metakey, Metakey{low, high, -1, 12, *parse_hex("ab")},
                 {"1 -2147483648 2147483647 -1 12 aB", "1 -2147483648 2147483647 -1 +12 Ab x"});
}

TEST(MetakeyTest, HoldsTheKeyOfTheLargestModulus) {
    const auto metakey = parse_metakey("1 429 672 0 0 " + longest_word);
    ASSERT_TRUE(metakey);
    EXPECT_EQ(metakey->key.size(), limits::token_bytes / 2);
    expect_malformed(parse_metakey, {"1 429 672 0 0 " + too_long_word});
}

TEST(MetakeyTest, IsMalformedWithABadField) {
    expect_malformed(
        parse_metakey,
        {"1", "1 429", "1 429 672 0 0", "1 429 672 0 0 ", "1 429 672 0 0 A", "1 429 672 0 0 AG",
         "1 429 672 0 0 0xAB", "1 429 672 0 x AB", "1 429x 672 0 0 AB", "1 aes 672 0 0 AB",
         "1 2147483648 672 0 0 AB", "1 429 672 0 99999999999999999999 AB", "2 429 672 0 0 AB"});
}

TEST(ChallengeTest, SurvivesARoundTrip) {
    expect_round_trip(parse_challenge, Challenge{*parse_hex("4B83AC")}, "2 4B83AC");
    expect_means(parse_challenge, Challenge{*parse_hex("4B83AC")}, {"2  4b83aC more"});
}

TEST(ChallengeTest, IsMalformedUnlessItIsBytes) {
    expect_malformed(parse_challenge, {"2", "2 ", "2 4", "2 4B8", "2 xy", "2 4B,3", "3 4B83",
                                       "2 -1", "2 " + too_long_word});
}

TEST(ChalReplyTest, SurvivesARoundTrip) {
    expect_round_trip(parse_chal_reply, ChalReply{*parse_hex("39D72C")}, "3 39D72C");
}

TEST(ChalReplyTest, IsMalformedUnlessItIsBytes) {
    expect_malformed(parse_chal_reply,
                     {"3", "3 4", "3 4B8", "3 xy", "2 4B83", "3 " + too_long_word});
}

TEST(HandshakeErrorTest, NeverRepeatsKeyMaterial) {
    const auto result = parse_metakey("1 429 672 0 0 5EC3E7X");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().what.find("5EC3E7"), std::string::npos);
    EXPECT_EQ(result.error().what.find("METAKEY"), 0U);
}

TEST(AckTest, SurvivesARoundTrip) {
    expect_round_trip(parse_ack, Ack{655, 3, 0xc}, "4 655 3 c");
    expect_round_trip(parse_ack, Ack{65535, -7, 0xff00000dU}, "4 65535 -7 ff00000d");
}

TEST(AckTest, ReadsNumbersAsScanfDoes) {
    expect_means(parse_ack, Ack{655, 3, 0xc},
                 {"4 655 3 C", "4 655 3 0xc", "4 655 3 0XC", "4\t655  3   c more", "4 655 +3 cx",
                  "4 0655 3 000000000c"});
}

TEST(AckTest, KeepsTheTcpPortIfItsPortIsNone) {
    for (const auto* port : {"0", "-1", "65536", "99999999999999999999", "http", "655x", "0x28f"}) {
        const auto ack = parse_ack("4 " + std::string(port) + " 3 c");
        ASSERT_TRUE(ack) << port;
        EXPECT_EQ(ack->port, 0) << port;
    }
}

TEST(AckTest, AcceptsWeightsUpToTheirLimits) {
    expect_means(parse_ack, Ack{655, std::numeric_limits<std::int32_t>::min(), 0},
                 {"4 655 -2147483648 0"});
    expect_means(parse_ack, Ack{655, std::numeric_limits<std::int32_t>::max(), 0xffffffffU},
                 {"4 655 2147483647 ffffffff"});
}

TEST(AckTest, IsMalformedWithABadField) {
    expect_malformed(parse_ack, {"4", "4 655", "4 655 3", "4 655 x c", "4 655 3 g", "4 655 3 0x",
                                 "4 655 3 -1", "4 655 2147483648 c", "4 655 -2147483649 c",
                                 "4 655 3 100000000", "4 655 3x c", "8 655 3 c"});
}

TEST(PingTest, IsItsNumberAlone) {
    std::string line;
    append_ping(line);
    EXPECT_EQ(line, "8");
    line.clear();
    append_pong(line);
    EXPECT_EQ(line, "9");
}

}  // namespace
}  // namespace tinc::wire
