// The manual page says what the option table says.

#include "tinc/config/option_table.hpp"

#include "support/test_data.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace tinc::config {
namespace {

/// "a|b" as "a | b", "host [port]" in the marks of optional words.
std::string marked_up(const Kind& kind) {
    const auto is_list = kind.form == Kind::Form::choice || kind.form == Kind::Form::yes_or_no;
    std::string text = is_list ? "Cm " : "Ar ";
    for (const char c : kind.words) {
        if (c == '|')
            text += " | ";
        else if (c == '[')
            text += "Op Ar ";
        else if (c != ']')
            text += c;
    }
    return text;
}

/// The line of the manual page that begins what it says about a variable.
std::string heading_of(const Option& known) {
    auto line = ".It Va " + std::string(known.name) + " No = " + marked_up(known.kind);
    if (!known.fallback.empty()) line += " Pq " + std::string(known.fallback);
    return line;
}

/// The lines of one section, "" before the first.
std::map<std::string, std::vector<std::string>> sections_of(const std::string& page) {
    std::map<std::string, std::vector<std::string>> sections;
    std::string name;
    std::istringstream lines(page);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(".Sh "))
            name = line.substr(4);
        else
            sections[name].push_back(line);
    }
    return sections;
}

class ManualTest : public testing::Test {
  protected:
    const std::map<std::string, std::vector<std::string>> sections_ =
        sections_of(tinc::test::test_data("../../man/tinc.conf.5"));
};

TEST_F(ManualTest, HasEveryVariableThatActsInTheOrderOfTheTable) {
    std::vector<std::string> expected;
    for (const auto& known : option_table())
        if (known.has_effect()) expected.push_back(heading_of(known));
    std::vector<std::string> headings;
    for (const auto& line : sections_.at("VARIABLES"))
        if (line.starts_with(".It Va ")) headings.push_back(line);
    EXPECT_EQ(headings, expected);
}

TEST_F(ManualTest, TellsWhichVariablesMayBeRepeated) {
    std::string variable;
    std::vector<std::string> repeating;
    for (const auto& line : sections_.at("VARIABLES")) {
        if (line.starts_with(".It Va ")) variable = line.substr(7, line.find(' ', 7) - 7);
        if (line == "May be given more than once.") repeating.push_back(variable);
    }
    std::vector<std::string> expected;
    for (const auto& known : option_table())
        if (known.has_effect() && known.repeats) expected.emplace_back(known.name);
    EXPECT_EQ(repeating, expected);
}

TEST_F(ManualTest, TellsWhatAReloadApplies) {
    for (const auto& known : option_table()) {
        const auto is_named =
            std::ranges::any_of(sections_.at("RELOADING"), [&](const std::string& line) {
                return line == ".Va " + std::string(known.name) ||
                       line == ".Va " + std::string(known.name) + " ,";
            });
        EXPECT_EQ(is_named, known.has_effect() && known.reloadable) << known.name;
    }
}

}  // namespace
}  // namespace tinc::config
