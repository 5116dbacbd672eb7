#include "tinc/base/limits.hpp"
#include "tinc/wire/messages.hpp"
#include "unit/wire/lines.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace tinc::wire {
namespace {

using namespace std::literals;
using test::expect_malformed;
using test::expect_means;
using test::expect_round_trip;

AnsKey milan_to_rome() { return {"milan", "rome", "00AAFF", 427, 672, 4, 0, std::nullopt}; }

AnsKey with_address(EdgeAddress address) {
    auto message = milan_to_rome();
    message.address = std::move(address);
    return message;
}

TEST(KeyChangedTest, SurvivesARoundTrip) {
    expect_round_trip(parse_key_changed, KeyChanged{0x93, "milan"}, "14 93 milan");
    expect_means(parse_key_changed, KeyChanged{0x93, "milan"}, {"14 0x93 milan more"});
}

TEST(KeyChangedTest, IsMalformedWithABadField) {
    expect_malformed(parse_key_changed, {"14", "14 93", "14 93 mi.lan", "14 x milan", "15 93 milan",
                                         "14 100000000 milan", "14 milan", "14 93 mil\0an"sv});
}

TEST(ReqKeyTest, SurvivesARoundTrip) {
    expect_round_trip(parse_req_key, ReqKey{"milan", "rome", 0, ""}, "15 milan rome");
    expect_round_trip(parse_req_key, ReqKey{"milan", "rome", ReqKey::ask_public_key, ""},
                      "15 milan rome 19");
    expect_round_trip(parse_req_key, ReqKey{"milan", "rome", ReqKey::start_session, "AbCd0123/+"},
                      "15 milan rome 15 AbCd0123/+");
}

TEST(ReqKeyTest, IgnoresWhatFollowsAndWhatIsNoExtension) {
    expect_means(parse_req_key, ReqKey{"milan", "rome", ReqKey::packet, "AbCd"},
                 {"15 milan rome 21 AbCd more"});
    expect_means(parse_req_key, ReqKey{"milan", "rome", 0, ""},
                 {"15 milan rome word", "15 milan rome 0 AbCd", "15 milan rome 00\xb0"});
}

TEST(ReqKeyTest, IsMalformedWithABadField) {
    expect_malformed(parse_req_key, {"15", "15 milan", "15 milan ro:me", "15 mi.lan rome",
                                     "16 milan rome", "15 \xff rome", "15 milan rome\r"sv});
}

TEST(AnsKeyTest, SurvivesARoundTrip) {
    expect_round_trip(parse_ans_key, milan_to_rome(), "16 milan rome 00AAFF 427 672 4 0");
    expect_round_trip(parse_ans_key, with_address({"10.99.1.2", "655"}),
                      "16 milan rome 00AAFF 427 672 4 0 10.99.1.2 655");
    expect_round_trip(parse_ans_key, with_address({"unknown", "port"}),
                      "16 milan rome 00AAFF 427 672 4 0 unknown port");
}

TEST(AnsKeyTest, HasNoAddressWithoutAPort) {
    expect_means(parse_ans_key, milan_to_rome(),
                 {"16 milan rome 00AAFF 427 672 4 0 10.99.1.2", "16 milan rome 00AAFF 427 672 4 0 ",
                  "16 milan rome 00AAFF 427 672 4 0x"});
}

TEST(AnsKeyTest, IgnoresWordsBehindTheAddress) {
    expect_means(parse_ans_key, with_address({"10.99.1.2", "655"}),
                 {"16 milan rome 00AAFF 427 672 4 0 10.99.1.2 655 more words"});
}

TEST(AnsKeyTest, LeavesKeyAndNumbersToTheReceiver) {
    expect_means(parse_ans_key, AnsKey{"milan", "rome", "not/hex", -1, 0, -2147483648, 12, {}},
                 {"16 milan rome not/hex -1 0 -2147483648 12"});
}

TEST(AnsKeyTest, HoldsTheLongestWordAsItsKey) {
    const std::string longest(limits::token_bytes, 'A');
    const auto message = parse_ans_key("16 milan rome " + longest + " 427 672 4 0");
    ASSERT_TRUE(message);
    EXPECT_EQ(message->key, longest);
    expect_malformed(parse_ans_key, {"16 milan rome A" + longest + " 427 672 4 0"});
}

TEST(AnsKeyTest, IsMalformedWithABadField) {
    const std::string long_host(256, 'h');
    expect_malformed(
        parse_ans_key,
        {"16", "16 milan", "16 milan rome", "16 milan rome 00", "16 milan rome 00 427",
         "16 milan rome 00 427 672 4", "16 milan rome 00 427 672 4 x", "16 milan rome 00 x 672 4 0",
         "16 mi.lan rome 00 427 672 4 0", "16 milan ro.me 00 427 672 4 0",
         "16 milan rome 00 427 672 4 2147483648", "15 milan rome 00 427 672 4 0",
         "16 milan rome 00 427 672 4 0 \xff 655", "16 milan rome 00 427 672 4 0 1.2.3.4 \xff",
         "16 milan rome 00 427 672 4 0 " + long_host + " 655"});
}

}  // namespace
}  // namespace tinc::wire
