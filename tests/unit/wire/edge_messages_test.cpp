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
using test::line_of;

AddEdge milan_to_rome(EdgeAddress address) {
    return {0x71, "milan", "rome", std::move(address), 0xc, 3};
}

TEST(EdgeAddressTest, IsUsableOnlyIfNumeric) {
    const EdgeAddress address("10.99.1.2", "655");
    ASSERT_TRUE(address.endpoint);
    EXPECT_EQ(address.endpoint->text(), "10.99.1.2 port 655");
    EXPECT_TRUE(EdgeAddress("fd00::1", "65535").endpoint);
    EXPECT_TRUE(EdgeAddress("::ffff:10.99.1.2", "1").endpoint);
}

TEST(EdgeAddressTest, IsTextOtherwise) {
    for (const auto* host :
         {"unknown", "localhost", "fe80::1%eth0", "[::1]", "10.1", "1.2.3.256", ""})
        EXPECT_FALSE(EdgeAddress(host, "655").endpoint) << host;
    for (const auto* port : {"port", "http", "0", "65536", "-1", "655x", "0x28f", "+655", ""})
        EXPECT_FALSE(EdgeAddress("10.99.1.2", port).endpoint) << port;
}

TEST(EdgeAddressTest, IsWrittenFromAnEndpoint) {
    const EdgeAddress address(Endpoint{Address::parse("FD00::1").value(), 655});
    EXPECT_EQ(address.host, "fd00::1");
    EXPECT_EQ(address.port, "655");
    EXPECT_EQ(address, EdgeAddress("fd00::1", "655"));
}

TEST(EdgeAddressTest, ComparesMeaningBeforeText) {
    EXPECT_EQ(EdgeAddress("FD00::1", "655"), EdgeAddress("fd00:0::1", "0655"));
    EXPECT_EQ(EdgeAddress("unknown", "port"), EdgeAddress("unknown", "port"));
    EXPECT_NE(EdgeAddress("unknown", "port"), EdgeAddress("Unknown", "port"));
    EXPECT_NE(EdgeAddress("10.99.1.2", "655"), EdgeAddress("10.99.1.2", "656"));
    EXPECT_NE(EdgeAddress("10.99.1.2", "655"), EdgeAddress("10.99.1.2", "0"));
    EXPECT_NE(EdgeAddress("10.99.1.2", "655"), EdgeAddress());
}

TEST(AddEdgeTest, SurvivesARoundTrip) {
    expect_round_trip(parse_add_edge, milan_to_rome({"10.99.1.2", "655"}),
                      "12 71 milan rome 10.99.1.2 655 c 3");
    expect_round_trip(parse_add_edge, milan_to_rome({"fd00::1", "655"}),
                      "12 71 milan rome fd00::1 655 c 3");
}

TEST(AddEdgeTest, RepeatsAddressesVerbatim) {
    for (const auto* line :
         {"12 71 milan rome unknown port c 3", "12 71 milan rome fd00::%x 655 c 3",
          "12 71 milan rome FD00:0:0::1 0655 c 3", "12 71 milan rome 10.99.1.2 65536 c 3"}) {
        const auto edge = parse_add_edge(line);
        ASSERT_TRUE(edge) << line;
        EXPECT_EQ(line_of(*edge), line);
    }
}

// A tincd 1.0.36 that was sent these lines understood them so.
TEST(AddEdgeTest, IsReadAsScanfDoes) {
    expect_means(
        parse_add_edge, milan_to_rome({"1.2.3.4", "655"}),
        {"12 0x71 milan rome 1.2.3.4 655 0xC 3", "12 71 milan rome 1.2.3.4 655 c 3x",
         "12 71 milan rome 1.2.3.4 655 c +3", "+12 71 milan rome 1.2.3.4 655 c 3",
         "12\t71\tmilan\trome\t1.2.3.4\t655\tc\t3", "  12  71  milan rome 1.2.3.4 655 c 3 ",
         "12 71 milan rome 1.2.3.4 655 c 3 word", "12 71 milan rome 1.2.3.4 655 c 3 \xff\xfe"});
    expect_means(parse_add_edge, AddEdge{0x91, "milan", "rome", {"1.2.3.4", "655"}, 0xc, -3},
                 {"12 91 milan rome 1.2.3.4 655 c-3"});
}

TEST(AddEdgeTest, MayTellWhereItsOwnEndIs) {
    auto edge = milan_to_rome({"1.2.3.4", "655"});
    edge.local_address.emplace("10.0.0.1", "656");
    expect_round_trip(parse_add_edge, edge, "12 71 milan rome 1.2.3.4 655 c 3 10.0.0.1 656");
    expect_means(parse_add_edge, edge, {"12 71 milan rome 1.2.3.4 655 c 3 10.0.0.1 656 more"});
}

