#include "tinc/wire/subnet.hpp"

#include "support/test_data.hpp"
#include "unit/wire/lines.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::wire {
namespace {

using namespace std::literals;
using test::expect_malformed;

nlohmann::json golden() { return nlohmann::json::parse(tinc::test::test_data("subnet_text.json")); }

Subnet subnet(std::string_view text) {
    const auto result = parse_subnet(text);
    EXPECT_TRUE(result) << text;
    return result.value_or(Subnet{});
}

void expect_canonical(std::string_view text, std::string_view canonical) {
    SCOPED_TRACE(text);
    const auto result = parse_subnet(text);
    ASSERT_TRUE(result) << result.error().what;
    EXPECT_EQ(subnet_text(*result), canonical);
    EXPECT_EQ(parse_subnet(canonical), result);
}

TEST(SubnetTextTest, IsUnderstoodAndWrittenAsTincDoes) {
    const auto pairs = golden()["accept"];
    ASSERT_GE(pairs.size(), 9U);
    for (const auto& pair : pairs)
        expect_canonical(pair[0].get<std::string>(), pair[1].get<std::string>());
}

TEST(SubnetTextTest, IsRejectedWhereTincRejects) {
    const auto texts = golden()["reject"];
    ASSERT_GE(texts.size(), 4U);
    for (const auto& text : texts) EXPECT_FALSE(parse_subnet(text.get<std::string>())) << text;
}

struct Form {
    const char* text;
    const char* canonical;
};

// Answers of a tincd 1.0.36 that was sent these texts in ADD_SUBNET.
constexpr Form accepted_forms[] = {
    {"0001:2:3:4:5:6", "1:2:3:4:5:6#10"},
    {"1ff:2:3:4:5:ABCD", "ff:2:3:4:5:cd#10"},
    {"1:2:3:4:5:6#7", "1:2:3:4:5:6#7"},
    {"010.0.0.1", "10.0.0.1/32#10"},
    {"10.0.0.0001", "10.0.0.1/32#10"},
    {"10.0.0.1/08", "10.0.0.1/8#10"},
    {"10.0.0.1#+5", "10.0.0.1/32#5"},
    {"10.0.0.1#-0", "10.0.0.1/32#0"},
    {"10.0.0.1#2147483647", "10.0.0.1/32#2147483647"},
    {"10.0.0.1#-2147483648", "10.0.0.1/32#-2147483648"},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128#10"},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128#10"},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128#10"},
    {"1::3:4:5:6:7:8", "1:0:3:4:5:6:7:8/128#10"},
    {"1:2:3::4:5", "1:2:3:0:0:0:4:5/128#10"},
    {"::1:2:3:4:5", "0:0:0:1:2:3:4:5/128#10"},
    {"::", "0:0:0:0:0:0:0:0/128#10"},
    {"::1", "0:0:0:0:0:0:0:1/128#10"},
    {"::/0", "0:0:0:0:0:0:0:0/0#10"},
    {"::1.2.3.4", "0:0:0:0:0:0:102:304/128#10"},
    {"::01.2.3.4", "0:0:0:0:0:0:102:304/128#10"},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128#10"},
    {"FD00::ABCD/64#3", "fd00:0:0:0:0:0:0:abcd/64#3"},
};

TEST(SubnetTextTest, HasManyForms) {
    for (const auto& form : accepted_forms) expect_canonical(form.text, form.canonical);
}

TEST(SubnetTextTest, IsMalformedWithABadAddress) {
    expect_malformed(parse_subnet, {"",
                                    "#",
                                    "/",
                                    "/8",
                                    "#5",
                                    "x",
                                    "10.0.0",
                                    "10.0",
                                    "10",
                                    "10.0.0.1.2",
                                    "10.0.0.1x",
                                    "10.0.0.256",
                                    "10..0.1",
                                    ".10.0.0.1",
                                    "10.0.0.1.",
                                    "0x10.0.0.1",
                                    "-1.2.3.4",
                                    " 10.0.0.1",
                                    "10.0.0.1 ",
                                    "10.0.0.1\0"sv,
                                    "1:2:3:4:5",
                                    "1:2:3:4:5:6:7",
                                    "1:2:3:4:5:6:7:8:9",
                                    "1:2:3:4:5:",
                                    ":1:2:3:4:5",
                                    "1:2:3:4:5:g",
                                    "-1:2:3:4:5:6",
                                    "00001:2:3:4:5:6",
                                    "1-2-3-4-5-6"});
}

TEST(SubnetTextTest, IsMalformedWithABadIpv6Address) {
    expect_malformed(parse_subnet, {":",
                                    ":::",
                                    "1::2::3",
                                    ":1:2:3:4:5:6:7",
                                    "1:2:3:4:5:6:7:",
                                    "1:2::3:4:5:6:7:8",
                                    "1:2:3:4:5:6:7:8::",
                                    "::1:2:3:4:5:6:7:8",
                                    "1:2:3:4:5:1.2.3.4",
                                    "1::1.2.3.4:5",
                                    "::1.2.3",
                                    "::1.2.3.256",
                                    "1.2.3.4::",
                                    "1:2:3:4:5:6:7:1.2.3.4",
                                    "1:2:3:4:5:6::1.2.3.4",
                                    "12345::",
                                    "fd00::%lo",
                                    "fd00::g",
                                    "[fd00::]",
                                    "::1 "});
}

TEST(SubnetTextTest, IsMalformedWithABadPrefix) {
    expect_malformed(parse_subnet,
                     {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/x",
                      "10.0.0.0/8/8", "10.0.0.0/264", "10.0.0.0/99999999999", "fd00::/129",
                      "fd00::/-1", "fd00::/", "1:2:3:4:5:6/48", "1:2:3:4:5:6/0"});
}

TEST(SubnetTextTest, IsMalformedWithABadWeight) {
    expect_malformed(parse_subnet, {"10.0.0.1#", "10.0.0.1#x", "10.0.0.1#5x", "10.0.0.1# ",
                                    "10.0.0.1#5/8", "10.0.0.1#5#6", "10.0.0.1#+-5", "10.0.0.1#++5",
                                    "10.0.0.1#+", "10.0.0.1#-", "10.0.0.1#2147483648",
                                    "10.0.0.1#-2147483649", "10.0.0.1#99999999999999999999"});
}

TEST(SubnetTextTest, IsNeverLongerThan63Characters) {
    const auto longest =
        subnet_text(subnet("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128#-2147483648"));
    EXPECT_LE(longest.size(), 63U);
}

TEST(SubnetTextTest, MayLeaveOutTheWeight) {
    EXPECT_EQ(subnet_text_without_weight(subnet("192.168.77.1#20")), "192.168.77.1/32");
    EXPECT_EQ(subnet_text_without_weight(subnet("fd00::/64")), "fd00:0:0:0:0:0:0:0/64");
    EXPECT_EQ(subnet_text_without_weight(subnet("A:b:c:d:e:f#3")), "a:b:c:d:e:f");
}

TEST(SubnetTest, SortsAsTincListsSubnets) {
    const auto expected = golden()["dump_order"].get<std::vector<std::string>>();
    ASSERT_GE(expected.size(), 11U);
    std::vector<Subnet> subnets;
    for (const auto& text : expected) subnets.push_back(subnet(text));

    std::ranges::reverse(subnets);
    std::ranges::sort(subnets);

    std::vector<std::string> sorted;
    for (const auto& value : subnets) sorted.push_back(subnet_text(value));
    EXPECT_EQ(sorted, expected);
}

TEST(SubnetTest, SortsExtremeWeights) {
    EXPECT_LT(subnet("10.0.0.1#-2147483648"), subnet("10.0.0.1#2147483647"));
    EXPECT_LT(subnet("10.0.0.1#-1"), subnet("10.0.0.1#0"));
}

TEST(SubnetTest, ComparesAddressesAsUnsignedBytes) {
    EXPECT_LT(subnet("127.0.0.1"), subnet("128.0.0.1"));
    EXPECT_LT(subnet("fd00::7f"), subnet("fd00::80"));
}

TEST(SubnetTest, HasItsWeightInItsIdentity) {
    EXPECT_EQ(subnet("10.0.0.0/8"), subnet("10.0.0.0/8#10"));
    EXPECT_NE(subnet("10.0.0.0/8"), subnet("10.0.0.0/8#11"));
}

TEST(SubnetTest, KnowsItsHostBits) {
    for (const auto* text : {"0.0.0.0/0", "10.0.0.0/8", "10.128.0.0/9", "10.1.2.3", "::/0",
                             "fd00::/64", "fe80::/10", "::1", "1:2:3:4:5:6"})
        EXPECT_TRUE(subnet(text).has_no_host_bits()) << text;
    for (const auto* text : {"0.0.0.1/0", "10.0.0.1/8", "10.64.0.0/9", "10.1.2.3/31", "::1/0",
                             "fd00::1/64", "fec0::/9", "::1/127"})
        EXPECT_FALSE(subnet(text).has_no_host_bits()) << text;
}

TEST(SubnetTest, ContainsTheAddressesOfItsPrefix) {
    const auto contains = [](std::string_view text, std::string_view address) {
        return subnet(text).contains(Address::parse(address).value());
    };
    EXPECT_TRUE(contains("0.0.0.0/0", "255.255.255.255"));
    EXPECT_TRUE(contains("10.0.0.0/9", "10.127.255.255"));
    EXPECT_FALSE(contains("10.0.0.0/9", "10.128.0.0"));
    EXPECT_TRUE(contains("10.1.2.3/8", "10.9.9.9")) << "host bits do not matter";
    EXPECT_TRUE(contains("10.1.2.3", "10.1.2.3"));
    EXPECT_FALSE(contains("10.1.2.3", "10.1.2.2"));
    EXPECT_TRUE(contains("fd00::/63", "fd00:0:0:1::5"));
    EXPECT_FALSE(contains("fd00::/63", "fd00:0:0:2::"));
}

TEST(SubnetTest, ContainsNothingOfAnotherFamily) {
    EXPECT_FALSE(subnet("::/0").contains(Address::parse("10.0.0.1").value()));
    EXPECT_FALSE(subnet("0.0.0.0/0").contains(Address::parse("fd00::1").value()));
    EXPECT_FALSE(subnet("a:0:0:1:0:0").contains(Address::parse("10.0.0.1").value()));
}

TEST(SubnetTest, IsMadeOfAMacAddressAndTellsIt) {
    const MacAddress mac{std::byte{2}, std::byte{0}, std::byte{0xab}};
    EXPECT_EQ(mac_subnet(mac), subnet("2:0:ab:0:0:0#10"));
    EXPECT_EQ(mac_of(subnet("2:0:ab:0:0:0#7")), mac);
    EXPECT_EQ(mac_of(subnet("10.0.0.1")), std::nullopt);
    EXPECT_EQ(mac_of(subnet("fd00::1")), std::nullopt);
}

}  // namespace
}  // namespace tinc::wire
