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

AddSubnet add(std::uint32_t nonce, std::string owner, std::string_view text) {
    return {{nonce, std::move(owner), parse_subnet(text).value()}};
}

TEST(AddSubnetTest, SurvivesARoundTrip) {
    expect_round_trip(parse_add_subnet, add(0x1f2e, "milan", "10.7.0.0/16#20"),
                      "10 1f2e milan 10.7.0.0/16#20");
    expect_round_trip(parse_add_subnet, add(0xffffffffU, "_", "fd00::/64"),
                      "10 ffffffff _ fd00:0:0:0:0:0:0:0/64#10");
    expect_round_trip(parse_add_subnet, add(0, "a", "1:2:3:4:5:6"), "10 0 a 1:2:3:4:5:6#10");
}

TEST(AddSubnetTest, IsReadAsScanfDoes) {
    expect_means(parse_add_subnet, add(0x1f, "milan", "10.7.0.0/16#20"),
                 {"10 1F milan 10.7.0.0/16#20", "10 0x1f milan 10.7.0.0/16#20 more words",
                  "\t10  1f\tmilan   10.7.0.0/16#20 ", "10 1f milan 010.7.0.0/16#+20",
                  "10 1fmilan 10.7.0.0/16#20"});
}

TEST(AddSubnetTest, AcceptsNamesUpToTheirLimit) {
    const std::string longest(limits::node_name_bytes, 'n');
    expect_means(parse_add_subnet, add(1, longest, "10.7.0.0/16"),
                 {"10 1 " + longest + " 10.7.0.0/16"});
    expect_malformed(parse_add_subnet, {"10 1 " + longest + "n 10.7.0.0/16"});
}

TEST(AddSubnetTest, IsMalformedWithABadField) {
    expect_malformed(
        parse_add_subnet,
        {"10", "10 1", "10 1 milan", "10 1 milan ", "10 zz milan 10.7.0.0/16",
         "10 1 mi.lan 10.7.0.0/16", "10 1 ../milan 10.7.0.0/16", "10 1 milan 10.7.0.0/33",
         "10 1 milan 10.7.0.0/16#", "10 -1 milan 10.7.0.0/16", "10 100000000 milan 10.7.0.0/16",
         "10 0x milan 10.7.0.0/16", "11 1 milan 10.7.0.0/16", "10x 1 milan 10.7.0.0/16",
         "10 1 mil\0an 10.7.0.0/16"sv, "10 1 milan 10.7.0.0/16\r"sv,
         "10 1 mil\xc3\xa4n 10.7.0.0/16"});
}

TEST(AddSubnetTest, IsMalformedWithAnEndlessSubnet) {
    const std::string zeros(limits::token_bytes, '0');
    expect_malformed(parse_add_subnet, {"10 1 milan 10.7.0.0/16#" + zeros});
}

TEST(DelSubnetTest, SurvivesARoundTrip) {
    expect_round_trip(parse_del_subnet,
                      DelSubnet{{0x1f2e, "milan", parse_subnet("10.7.0.0/16#-20").value()}},
                      "11 1f2e milan 10.7.0.0/16#-20");
}

TEST(DelSubnetTest, IsMalformedWithABadField) {
    expect_malformed(parse_del_subnet, {"11", "11 1", "11 1 milan", "11 1 milan 999.1.1.1",
                                        "11 1 mi-lan 10.7.0.0/16", "10 1 milan 10.7.0.0/16"});
}

}  // namespace
}  // namespace tinc::wire
