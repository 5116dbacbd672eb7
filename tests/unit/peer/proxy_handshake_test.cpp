#include "tinc/peer/proxy_handshake.hpp"

#include "support/test_data.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::peer {
namespace {

using config::ProxySettings;
using config::ProxyType;
using testing::HasSubstr;
using testing::Not;
using Pace = ProxyHandshake::Pace;
using State = ProxyHandshake::State;
using namespace std::string_literals;

constexpr Time start{std::chrono::hours(1)};

ProxySettings proxy(ProxyType type, std::string user = "", std::string password = "") {
    return {type, {"10.99.1.3", "1080"}, std::move(user), std::move(password), ""};
}

Destination destination(const std::string& host = "10.99.1.1", std::uint16_t port = 655) {
    if (const auto address = Address::parse(host)) return Endpoint{*address, port};
    return {host, port};
}

ProxyHandshake begun(const ProxySettings& settings, const Destination& to = destination(),
                     Pace pace = Pace::at_once) {
    auto handshake = ProxyHandshake::begin(settings, to, pace);
    EXPECT_TRUE(handshake);
    return *std::move(handshake);
}

std::string hex(std::string_view text) {
    auto out = hex_text(as_bytes(text));
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

// What is sent
// --------------------------------------------------------------------------------------

ProxyType type_called(const std::string& word) {
    if (word == "socks4") return ProxyType::socks4;
    if (word == "socks4a") return ProxyType::socks4a;
    return word == "socks5" ? ProxyType::socks5 : ProxyType::http;
}

TEST(ProxyRequestTest, IsByteForByteThatOf1036) {
    const auto golden = nlohmann::json::parse(test::test_data("proxy_requests.json"));
    for (const auto& one : golden["cases"]) {
        std::istringstream variable(one[0].get<std::string>());
        std::string type;
        ProxySettings settings;
        variable >> type >> settings.server.host >> settings.server.port >> settings.user >>
            settings.password;
        settings.type = type_called(type);
        std::istringstream target(one[1].get<std::string>());
        std::string host;
        std::uint16_t port = 0;
        target >> host >> port;
        auto handshake = begun(settings, destination(host, port));
        EXPECT_EQ(hex(handshake.take_outgoing()), one[2].get<std::string>()) << one[0];
        EXPECT_EQ(handshake.take_outgoing(), "");
    }
}

TEST(ProxyRequestTest, Socks5TakesIpv6) {
    auto handshake = begun(proxy(ProxyType::socks5), destination("fd99::2"));
    EXPECT_EQ(hex(handshake.take_outgoing()),
              "050100"
              "05010004"
              "fd990000000000000000000000000002"
              "028f");
}

TEST(ProxyRequestTest, HttpPutsIpv6InBrackets) {
    auto handshake = begun(proxy(ProxyType::http, "joe", "pw"), destination("fd99::2"));
    EXPECT_EQ(handshake.take_outgoing(), "CONNECT [fd99::2]:655 HTTP/1.1\r\n\r\n");
}

TEST(ProxyRequestTest, LogsInOnlyWithUserAndPassword) {
    auto handshake = begun(proxy(ProxyType::socks5, "joe"));
    EXPECT_TRUE(handshake.take_outgoing().starts_with("\x05\x01\x00"s));
}

TEST(ProxyRequestTest, ExecNeedsNoWords) {
    auto handshake = begun(proxy(ProxyType::exec));
    EXPECT_TRUE(handshake.is_granted());
    EXPECT_EQ(handshake.take_outgoing(), "");
}

TEST(ProxyRequestTest, Socks4LeadsToIpv4Only) {
    for (const auto* host : {"fd99::2", "no-such.invalid"}) {
        const auto refused =
            ProxyHandshake::begin(proxy(ProxyType::socks4), destination(host), Pace::at_once);
        ASSERT_FALSE(refused) << host;
        EXPECT_EQ(refused.error().code, Errc::refused);
        EXPECT_EQ(refused.error().what,
                  "Can only connect to numeric IPv4 addresses through a SOCKS 4 proxy!");
    }
    EXPECT_FALSE(
        ProxyHandshake::begin(proxy(ProxyType::socks4a), destination("fd99::2"), Pace::at_once));
}

// What is answered
// ----------------------------------------------------------------------------------

struct Answer {
    std::string_view name;
    ProxySettings settings;
    std::string reply;
    std::string bound;  ///< of a granted one, "" for none
    std::string words;  ///< of a refused one
};

void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.name; }

std::string name_of(const testing::TestParamInfo<Answer>& row) {
    return std::string(row.param.name);
}

std::string bound_text(const ProxyHandshake& handshake) {
    return handshake.bound() ? handshake.bound()->text() : "";
}

class Granted : public testing::TestWithParam<Answer> {};

TEST_P(Granted, WithWhatFollowsLeftOver) {
    auto handshake = begun(GetParam().settings);
    const auto bytes = GetParam().reply + "0 beta 17\n";
    const auto surplus = handshake.receive(as_bytes(bytes), start);
    ASSERT_TRUE(surplus) << surplus.error().what;
    EXPECT_TRUE(handshake.is_granted());
    EXPECT_EQ(as_text(*surplus), "0 beta 17\n");
    EXPECT_EQ(bound_text(handshake), GetParam().bound);
}

TEST_P(Granted, InSingleBytesAndNotBeforeTheLast) {
    for (const auto pace : {Pace::at_once, Pace::in_steps}) {
        auto handshake = begun(GetParam().settings, destination(), pace);
        for (const char& c : GetParam().reply) {
            ASSERT_FALSE(handshake.is_granted());
            const auto surplus = handshake.receive(as_bytes({&c, 1}), start);
            ASSERT_TRUE(surplus) << surplus.error().what;
            EXPECT_TRUE(surplus->empty());
        }
        EXPECT_TRUE(handshake.is_granted());
        EXPECT_EQ(bound_text(handshake), GetParam().bound);
        EXPECT_EQ(handshake.deadline(), never);
    }
}

const auto plain = proxy(ProxyType::socks5);
const auto with_login = proxy(ProxyType::socks5, "joe", "pw");
const auto http = proxy(ProxyType::http);

INSTANTIATE_TEST_SUITE_P(
    Proxies, Granted,
    testing::Values(
        Answer{"socks4", proxy(ProxyType::socks4), "\0\x5a\x02\x8f\x01\x02\x03\x04"s, "1.2.3.4",
               ""},
        Answer{"socks4a", proxy(ProxyType::socks4a), "\0\x5a\0\0\0\0\0\0"s, "0.0.0.0", ""},
        Answer{"socks5_ipv4", plain, "\5\0\5\0\0\1\1\2\3\4\x11\x5c"s, "1.2.3.4", ""},
        Answer{"socks5_ipv6", plain, "\5\0\5\0\0\4\xfd\x99\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x11\x5c"s,
               "fd99::1", ""},
        Answer{"socks5_name", plain, "\5\0\5\0\0\3\4host\x11\x5c"s, "", ""},
        Answer{"socks5_empty_name", plain, "\5\0\5\0\0\3\0\x11\x5c"s, "", ""},
        Answer{"socks5_longest_name", plain,
               "\5\0\5\0\0\3\xff"s + std::string(255, 'h') + "\x11\x5c", "", ""},
        Answer{"socks5_login_of_rfc_1929", with_login, "\5\2\1\0\5\0\0\1\1\2\3\4\x11\x5c"s,
               "1.2.3.4", ""},
        Answer{"socks5_login_of_others", with_login, "\5\2\5\0\5\0\0\1\1\2\3\4\x11\x5c"s, "1.2.3.4",
               ""},
        Answer{"http_1_1", http, "HTTP/1.1 200 Connection established\r\n\r\n", "", ""},
        Answer{"http_1_0", http, "HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n", "",
               ""},
        Answer{"http_without_words", http, "HTTP/1.1 200\r\nA: b\r\nC: d\r\n\r\n", "", ""},
        Answer{"http_without_carriage_returns", http, "HTTP/1.1 200 OK\nA: b\n\n", "", ""},
        Answer{"http_of_8192_bytes", http,
               "HTTP/1.1 200 OK\r\nA: " + std::string(limits::proxy_reply_bytes - 24, 'a') +
                   "\r\n\r\n",
               "", ""}),
    name_of);

class Refused : public testing::TestWithParam<Answer> {};

TEST_P(Refused, InWords) {
    auto handshake = begun(GetParam().settings);
    const auto answer = handshake.receive(as_bytes(GetParam().reply), start);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, GetParam().words);
    EXPECT_EQ(handshake.state(), State::failed);
    EXPECT_FALSE(handshake.is_held_up()) << "a refusal is an answer";
}