TEST(AddEdgeTest, KeepsAllOptionBits) {
    const auto edge = parse_add_edge("12 1 milan rome 1.2.3.4 655 7f00000c 3");
    ASSERT_TRUE(edge);
    EXPECT_EQ(edge->options, 0x7f00000cU);
    EXPECT_EQ(edge->options & option::clamp_mss, option::clamp_mss);
}

TEST(AddEdgeTest, AcceptsNumbersUpToTheirLimits) {
    constexpr auto low = std::numeric_limits<std::int32_t>::min();
    constexpr auto high = std::numeric_limits<std::int32_t>::max();
    expect_round_trip(parse_add_edge,
                      AddEdge{0xffffffffU, "a", "b", {"1.2.3.4", "65535"}, 0xffffffffU, low},
                      "12 ffffffff a b 1.2.3.4 65535 ffffffff -2147483648");
    expect_round_trip(parse_add_edge, AddEdge{0, "a", "b", {"1.2.3.4", "1"}, 0, high},
                      "12 0 a b 1.2.3.4 1 0 2147483647");
}

TEST(AddEdgeTest, IsMalformedWithABadField) {
    expect_malformed(
        parse_add_edge,
        {"12", "12 71", "12 71 a", "12 71 a b", "12 71 a b 1.2.3.4", "12 71 a b 1.2.3.4 655",
         "12 71 a b 1.2.3.4 655 c", "12 71 a a 1.2.3.4 655 c 3", "12 71 a. b 1.2.3.4 655 c 3",
         "12 71 a b/ 1.2.3.4 655 c 3", "12 z a b 1.2.3.4 655 c 3", "12 71z a b 1.2.3.4 655 c 3",
         "12 71 a b 1.2.3.4 655 cZ 3", "12 71 a b 1.2.3.4 655 c- 3", "12 71 a b 1.2.3.4 655 g 3",
         "12 71 a b 1.2.3.4 655 c x", "12x 71 a b 1.2.3.4 655 c 3", "12.5 71 a b 1.2.3.4 655 c 3",
         "13 71 a b 1.2.3.4 655 c 3"});
}

TEST(AddEdgeTest, IsMalformedWithNumbersOutOfRange) {
    expect_malformed(
        parse_add_edge,
        {"12 71 a b 1.2.3.4 655 c 2147483648", "12 71 a b 1.2.3.4 655 c -2147483649",
         "12 71 a b 1.2.3.4 655 c 99999999999999999999", "12 71 a b 1.2.3.4 655 100000000 3",
         "12 71 a b 1.2.3.4 655 -1 3", "12 123456789abcdef a b 1.2.3.4 655 c 3"});
}

TEST(AddEdgeTest, IsMalformedWithAnAddressThatCannotBePrinted) {
    expect_malformed(parse_add_edge,
                     {"12 71 a b 1.2\0.3.4 655 c 3"sv, "12 71 a b \xc3\xa4 655 c 3"sv,
                      "12 71 a b 1.2.3.4 \xff c 3"sv, "12 71 a b \x1b[2J 655 c 3"sv});
}

TEST(AddEdgeTest, LimitsTheWordsOfTheAddress) {
    const std::string longest(255, 'h');
    expect_round_trip(parse_add_edge, milan_to_rome({longest, longest}),
                      "12 71 milan rome " + longest + " " + longest + " c 3");
    expect_malformed(parse_add_edge, {"12 71 milan rome " + longest + "h 655 c 3",
                                      "12 71 milan rome 1.2.3.4 " + longest + "h c 3"});
}

TEST(DelEdgeTest, SurvivesARoundTrip) {
    expect_round_trip(parse_del_edge, DelEdge{0x71, "milan", "rome"}, "13 71 milan rome");
    expect_means(parse_del_edge, DelEdge{0x71, "milan", "rome"}, {"13 71 milan rome and more"});
}

TEST(DelEdgeTest, IsMalformedWithABadField) {
    const std::string long_name(limits::node_name_bytes + 1, 'n');
    expect_malformed(parse_del_edge, {"13", "13 71", "13 71 milan", "13 71 milan milan",
                                      "13 71 milan ro-me", "13 g milan rome", "12 71 milan rome",
                                      "13 100000000 milan rome", "13 71 milan " + long_name});
}

}  // namespace
}  // namespace tinc::wire
