// Lines that two tincd 1.0.36 exchanged are understood, and written back letter by letter.

#include "support/test_data.hpp"
#include "tinc/wire/messages.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>

namespace tinc::wire {
namespace {

template <class Message>
Result<std::string> rewritten(const Result<Message>& message) {
    if (!message) return std::unexpected(message.error());
    std::string line;
    append(line, *message);
    return line;
}

Result<std::string> read_and_write(std::string_view line) {
    TINC_TRY(const auto request, request_of(line));
    std::string word;
    switch (request) {
        case Request::id:
            return rewritten(parse_id(line));
        case Request::metakey:
            return rewritten(parse_metakey(line));
        case Request::challenge:
            return rewritten(parse_challenge(line));
        case Request::chal_reply:
            return rewritten(parse_chal_reply(line));
        case Request::ack:
            return rewritten(parse_ack(line));
        case Request::ping:
            append_ping(word);
            return word;
        case Request::pong:
            append_pong(word);
            return word;
        case Request::add_subnet:
            return rewritten(parse_add_subnet(line));
        case Request::del_subnet:
            return rewritten(parse_del_subnet(line));
        case Request::add_edge:
            return rewritten(parse_add_edge(line));
        case Request::del_edge:
            return rewritten(parse_del_edge(line));
        case Request::key_changed:
            return rewritten(parse_key_changed(line));
        case Request::req_key:
            return rewritten(parse_req_key(line));
        case Request::ans_key:
            return rewritten(parse_ans_key(line));
        case Request::packet:
            return rewritten(parse_packet(line));
        case Request::termreq:
            append_termreq(word);
            return word;
        case Request::sptps_packet:
            return rewritten(parse_sptps_packet(line));
        case Request::udp_info:
            return rewritten(parse_udp_info(line));
        case Request::mtu_info:
            return rewritten(parse_mtu_info(line));
        case Request::status:
        case Request::error:
        case Request::control:
        case Request::req_pubkey:
        case Request::ans_pubkey:
            break;
    }
    return failure(Errc::refused, "nobody handles this request");
}

void expect_unchanged(const std::string& line) {
    const auto result = read_and_write(line);
    ASSERT_TRUE(result) << line << ": " << result.error().what;
    EXPECT_EQ(*result, line);
}

/// "Got ADD_EDGE from beta (10.99.1.2 port 42705): 12 7424ab6f ..." without what precedes "12".
std::string_view request_in(std::string_view log_line) {
    if (!log_line.starts_with("Got ") && !log_line.starts_with("Sending ")) return {};
    const auto at = log_line.find("): ");
    if (at == std::string_view::npos) return {};
    return log_line.substr(at + 3);
}

std::string_view name_in(std::string_view log_line) {
    const auto name = log_line.substr(log_line.find(' ') + 1);
    return name.substr(0, name.find(' '));
}

TEST(GoldenLinesTest, OfAHandshakeComeBackUnchanged) {
    const auto golden = nlohmann::json::parse(tinc::test::test_data("meta_handshake.json"));
    std::size_t lines = 0;
    for (const auto& direction : golden["directions"]) {
        for (const auto* part : {"plaintext_prefix_lines", "decrypted_lines"}) {
            for (const auto& line : direction[part]) {
                expect_unchanged(line.get<std::string>());
                ++lines;
            }
        }
    }
    EXPECT_EQ(lines, 16U);
}

void expect_transcript_unchanged(std::string_view file, std::size_t requests_expected) {
    std::istringstream transcript(tinc::test::test_data(file));
    std::size_t requests = 0;
    for (std::string log_line; std::getline(transcript, log_line);) {
        const std::string line(request_in(log_line));
        if (line.empty()) continue;
        expect_unchanged(line);
        const auto request = request_of(line);
        ASSERT_TRUE(request);
        EXPECT_EQ(request_name(*request), name_in(log_line));
        ++requests;
    }
    EXPECT_EQ(requests, requests_expected);
}

TEST(GoldenLinesTest, OfTheFirstTranscriptComeBackUnchanged) {
    expect_transcript_unchanged("transcript_alpha_d10.log", 19);
}

TEST(GoldenLinesTest, OfTheSecondTranscriptComeBackUnchanged) {
    expect_transcript_unchanged("transcript_beta_d10.log", 16);
}

}  // namespace
}  // namespace tinc::wire
