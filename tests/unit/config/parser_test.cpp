#include "tinc/config/parser.hpp"

#include "tinc/base/limits.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tinc::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

/// What lines become, as pairs of variable and value.
std::vector<std::pair<std::string, std::string>> pairs_of(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (const auto& assignment : parse_file(text, "F").assignments)
        pairs.emplace_back(assignment.variable, assignment.value);
    return pairs;
}

struct Line {
    std::string_view text;
    std::string_view variable;
    std::string_view value;
};

class ParseFileTest : public testing::TestWithParam<Line> {};

TEST_P(ParseFileTest, SplitsTheLineAsTincDoes) {
    const auto& line = GetParam();
    EXPECT_THAT(pairs_of(line.text),
                ElementsAre(Pair(std::string(line.variable), std::string(line.value))))
        << line.text;
    EXPECT_EQ(parse_file(line.text, "F").error, std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, ParseFileTest,
    testing::Values(
        Line{"Name = alpha\n", "Name", "alpha"}, Line{"Name=alpha\n", "Name", "alpha"},
        Line{"Name alpha\n", "Name", "alpha"}, Line{"Name\t=\talpha \t\n", "Name", "alpha"},
        Line{"Name = alpha", "Name", "alpha"}, Line{"Name = alpha\r\n", "Name", "alpha"},
        Line{"Name = alpha\r \r\n", "Name", "alpha"}, Line{"Name = alpha \r\n", "Name", "alpha"},
        Line{"Name = alpha\r", "Name", "alpha"}, Line{"Name == alpha\n", "Name", "= alpha"},
        Line{"Proxy = http h 1\n", "Proxy", "http h 1"},
        Line{"Name = alpha # x\n", "Name", "alpha # x"}, Line{"#c\n\n\r\nName = a\n", "Name", "a"},
        Line{" Name = alpha\n", "", "Name = alpha"}, Line{"\tName = alpha\n", "", "Name = alpha"},
        Line{"=alpha\n", "", "alpha"}));

TEST(ParseFileTest, KnowsWhereEachLineStands) {
    const auto parsed = parse_file("# first\nName = a\n\nPort = 1\n", "/etc/tinc/tinc.conf");
    EXPECT_THAT(parsed.assignments, ElementsAre(Assignment{"Name", "a", "/etc/tinc/tinc.conf", 2},
                                                Assignment{"Port", "1", "/etc/tinc/tinc.conf", 4}));
}

TEST(ParseFileTest, SkipsPemBlocks) {
    EXPECT_THAT(pairs_of("Port = 1\n-----BEGIN RSA PUBLIC KEY-----\nMode = x\nempty\n"
                         "-----END RSA PUBLIC KEY-----\nName = a\n"),
                ElementsAre(Pair("Port", "1"), Pair("Name", "a")));
}

TEST(ParseFileTest, TellsWhereABlockWithoutEndBegins) {
    const auto parsed = parse_file("Port = 1\n-----BEGIN X\nName = a\n", "F");
    EXPECT_EQ(parsed.open_block_line, 2);
    EXPECT_EQ(parsed.assignments.size(), 1U);
    EXPECT_EQ(parse_file("-----BEGIN X\n-----END X\n", "F").open_block_line, 0);
}

TEST(ParseFileTest, StopsAtALineWithoutValueAndKeepsWhatCameBefore) {
    const auto parsed = parse_file("Port = 1\nCipher =  \nMode = hub\n", "F");
    EXPECT_THAT(parsed.assignments, ElementsAre(Assignment{"Port", "1", "F", 1}));
    ASSERT_TRUE(parsed.error);
    EXPECT_EQ(parsed.error->what,
              "No value for variable `Cipher' on line 2 while reading config file F");
}

TEST(ParseFileTest, TakesALineOfBlanksForAVariableWithoutName) {
    const auto parsed = parse_file(" \t\n", "F");
    ASSERT_TRUE(parsed.error);
    EXPECT_EQ(parsed.error->what, "No value for variable `' on line 1 while reading config file F");
}

TEST(ParseFileTest, RefusesNulBytes) {
    const auto parsed = parse_file(std::string_view("Port = 1\nName = a\0b\n", 20), "F");
    EXPECT_EQ(parsed.assignments.size(), 1U);
    ASSERT_TRUE(parsed.error);
    EXPECT_EQ(parsed.error->what, "NUL byte on line 2 while reading config file F");
}

TEST(ParseFileTest, RefusesLinesBeyondTheLimitOnly) {
    const std::string longest(limits::config_line_bytes, '#');
    EXPECT_EQ(parse_file(longest + "\nName = a", "F").error, std::nullopt);
    const auto parsed = parse_file(longest + "#\nName = a", "F");
    ASSERT_TRUE(parsed.error);
    EXPECT_EQ(parsed.error->code, Errc::exhausted);
    EXPECT_EQ(parsed.error->what, "Line 1 is longer than 8192 bytes while reading config file F");
}

TEST(ParseFileTest, FindsNothingInAnEmptyFile) {
    EXPECT_THAT(parse_file("", "F").assignments, IsEmpty());
}

TEST(ParseOptionTest, ReadsOurOwnVariables) {
    const auto parsed = parse_option("Port=1.2", 3);
    ASSERT_TRUE(parsed) << parsed.error().what;
    EXPECT_EQ(parsed->host, "");
    EXPECT_EQ(parsed->assignment, (Assignment{"Port", "1.2", "", 3}));
}

TEST(ParseOptionTest, ReadsVariablesOfAHost) {
    const auto parsed = parse_option("beta.Address = b.example 1", 1);
    ASSERT_TRUE(parsed) << parsed.error().what;
    EXPECT_EQ(parsed->host, "beta");
    EXPECT_EQ(parsed->assignment, (Assignment{"Address", "b.example 1", "", 1}));
}

struct BadOption {
    std::string_view text;
    std::string_view message;
};

class ParseOptionRefuses : public testing::TestWithParam<BadOption> {};

TEST_P(ParseOptionRefuses, WithTheReason) {
    const auto parsed = parse_option(GetParam().text, 2);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().what, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, ParseOptionRefuses,
    testing::Values(BadOption{"KEY", "No value for variable `KEY' in command line option 2"},
                    BadOption{"", "No value for variable `' in command line option 2"},
                    BadOption{"a.b=", "No value for variable `a.b' in command line option 2"},
                    BadOption{".Port=1", "Invalid host name `' in command line option 2"},
                    BadOption{"a-b.Port=1", "Invalid host name `a-b' in command line option 2"},
                    BadOption{std::string_view("Po\0rt=1", 7),
                              "Unreadable text in command line option 2"}));

}  // namespace
}  // namespace tinc::config
