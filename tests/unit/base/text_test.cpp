#include "tinc/base/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace tinc {
namespace {

TEST(ParseNumberTest, TakesOnlyWholeNumbersThatFit) {
    EXPECT_EQ(parse_number<std::uint16_t>("655"), std::uint16_t{655});
    EXPECT_EQ(parse_number<std::uint16_t>("65536"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint16_t>("-1"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint16_t>(""), std::nullopt);
    EXPECT_EQ(parse_number<std::uint16_t>("12x"), std::nullopt);
    EXPECT_EQ(parse_number<std::uint32_t>("ff", 16), 0xffU);
}

TEST(IsNodeNameTest, AllowsLettersDigitsAndUnderscoreOnly) {
    EXPECT_TRUE(is_node_name("my_pc2"));
    EXPECT_FALSE(is_node_name(""));
    EXPECT_FALSE(is_node_name("mi.lan"));
    EXPECT_FALSE(is_node_name("../etc"));
    EXPECT_FALSE(is_node_name("^control"));
    EXPECT_FALSE(is_node_name(std::string_view("a\0b", 3)));
}

TEST(IsNodeNameTest, KeepsRoomForAScriptSuffixInAFileName) {
    EXPECT_TRUE(is_node_name(std::string(250, 'a')));
    EXPECT_FALSE(is_node_name(std::string(251, 'a')));
}

TEST(IsHostNameTest, AllowsNothingThatMeansMoreThanAName) {
    for (const auto* name : {"a", "my-pc.example.net", "3.example", "_x.example.", "10.1"})
        EXPECT_TRUE(is_host_name(name)) << name;
    for (const auto* name :
         {"", "-oProxyCommand", "a b", "a:1", "fe80::1", "a/b", "a\r\nb", "$x", "\xc3\xa4.example"})
        EXPECT_FALSE(is_host_name(name)) << name;
    EXPECT_TRUE(is_host_name(std::string(255, 'a')));
    EXPECT_FALSE(is_host_name(std::string(256, 'a')));
}

TEST(TrimTest, LeavesInnerBlanks) {
    EXPECT_EQ(trim(" \t a b \t"), "a b");
    EXPECT_EQ(trim("  "), "");
}

TEST(EqualIgnoringCaseTest, ComparesAsciiLetters) {
    EXPECT_TRUE(equal_ignoring_case("ConnectTo", "connectTO"));
    EXPECT_FALSE(equal_ignoring_case("Connect", "ConnectTo"));
}

}  // namespace
}  // namespace tinc
