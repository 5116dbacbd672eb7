#pragma once

#include "tinc/base/error.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

namespace tinc::wire::test {

/// Every line must fail with Errc::malformed and a message.
template <class Parse>
void expect_malformed(Parse parse, std::initializer_list<std::string_view> lines) {
    for (const auto line : lines) {
        SCOPED_TRACE(testing::PrintToString(line));
        const auto result = parse(line);
        EXPECT_FALSE(result);
        if (result) continue;
        EXPECT_EQ(result.error().code, Errc::malformed);
        EXPECT_FALSE(result.error().what.empty());
    }
}

/// Every line must be understood as `meaning`.
template <class Parse, class Message>
void expect_means(Parse parse, const Message& meaning,
                  std::initializer_list<std::string_view> lines) {
    for (const auto line : lines) {
        SCOPED_TRACE(testing::PrintToString(line));
        const auto result = parse(line);
        EXPECT_TRUE(result) << (result ? "" : result.error().what);
        EXPECT_TRUE(result == meaning);
    }
}

template <class Message>
std::string line_of(const Message& message) {
    std::string line;
    append(line, message);
    return line;
}

/// `message` must be written as `line`, and read back from it.
template <class Parse, class Message>
void expect_round_trip(Parse parse, const Message& message, std::string_view line) {
    EXPECT_EQ(line_of(message), line);
    expect_means(parse, message, {line});
}

}  // namespace tinc::wire::test