TEST_P(Refused, InTheSameWordsByteForByte) {
    auto handshake = begun(GetParam().settings);
    Result<Bytes> answer = Bytes{};
    for (const char& c : GetParam().reply) {
        if (answer) answer = handshake.receive(as_bytes({&c, 1}), start);
    }
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().what, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Proxies, Refused,
    testing::Values(
        Answer{"socks4", proxy(ProxyType::socks4), "\0\x5b\0\0\0\0\0\0"s, "",
               "SOCKS4 proxy refused: request rejected or failed"},
        Answer{"socks4_identd", proxy(ProxyType::socks4), "\0\x5d"s, "",
               "SOCKS4 proxy refused: identd here names another user"},
        Answer{"socks4_odd", proxy(ProxyType::socks4a), "\0\x01"s, "",
               "SOCKS4 proxy refused: code 1"},
        Answer{"not_socks4", proxy(ProxyType::socks4), "HTTP/1.1 400 Bad Request\r\n", "",
               "The proxy does not speak SOCKS4"},
        Answer{"ruleset", plain, "\5\0\5\2\0\1\0\0\0\0\0\0"s, "",
               "SOCKS5 proxy refused: connection not allowed by ruleset"},
        Answer{"connection", plain, "\5\0\5\5"s, "", "SOCKS5 proxy refused: connection refused"},
        Answer{"address_type", plain, "\5\0\5\10"s, "",
               "SOCKS5 proxy refused: address type not supported"},
        Answer{"odd_code", plain, "\5\0\5\11"s, "", "SOCKS5 proxy refused: code 9"},
        Answer{"no_method", plain, "\5\xff"s, "",
               "SOCKS5 proxy refused: it wants a user and password"},
        Answer{"no_login", with_login, "\5\xff"s, "",
               "SOCKS5 proxy refused: it takes no user and password"},
        Answer{"other_method", plain, "\5\2"s, "",
               "SOCKS5 proxy chose a way to log in that was not offered"},
        Answer{"wrong_password", with_login, "\5\2\1\1"s, "",
               "SOCKS5 proxy refused: wrong user or password"},
        Answer{"odd_login", with_login, "\5\2\2"s, "", "The proxy does not speak SOCKS5"},
        Answer{"odd_reply", plain, "\5\0\4"s, "", "The proxy does not speak SOCKS5"},
        Answer{"odd_address_type", plain, "\5\0\5\0\0\2\0"s, "",
               "SOCKS5 proxy answered with an unknown address type"},
        Answer{"not_socks5", plain, "HTTP/1.1 400 Bad Request\r\n", "",
               "The proxy does not speak SOCKS5"},
        Answer{"http_403", http, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "",
               "HTTP proxy answered: HTTP/1.1 403 Forbidden"},
        Answer{"http_2000", http, "HTTP/1.1 2000 Odd\n", "",
               "HTTP proxy answered: HTTP/1.1 2000 Odd"},
        Answer{"http_without_code", http, "HTTP/1.\n", "", "HTTP proxy answered: HTTP/1."},
        Answer{"http_with_escapes", http, "HTTP/1.1 500 \x1b[31m\xff\r\n", "",
               "HTTP proxy answered: HTTP/1.1 500 ?[31m?"},
        Answer{"http_long_line", http, "HTTP/1.1 500 " + std::string(200, 'x') + "\r\n", "",
               "HTTP proxy answered: HTTP/1.1 500 " + std::string(87, 'x') + "..."},
        Answer{"not_http", http, "SSH-2.0-OpenSSH_9.2p1\r\n", "",
               "The proxy does not speak HTTP/1"},
        Answer{"http_2", http, "HTTP/2 200\r\n\r\n", "", "The proxy does not speak HTTP/1"},
        Answer{"http_of_8193_bytes", http,
               "HTTP/1.1 200 OK\r\nA: " + std::string(limits::proxy_reply_bytes - 23, 'a') +
                   "\r\n\r\n",
               "", "HTTP proxy answered with more than 8192 bytes"},
        Answer{"http_without_end", http, "HTTP/1.1 200 " + std::string(9'000, 'x'), "",
               "HTTP proxy answered with more than 8192 bytes"}),
    name_of);

TEST(ProxyHandshakeTest, SpeaksInStepsWhenTold) {
    auto handshake = begun(with_login, destination(), Pace::in_steps);
    EXPECT_EQ(hex(handshake.take_outgoing()), "050102");
    EXPECT_EQ(handshake.take_outgoing(), "") << "before it is asked for more";
    EXPECT_EQ(handshake.state(), State::awaiting_method);
    ASSERT_TRUE(handshake.receive(as_bytes("\5\2"), start));
    EXPECT_EQ(hex(handshake.take_outgoing()), "01036a6f65027077");
    EXPECT_EQ(handshake.state(), State::awaiting_login);
    ASSERT_TRUE(handshake.receive(as_bytes("\1\0"s), start));
    EXPECT_EQ(hex(handshake.take_outgoing()), "050100010a630101028f");
    EXPECT_EQ(handshake.state(), State::awaiting_reply);
    EXPECT_FALSE(handshake.is_held_up()) << "a proxy may take its time to connect";
    EXPECT_EQ(handshake.deadline(), never);
}

TEST(ProxyHandshakeTest, SuspectsAProxyThatAnswersOnlyTheFirstMessage) {
    auto handshake = begun(plain);
    static_cast<void>(handshake.take_outgoing());
    EXPECT_FALSE(handshake.is_held_up()) << "it may be slow";
    ASSERT_TRUE(handshake.receive(as_bytes("\5\0"s), start));
    EXPECT_TRUE(handshake.is_held_up());
    EXPECT_EQ(handshake.deadline(), start + ProxyHandshake::patience);
    ASSERT_TRUE(handshake.receive(as_bytes("\5\0\0\1\1\2\3\4\1\1"s), start));
    EXPECT_FALSE(handshake.is_held_up());
}

}  // namespace
}  // namespace tinc::peer
