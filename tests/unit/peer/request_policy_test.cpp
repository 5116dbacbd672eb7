#include "tinc/peer/request_policy.hpp"

#include "support/peer_pair.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace tinc::peer {
namespace {

/// Which of the requests 0 to 17 a connection may send. Source: legacy protocol 2.1, 2.2; requests
/// 0 to 4 on an active connection are refused where 1.0.36 ends or starts over.
struct Row {
    State state;
    std::string_view name;
    std::string_view allowed;  ///< a letter for each request, a dot where it ends the connection
};

// clang-format off
constexpr auto expectations = std::to_array<Row>({
    //                                         0123456789abcdefghijklmn
    {State::connecting,     "connecting",     "........................"},
    {State::awaiting_proxy, "awaiting_proxy", "........................"},
    {State::awaiting_id,    "awaiting_id",    "i......................."},
    {State::awaiting_host,  "awaiting_host",  "........................"},
    {State::authenticating, "authenticating", ".mcr...................."},
    {State::awaiting_ack,   "awaiting_ack",   "....a..................."},
    {State::awaiting_end,   "awaiting_end",   ".......t................"},
    {State::active,         "active",         ".......tppsSeEkqap...sum"},
});
// clang-format on

class EveryState : public testing::TestWithParam<Row> {};

TEST_P(EveryState, AllowsExactlyItsRequests) {
    for (std::size_t number = 0; number < GetParam().allowed.size(); ++number)
        EXPECT_EQ(is_allowed(GetParam().state, static_cast<wire::Request>(number)),
                  GetParam().allowed[number] != '.')
            << "request " << number;
}
INSTANTIATE_TEST_SUITE_P(Table, EveryState, testing::ValuesIn(expectations),
                         [](const auto& row) { return std::string(row.param.name); });

/// Well-formed lines, so that only the state can be what is wrong with them.
constexpr auto plausible_lines = std::to_array<std::string_view>({
    "0 alpha 17",
    "1 429 672 0 0 00",
    "2 00",
    "3 00",
    "4 655 1 c",
    "5 0 status",
    "6 1 error",
    "7",
    "8",
    "9",
    "10 1 alpha 10.0.0.0/8",
    "11 2 alpha 10.0.0.0/8",
    "12 3 alpha beta 10.99.1.2 655 c 3",
    "13 4 alpha beta",
    "14 5 alpha",
    "15 alpha beta",
    "16 alpha beta 00 427 672 4 0",
    "17 0",
    "18",
    "19",
    "20",
    "21 0",
    "22 alpha beta 10.0.0.1 655",
    "23 alpha beta 1400",
    "24",
    "-1",
});

class EveryLine : public testing::TestWithParam<Row> {};

TEST_P(EveryLine, OutOfTurnEndsTheConnectionAsRefused) {
    for (std::size_t number = 0; number < plausible_lines.size(); ++number) {
        const auto& allowed = GetParam().allowed;
        if (number < allowed.size() && allowed[number] != '.') continue;
        test::PeerPair pair;
        ASSERT_TRUE(pair.bring_beta_to(GetParam().state));
        // What alpha had to say next must not come first.
        pair.beta.events.clear();
        std::string line(plausible_lines[number]);
        line += '\n';
        if (pair.alpha.peer->has_outgoing())
            static_cast<void>(pair.alpha.peer->take_outgoing(pair.now));
        const auto told = GetParam().state == State::awaiting_id
                              ? pair.say(pair.beta, as_bytes(line))
                              : pair.tell_beta(plausible_lines[number]);
        ASSERT_FALSE(told) << line;
        EXPECT_EQ(told.error().code, Errc::refused) << line << told.error().what;
        EXPECT_TRUE(pair.beta.events.empty()) << line;
    }
}
// `connecting` and `awaiting_host` read nothing; to `awaiting_proxy` all is a proxy's answer;
// `authenticating` still reads clear text, below.
INSTANTIATE_TEST_SUITE_P(Table, EveryLine,
                         testing::Values(expectations[2], expectations[5], expectations[7]),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(AuthenticatingTest, ACleartextLineOutOfTurnEndsTheConnection) {
    for (const auto line : plausible_lines) {
        if (line.starts_with("1 ")) continue;
        test::PeerPair pair;
        pair.begin();
        ASSERT_TRUE(pair.carry(pair.alpha, pair.beta));
        ASSERT_EQ(pair.beta.state(), State::authenticating);
        const auto told = pair.say(pair.beta, as_bytes(std::string(line) + "\n"));
        ASSERT_FALSE(told) << line;
        EXPECT_EQ(told.error().code, Errc::refused) << line << ": " << told.error().what;
    }
}

TEST(AwaitingHostTest, BytesWaitUntilTheHostFileIsRead) {
    test::PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.beta.peer->receive(as_bytes("0 alpha 17\n8\n"), pair.now));
    EXPECT_EQ(pair.beta.state(), State::awaiting_host);
    EXPECT_TRUE(pair.beta.peer->receive(as_bytes("8\n"), pair.now));
    const auto provided = pair.beta.peer->provide_host(test::host_with_key(), pair.now);
    ASSERT_FALSE(provided);
    EXPECT_EQ(provided.error().code, Errc::refused);
}

TEST(AwaitingHostTest, OnlyAFewBytesMayWait) {
    test::PeerPair pair;
    pair.begin();
    ASSERT_TRUE(pair.beta.peer->receive(as_bytes("0 alpha 17\n"), pair.now));
    const std::vector<std::byte> chunk(limits::cleartext_bytes, std::byte{'1'});
    EXPECT_TRUE(pair.beta.peer->receive(chunk, pair.now));
    const auto more = pair.beta.peer->receive(as_bytes("1"), pair.now);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, Errc::exhausted);
}

}  // namespace
}  // namespace tinc::peer
