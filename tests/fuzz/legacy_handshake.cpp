// A peer that may know its part and may not. Byte 0 is our role; then the input is a story of
// steps: 'm' with two bytes each for cipher and digest: a METAKEY that can be decrypted; 'c': a
// CHALLENGE; 'r': the right CHAL_REPLY; 'd': some bytes through both streams; anything else: a raw
// line up to the next newline, as the request that its first character says.

#include "support/seeded_random.hpp"
#include "tinc/legacy/handshake.hpp"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace tinc;
using legacy::Handshake;
using State = Handshake::State;
using wire::Request;

// As small as allowed, so that the fuzzer gets somewhere. Made for this program, used nowhere.
constexpr std::string_view private_pem =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIBOgIBAAJBALd7sOzFDt5RoGCJvEkBgEkPnezR5K8+0sfALY9yMFA19XLDUuPn\n"
    "Ll9MtgF+c0ur0aizhKFs8tkgB6oJki6QtnUCAwEAAQJAAhMW9AZiXacknhLQmy62\n"
    "KZ1Qls3kvQqDzZhhq36KB04f9p95TTA+gDEHWCZMbS2nEASHa/Pw1aSW0GCtfDGp\n"
    "QQIhAOra6Jlfq3tAYs2qaaNJz0LvTakvnBj+uf8kYB8Dns2RAiEAyAC6nwgEh8kN\n"
    "TopV6LeOZWFxGzEWBS6MkbBU2tsWuKUCIGRXzaOiNaE+fDiFRAdJRO3DUvojZl1j\n"
    "kFKL1ynJITORAiB/gu94as0woP8J3uqMt1Ji0nAhLPdkEFxwmiJPcjUXPQIhAJmE\n"
    "QwnhHPregUrWOaAz9i72XLBeypH2MmEoAThbyygY\n"
    "-----END RSA PRIVATE KEY-----\n";

/// Our end, and what somebody who watches it knows about the right order.
class Watched {
  public:
    Watched(legacy::Role role, const crypto::RsaPrivateKey& key)
        : role_(role),
          public_key_(key.public_key()),
          handshake_(role, key, public_key_,
                     legacy::meta_cipher_for(crypto::cipher_by_name("aes-256-cbc").value()),
                     random_) {
        TINC_ASSERT(handshake_.metakey_line().has_value());
    }

    void take(Request request, std::string_view line) {
        const auto before = handshake_.state();
        const auto answers = handshake_.receive(request, line);
        const auto after = handshake_.state();
        TINC_ASSERT(answers.has_value() == (after != State::failed));
        if (!answers) return;
        TINC_ASSERT(before != State::failed && before != State::authenticated);
        for (const auto& answer : *answers) {
            if (answer.starts_with("2 ")) challenge_ = answer.substr(2);
            if (answer.starts_with("3 "))  // the oracle of CVE-2018-16737
                TINC_ASSERT(role_ == legacy::Role::initiator || after == State::authenticated);
        }
        if (after == State::authenticated)
            TINC_ASSERT(request == Request::chal_reply && line.starts_with(right_reply()));
    }

    [[nodiscard]] std::string metakey(int cipher, int digest) const {
        std::vector<std::byte> clear(public_key_.modulus_bytes(), std::byte{0x21});
        std::string line;
        append(line, wire::Metakey{.cipher = cipher,
                                   .digest = digest,
                                   .key = public_key_.encrypt_raw(clear).value()});
        return line;
    }
    [[nodiscard]] std::string challenge() const {
        return "2 " + std::string(2 * public_key_.modulus_bytes(), 'A');
    }
    [[nodiscard]] std::string right_reply() const {
        const auto sum = crypto::hash(crypto::digest_by_nid(672).value(),
                                      parse_hex(challenge_).value_or(std::vector<std::byte>()));
        return "3 " + hex_text(sum.value());
    }
    void pass_bytes() {
        std::array<std::byte, 100> bytes{};
        const bool can_pass = handshake_.state() != State::failed;
        TINC_ASSERT(handshake_.encrypt(bytes).has_value() == can_pass);
        TINC_ASSERT(handshake_.decrypt(bytes).has_value() == can_pass);
    }

  private:
    test::SeededRandom random_{1};
    legacy::Role role_;
    crypto::RsaPublicKey public_key_;
    Handshake handshake_;
    std::string challenge_;
};

/// Cuts pieces off the front of the input.
class Story {
  public:
    explicit Story(std::string_view text) : text_(text) {}

    [[nodiscard]] bool is_over() const { return text_.empty(); }
    unsigned byte() {
        if (text_.empty()) return 0;
        const auto value = static_cast<unsigned char>(text_.front());
        text_.remove_prefix(1);
        return value;
    }
    int number() { return static_cast<std::int16_t>(byte() << 8U | byte()); }
    std::string_view line() {
        const auto end = std::min(text_.find('\n'), text_.size());
        const auto line = text_.substr(0, end);
        text_.remove_prefix(std::min(end + 1, text_.size()));
        return line;
    }
    [[nodiscard]] char peek() const { return text_.front(); }

  private:
    std::string_view text_;
};

void take_step(Watched& peer, Story& story) {
    switch (story.peek()) {
        case 'm': {
            story.byte();
            const int cipher = story.number();
            const int digest = story.number();
            peer.take(Request::metakey, peer.metakey(cipher, digest));
            return;
        }
        case 'c':
            story.byte();
            return peer.take(Request::challenge, peer.challenge());
        case 'r':
            story.byte();
            return peer.take(Request::chal_reply, peer.right_reply());
        case 'd':
            story.byte();
            return peer.pass_bytes();
        default:
            break;
    }
    const auto line = story.line();
    const int digit = line.empty() ? 0 : line.front() - '0';
    constexpr std::array requests{Request::id, Request::metakey, Request::challenge,
                                  Request::chal_reply, Request::ack};
    peer.take(digit >= 0 && digit < 5 ? requests[static_cast<std::size_t>(digit)] : Request::ping,
              line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto key = crypto::RsaPrivateKey::from_pem(private_pem, "fuzz").value();
    Story story(as_text(std::as_bytes(std::span(data, size))));
    Watched peer(story.byte() % 2 == 0 ? legacy::Role::initiator : legacy::Role::responder, key);
    for (int steps = 0; steps < 20 && !story.is_over(); ++steps) take_step(peer, story);
    return 0;
}
