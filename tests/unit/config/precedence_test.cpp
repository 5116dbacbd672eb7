#include "tinc/config/value_reader.hpp"
#include "unit/config/configured.hpp"

#include <gmock/gmock.h>

#include <string>
#include <vector>

namespace tinc::config {
namespace {

using test::reading_of;
using testing::ElementsAre;
using testing::IsEmpty;

/// The port that counts says which source won.
struct Contest {
    std::string_view name;
    test::Configuration configuration;
    std::string_view winner;
};

class PrecedenceTest : public testing::TestWithParam<Contest> {};

TEST_P(PrecedenceTest, DecidesWhichValueCounts) {
    const auto reading = reading_of(GetParam().configuration);
    ASSERT_TRUE(reading.settings) << reading.report.errors.front();
    EXPECT_EQ(reading.settings->port, GetParam().winner);
}

INSTANTIATE_TEST_SUITE_P(
    Sources, PrecedenceTest,
    testing::Values(
        Contest{"first_line_of_a_file", {.tinc_conf = "Name=alpha\nPort=1\nPort=2\n"}, "1"},
        Contest{"letter_case_is_no_difference", {.tinc_conf = "Name=alpha\nPORT=1\nPort=2\n"}, "1"},
        Contest{"lower_line_of_the_host_file",
                {.tinc_conf = "Name=alpha\nPort=1\n", .host_file = "Port=2\n"},
                "2"},
        Contest{"lower_line_of_tinc_conf",
                {.tinc_conf = "Name=alpha\nPort=1\n", .host_file = "#\n#\nPort=2\n"},
                "1"},
        Contest{"lower_line_of_conf_d",
                {.tinc_conf = "Name=alpha\nPort=1\n", .conf_d = {{"conf.d/z.conf", "Port=2\n"}}},
                "2"},
        Contest{"path_when_lines_are_equal",
                {.tinc_conf = "Name=alpha\nPort=1\n",
                 .conf_d = {{"conf.d/b.conf", "#\nPort=2\n"}, {"conf.d/a.conf", "#\nPort=3\n"}}},
                "3"},
        Contest{"path_of_the_host_file_before_tinc_conf",
                {.tinc_conf = "Name=alpha\nPort=1\n", .host_file = "#\nPort=2\n"},
                "2"},
        Contest{"command_line",
                {.tinc_conf = "Port=1\nName=alpha\n",
                 .host_file = "Port=2\n",
                 .options = {"Mode=hub", "Port=3"}},
                "3"},
        Contest{"first_option", {.options = {"Port=1", "Port=2"}}, "1"},
        Contest{"first_option_with_our_name", {.options = {"alpha.Port=1", "Port=2"}}, "1"},
        Contest{"first_option_without_our_name", {.options = {"Port=1", "alpha.Port=2"}}, "1"},
        Contest{"option_for_us", {.options = {"beta.Port=1", "alpha.Port=2"}}, "2"},
        Contest{"option_for_another_letter_case", {.options = {"Alpha.Port=1"}}, "655"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(PrecedenceTest, InterleavesRepeatedVariablesByLine) {
    const auto reading = reading_of({.tinc_conf = "Name=alpha\nConnectTo=t2\nConnectTo=t3\n",
                                     .conf_d = {{"conf.d/a.conf", "ConnectTo=a1\nConnectTo=a2\n"}},
                                     .options = {"ConnectTo=o1"}});
    ASSERT_TRUE(reading.settings);
    EXPECT_THAT(reading.settings->connect_to, ElementsAre("o1", "a1", "a2", "t2", "t3"));
}

TEST(PrecedenceTest, TheNameMayComeFromAnywhereButTheHostFile) {
    EXPECT_EQ(reading_of({.tinc_conf = "Name=alpha\n", .options = {"Name=beta"}}).asked_host,
              "beta");
    EXPECT_EQ(reading_of({.tinc_conf = "#\nName=alpha\n", .conf_d = {{"c.conf", "Name=gamma\n"}}})
                  .asked_host,
              "gamma");
    const auto reading = reading_of({.tinc_conf = "#\nName=alpha\n", .host_file = "Name=beta\n"});
    ASSERT_TRUE(reading.settings);
    EXPECT_EQ(reading.settings->name, "alpha");
}

TEST(PrecedenceTest, AnOverriddenLineIsPointedOut) {
    const auto reading =
        reading_of({.tinc_conf = "Name=alpha\nPort=1\n", .host_file = "\n\nPort=2\n"});
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("Port in hosts/alpha line 3 is ignored, since tinc.conf line 2 has it "
                            "too"));
}

TEST(PrecedenceTest, OverridingOnTheCommandLineOrWithTheSameValueIsNoFault) {
    EXPECT_THAT(reading_of({.tinc_conf = "Name=alpha\nPort=1\nPort=2\n", .options = {"Port=3"}})
                    .report.warnings,
                IsEmpty());
    EXPECT_THAT(
        reading_of({.tinc_conf = "Name=alpha\nPort=1\n", .host_file = "Port=1\n"}).report.warnings,
        IsEmpty());
}

TEST(SplitWordsTest, LeavesBlanksInTheLastWord) {
    EXPECT_THAT(split_words(" a \t b  c  d ", 3), ElementsAre("a", "b", "c  d"));
    EXPECT_THAT(split_words("a b", 5), ElementsAre("a", "b"));
    EXPECT_THAT(split_words(" \t", 2), IsEmpty());
}

}  // namespace
}  // namespace tinc::config
