// Connections of tinc 1.0.36, seen from either end and repeated to the byte.

#include "handshake_ends.hpp"

#include "support/scripted_random.hpp"
#include "support/seeded_random.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace tinc::legacy {
namespace {

using namespace test;
using nlohmann::json;
using tinc::test::ScriptedRandom;
using tinc::test::SeededRandom;
using tinc::test::test_data;
using tinc::test::unhex;
using wire::Request;
using State = Handshake::State;

/// A captured connection, seen from one of its ends.
struct Recording {
    Role role;
    json sent;
    json received;
};

Recording recording_of(std::string_view node) {
    const auto golden = json::parse(test_data("meta_handshake.json"));
    const auto& directions = golden["directions"];
    const bool is_first = directions[0]["sender"].get<std::string>() == node;
    return {node == golden["initiator"].get<std::string>() ? Role::initiator : Role::responder,
            directions[is_first ? 0 : 1], directions[is_first ? 1 : 0]};
}

/// What a node's chance gave it in a captured connection: METAKEY's string, then its challenge.
std::vector<std::byte> chance_of(const json& sent) {
    auto bytes = unhex(sent["metakey_plain_hex"].get<std::string>());
    const auto challenge = unhex(sent["decrypted_lines"][0].get<std::string>().substr(2));
    bytes.insert(bytes.end(), challenge.begin(), challenge.end());
    return bytes;
}

class RecordedHandshake : public testing::TestWithParam<std::string> {};

TEST_P(RecordedHandshake, IsRepeatedByteForByte) {
    const auto [role, sent, received] = recording_of(GetParam());
    const std::string peer = received["sender"];
    ScriptedRandom random(chance_of(sent));
    Handshake own = handshake(role, random, GetParam(), peer);

    EXPECT_EQ(own.metakey_line().value(), sent["plaintext_prefix_lines"][1].get<std::string>());
    std::vector<std::string> answers;
    const auto take = [&](Request request, const std::string& line) {
        const auto more = own.receive(request, line);
        ASSERT_TRUE(more) << more.error().what;
        answers.insert(answers.end(), more->begin(), more->end());
    };
    take(Request::metakey, received["plaintext_prefix_lines"][1]);
    const auto peer_text = decrypted(own, unhex(received["encrypted_part_hex"].get<std::string>()));
    EXPECT_EQ(lines_of(peer_text), received["decrypted_lines"].get<std::vector<std::string>>());
    take(Request::challenge, lines_of(peer_text).at(0));
    take(Request::chal_reply, lines_of(peer_text).at(1));
    EXPECT_EQ(own.state(), State::authenticated);

    std::string stream;
    for (const auto& line : answers) stream += line + "\n";
    EXPECT_EQ(lines_of(stream),
              (std::vector<std::string>{sent["decrypted_lines"][0], sent["decrypted_lines"][1]}));
    for (std::size_t i = 2; i < sent["decrypted_lines"].size(); ++i)
        stream += sent["decrypted_lines"][i].get<std::string>() + "\n";
    EXPECT_EQ(encrypted_hex(own, stream),
              hex_text(unhex(sent["encrypted_part_hex"].get<std::string>())));
}
INSTANTIATE_TEST_SUITE_P(Golden, RecordedHandshake, testing::Values("alpha", "beta"));

class RecordedMetaCipher : public testing::TestWithParam<std::size_t> {};

TEST_P(RecordedMetaCipher, IsUnderstoodAndRepeated) {
    const auto golden = json::parse(test_data("meta_variants.json"))["cases"].at(GetParam());
    const std::string options = golden["options_at_sender"];
    const auto stream = unhex(golden["stream_hex"].get<std::string>());
    const auto clear = lines_of(as_text(stream));
    const auto encrypted = std::span(stream).subspan(clear[0].size() + clear[1].size() + 2);

    SeededRandom random(1);
    Handshake beta = handshake(Role::initiator, random, "beta", "alpha");
    ASSERT_TRUE(beta.metakey_line());
    ASSERT_TRUE(beta.receive(Request::metakey, clear[1]));
    const auto text = decrypted(beta, {encrypted.begin(), encrypted.end()});
    auto first_lines = lines_of(text);
    first_lines.resize(golden["decrypted_lines"].size());
    EXPECT_EQ(first_lines, golden["decrypted_lines"].get<std::vector<std::string>>());

    const std::string cipher = options.substr(7, options.find(' ') - 7);
    ScriptedRandom again(unhex(golden["metakey_plain_hex"].get<std::string>()));
    Handshake alpha = handshake(Role::responder, again, "alpha", "beta", cipher);
    EXPECT_EQ(alpha.metakey_line().value(), clear[1]);
    EXPECT_EQ(encrypted_hex(alpha, text), hex_text(encrypted));
}
INSTANTIATE_TEST_SUITE_P(Golden, RecordedMetaCipher, testing::Values(0, 1));

TEST(HandshakeTest, DecryptsAConnectionThatCarriesPackets) {
    const auto golden = json::parse(test_data("meta_tcp_packet.json"));
    const auto stream = unhex(golden["tcp_stream_hex"].get<std::string>());
    const auto clear = lines_of(as_text(stream));
    const auto encrypted = std::span(stream).subspan(clear[0].size() + clear[1].size() + 2);
    SeededRandom random(1);
    Handshake alpha = handshake(Role::responder, random);
    ASSERT_TRUE(alpha.metakey_line());
    ASSERT_TRUE(alpha.receive(Request::metakey, clear[1]));
    const auto text = decrypted(alpha, {encrypted.begin(), encrypted.end()});

    std::size_t packets = 0;
    for (const auto& event : golden["events"]) {
        const std::string line = event["line"];
        const std::size_t at = event["offset"];
        EXPECT_EQ(text.substr(at, line.size() + 1), line + "\n");
        if (!event.contains("packet_hex")) continue;
        const auto packet = unhex(event["packet_hex"].get<std::string>());
        EXPECT_EQ(text.substr(at + line.size() + 1, packet.size()), as_text(packet));
        ++packets;
    }
    EXPECT_GT(packets, 10U);
}

}  // namespace
}  // namespace tinc::legacy
