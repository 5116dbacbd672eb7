#include "tinc/wire/request_log.hpp"

#include "support/recorded_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tinc::wire {
namespace {

constexpr std::string_view ans_key = "16 alpha beta 5B07D658 427 672 4 0 10.0.0.1 655";

std::string told(Level level, Request request, std::string_view line) {
    test::RecordedLog log(level);
    print_request(log, Course::sending, request, "beta (10.0.0.2 port 655)", line);
    return log.lines.empty() ? "" : log.lines.front();
}

TEST(RequestLogTest, NamesARequestAndShowsItFromLevelFourOn) {
    EXPECT_EQ(told(Level::status, Request::ping, "8"), "");
    EXPECT_EQ(told(Level::protocol, Request::ping, "8"),
              "Sending PING to beta (10.0.0.2 port 655)");
    EXPECT_EQ(told(Level::meta, Request::ping, "8"), "Sending PING to beta (10.0.0.2 port 655): 8");
}

TEST(RequestLogTest, ShowsAKeyOnlyAtLevelTen) {
    EXPECT_EQ(told(Level::traffic, Request::ans_key, ans_key),
              "Sending ANS_KEY to beta (10.0.0.2 port 655): 16 alpha beta (8 digits) 427 672 4 0 "
              "10.0.0.1 655");
    EXPECT_EQ(told(Level::everything, Request::ans_key, ans_key),
              "Sending ANS_KEY to beta (10.0.0.2 port 655): " + std::string(ans_key));
}

TEST(RequestLogTest, ShowsNothingOfAnAnsKeyWithoutItsWords) {
    EXPECT_EQ(told(Level::meta, Request::ans_key, "16 5B07D658"),
              "Sending ANS_KEY to beta (10.0.0.2 port 655): (malformed)");
}

}  // namespace
}  // namespace tinc::wire
