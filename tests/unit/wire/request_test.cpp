#include "tinc/wire/request.hpp"

#include "unit/wire/lines.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace tinc::wire {
namespace {

using namespace std::literals;
using test::expect_malformed;
using test::expect_means;

TEST(RequestTest, HasTheNameTheLogUses) {
    EXPECT_EQ(request_name(Request::id), "ID");
    EXPECT_EQ(request_name(Request::chal_reply), "CHAL_REPLY");
    EXPECT_EQ(request_name(Request::termreq), "TERMREQ");
    EXPECT_EQ(request_name(Request::add_edge), "ADD_EDGE");
    EXPECT_EQ(request_name(Request::packet), "PACKET");
}

TEST(RequestTest, IsFoundByTheNumberOfEveryHandledRequest) {
    constexpr std::array handled = {0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
    for (const int number : handled) {
        const auto request = handled_request(number);
        ASSERT_TRUE(request) << number;
        EXPECT_EQ(request_number(*request), static_cast<unsigned>(number));
    }
}

TEST(RequestOfTest, ReadsTheFirstNumberAsScanfDoes) {
    expect_means(request_of, Request::id, {"0", "0 alpha 17", "00", "-0", "+0", "0x"});
    expect_means(request_of, Request::ping, {"8", "8 words", "8x", "  8", "\t8\t", "8.5"});
    expect_means(request_of, Request::packet, {"17 0", "17", "17.7"});
}

TEST(RequestOfTest, IsMalformedWithoutANumber) {
    expect_malformed(request_of, {"", " ", "\t ", "x", "x 1", "-", "+", "+-1", "#8",
                                  "GET / HTTP/1.1", "SSH-2.0-OpenSSH"});
}

TEST(RequestOfTest, IsMalformedWithControlCharactersAnywhere) {
    expect_malformed(request_of, {"8\x01"sv, "8 \0"sv, "\0"sv, "8\r"sv, "\v8"sv, "8 a\x7f"sv,
                                  "12 1 a b 10.0.0.1 655 c 1 \x1b[2J"sv});
}

TEST(RequestOfTest, RefusesNumbersNobodyHandles) {
    for (const auto* line :
         {"5", "6 1 text", "18", "19", "20", "24", "-1", "-5 x", "255", "256", "272", "2147483647",
          "99999999999999999999", "-99999999999999999999"}) {
        const auto result = request_of(line);
        ASSERT_FALSE(result) << line;
        EXPECT_EQ(result.error().code, Errc::refused) << line;
    }
}

}  // namespace
}  // namespace tinc::wire
