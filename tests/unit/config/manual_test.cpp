// The manual page says what the option table says.
//
//     .It Va PingTimeout No = Ar seconds
//     what it does
//     .Pp
//     Default: 5.
//     Range: at least 1.
//     Reload: yes.
//     In 1.0.36: a restart is needed.

#include "tinc/config/option_table.hpp"

#include "support/test_data.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace tinc::config {
namespace {

using testing::ElementsAreArray;
using testing::StartsWith;

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

/// What an integer can be, in the words of the page.
std::string range_of(const Kind& kind) {
    using Limits = std::numeric_limits<std::int32_t>;
    if (kind.least == Limits::min()) return "any integer";
    if (kind.most == Limits::max()) return fmt::format("at least {}", kind.least);
    return fmt::format("{} to {}", kind.least, kind.most);
}

/// What the page says of one variable.
struct Entry {
    std::string heading;
    std::vector<std::string> text;
    std::vector<std::string> facts;  ///< the lines behind the last .Pp
};

/// The entries of the section VARIABLES.
std::vector<Entry> entries_of(const std::string& page) {
    std::vector<Entry> entries;
    std::istringstream lines(page.substr(page.find(".Sh VARIABLES\n")));
    for (std::string line; std::getline(lines, line) && line != ".Sh RELOADING";) {
        if (line.starts_with(".It Va "))
            entries.push_back({.heading = line, .text = {}, .facts = {}});
        else if (!entries.empty())
            entries.back().text.push_back(line);
    }
    entries.back().text.pop_back();  // ".El"
    for (auto& [heading, text, facts] : entries) {
        const auto last = std::ranges::find(text.rbegin(), text.rend(), ".Pp").base();
        facts.assign(last, text.end());
    }
    return entries;
}

class ManualTest : public testing::Test {
  protected:
    const std::vector<Entry> entries_ = entries_of(tinc::test::test_data("../../man/tinc.conf.5"));
};

TEST_F(ManualTest, HasEveryVariableInTheOrderOfTheTable) {
    std::vector<std::string> expected;
    for (const auto& known : option_table())
        expected.push_back(fmt::format(".It Va {} No = {}", known.name, marked_up(known.kind)));
    std::vector<std::string> headings;
    for (const auto& entry : entries_) headings.push_back(entry.heading);
    EXPECT_EQ(headings, expected);
}

TEST_F(ManualTest, EndsEachEntryWithWhatTheTableSays) {
    ASSERT_EQ(entries_.size(), option_table().size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto& known = option_table()[i];
        std::vector<testing::Matcher<std::string>> expected;
        if (known.fallback.empty())
            expected.emplace_back(StartsWith("Default: "));
        else
            expected.emplace_back(fmt::format("Default: {}.", known.fallback));
        if (known.kind.form == Kind::Form::integer)
            expected.emplace_back(fmt::format("Range: {}.", range_of(known.kind)));
        expected.emplace_back(fmt::format("Reload: {}.", known.reloadable ? "yes" : "no"));
        if (known.origin != Origin::tinc_1_0)
            expected.emplace_back("In 1.0.36: unknown.");
        else
            expected.emplace_back(
                testing::AllOf(StartsWith("In 1.0.36: "), testing::Ne("In 1.0.36: unknown.")));
        EXPECT_THAT(entries_[i].facts, ElementsAreArray(expected)) << known.name;
    }
}

TEST_F(ManualTest, TellsWhichVariablesMayBeRepeated) {
    ASSERT_EQ(entries_.size(), option_table().size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto says_so = std::ranges::count(entries_[i].text, "May be given more than once.");
        EXPECT_EQ(says_so == 1, option_table()[i].repeats) << option_table()[i].name;
    }
}

TEST_F(ManualTest, TellsWhatDoesNothing) {
    ASSERT_EQ(entries_.size(), option_table().size());
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const auto says_so = std::ranges::any_of(entries_[i].text, [](const std::string& line) {
            return line.ends_with("t has no effect.");
        });
        EXPECT_EQ(says_so, !option_table()[i].has_effect()) << option_table()[i].name;
    }
}

}  // namespace
}  // namespace tinc::config
