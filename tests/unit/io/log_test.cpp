#include "io/log.hpp"

#include "support/temporary_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <memory>
#include <regex>
#include <string>
#include <vector>

namespace tinc::io {
namespace {

/// A target that can be stuck.
class FakeTarget final : public LogTarget {
  public:
    FakeTarget(std::vector<std::string>& lines, bool& is_stuck)
        : lines_(lines), is_stuck_(is_stuck) {}
    bool write(Severity /*severity*/, std::string_view line) override {
        if (!is_stuck_) lines_.emplace_back(line);
        return !is_stuck_;
    }

  private:
    std::vector<std::string>& lines_;
    bool& is_stuck_;
};

class LogTest : public testing::Test {
  protected:
    std::vector<std::string> lines_;
    bool is_stuck_ = false;
    Log log_{3, std::make_unique<FakeTarget>(lines_, is_stuck_)};
};

TEST_F(LogTest, ShowsItsLevelAndLowerOnes) {
    EXPECT_TRUE(log_.shows(Level::always));
    EXPECT_TRUE(log_.shows(Level::protocol));
    EXPECT_FALSE(log_.shows(Level::meta));
    log_.set_level(10);
    EXPECT_TRUE(log_.shows(Level::everything));
}

TEST_F(LogTest, ReplacesControlCharacters) {
    log_.write(Severity::info, "a\nb\x1b[1mc\x7f\td");
    ASSERT_EQ(lines_.size(), 1U);
    EXPECT_EQ(lines_[0], "a?b?[1mc?\td");
}

TEST_F(LogTest, CutsOverlongLines) {
    log_.write(Severity::info, std::string(log_line_bytes + 1, 'x'));
    EXPECT_EQ(lines_.at(0).size(), log_line_bytes);
}

TEST_F(LogTest, DropsAndCountsWhileItsTargetIsStuck) {
    is_stuck_ = true;
    for (int i = 0; i < 7; ++i) log_.write(Severity::info, "lost");
    is_stuck_ = false;
    log_.write(Severity::info, "heard");
    EXPECT_EQ(lines_, (std::vector<std::string>{"7 log messages were dropped", "heard"}));
}

TEST(LogFileTest, BeginsLinesWithTimeIdentAndProcess) {
    const test::TemporaryFolder folder;
    auto target = file_target(folder.path("tinc.log"), "tinc.vpn");
    ASSERT_TRUE(target) << target.error().what;
    EXPECT_TRUE((*target)->write(Severity::notice, "Ready"));
    const std::regex form(R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d tinc\.vpn\[)" +
                          std::to_string(::getpid()) + R"(\]: Ready\n)");
    EXPECT_TRUE(std::regex_match(folder.read("tinc.log"), form)) << folder.read("tinc.log");
}

TEST(LogFileTest, WritesNumbersWithLeadingZeros) {
    std::tm local{};
    local.tm_year = 105;
    local.tm_mon = 1;
    local.tm_mday = 3;
    local.tm_hour = 4;
    local.tm_isdst = -1;
    EXPECT_EQ(file_line_prefix(std::mktime(&local), "tinc", 7), "2005-02-03 04:00:00 tinc[7]: ");
}

TEST(LogFileTest, FollowsARotationWhenReopened) {
    const test::TemporaryFolder folder;
    Log log(0, std::move(*file_target(folder.path("tinc.log"), "tinc")));
    log.write(Severity::info, "old");
    std::filesystem::rename(folder.path("tinc.log"), folder.path("tinc.log.1"));
    log.write(Severity::info, "still old");
    log.reopen();
    log.write(Severity::info, "new");
    EXPECT_NE(folder.read("tinc.log.1").find("still old"), std::string::npos);
    EXPECT_NE(folder.read("tinc.log").find("new"), std::string::npos);
    EXPECT_EQ(folder.read("tinc.log").find("old"), std::string::npos);
}

TEST(LogFileTest, NeverFollowsASymbolicLink) {
    const test::TemporaryFolder folder;
    folder.write("victim", "precious");
    std::filesystem::create_symlink(folder.path("victim"), folder.path("tinc.log"));
    const auto target = file_target(folder.path("tinc.log"), "tinc");
    ASSERT_FALSE(target);
    EXPECT_NE(target.error().what.find(folder.path("tinc.log")), std::string::npos);
    EXPECT_EQ(folder.read("victim"), "precious");
}

TEST(LogFileTest, IsNotReadableByEverybody) {
    const test::TemporaryFolder folder;
    ASSERT_TRUE(file_target(folder.path("tinc.log"), "tinc"));
    const auto mode = std::filesystem::status(folder.path("tinc.log")).permissions();
    EXPECT_EQ(mode & std::filesystem::perms::others_all, std::filesystem::perms::none);
}

/// Standard error as a pipe that nobody reads.
TEST(StandardErrorTest, DropsRatherThanWaitsForAReader) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    const auto target = standard_error_target();
    int written = 0;
    while (written < 100'000 && target->write(Severity::info, std::string(1000, 'x'))) ++written;
    ::dup2(before, STDERR_FILENO);
    for (const int number : {before, ends[0], ends[1]}) ::close(number);
    EXPECT_GT(written, 10);
    EXPECT_LT(written, 100'000);
}

}  // namespace
}  // namespace tinc::io
