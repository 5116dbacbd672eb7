// Whatever a proxy answers, in pieces of any size: it grants or refuses in the same way as if the
// answer came at once, holds no more than its limit, and what follows a granted way is left whole.

#include "tinc/base/limits.hpp"
#include "tinc/peer/proxy_handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace {

using namespace tinc;
using config::ProxyType;
using peer::ProxyHandshake;

struct Outcome {
    ProxyHandshake::State state;
    std::string words;    ///< of an error
    std::string surplus;  ///< what is the destination's
    std::optional<Address> bound;
    friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome outcome_of(ProxyHandshake handshake, Bytes reply, std::size_t piece_bytes) {
    Outcome outcome{};
    while (!reply.empty()) {
        const auto piece = reply.first(std::min(piece_bytes, reply.size()));
        const auto surplus = handshake.receive(piece, Time{});
        reply = reply.subspan(piece.size());
        if (!surplus) {
            TINC_ASSERT(handshake.state() == ProxyHandshake::State::failed);
            TINC_ASSERT(surplus.error().code == Errc::refused ||
                        surplus.error().code == Errc::malformed ||
                        surplus.error().code == Errc::exhausted);
            outcome.words = surplus.error().what;
            break;
        }
        if (handshake.is_granted()) {
            outcome.surplus = std::string(as_text(*surplus)) + std::string(as_text(reply));
            break;
        }
        TINC_ASSERT(surplus->empty());
    }
    outcome.state = handshake.state();
    if (handshake.is_granted()) outcome.bound = handshake.bound();
    return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    constexpr ProxyType types[] = {ProxyType::socks4, ProxyType::socks4a, ProxyType::socks5,
                                   ProxyType::http};
    config::ProxySettings settings;
    settings.type = types[data[0] % std::size(types)];
    if ((data[0] & 0x80U) != 0) settings.user = settings.password = "x";
    const auto reply = std::as_bytes(std::span(data, size)).subspan(2);
    const auto destination = Endpoint{Address::v4({}), 655};
    const auto handshake =
        ProxyHandshake::begin(settings, destination, ProxyHandshake::Pace::at_once);
    TINC_ASSERT(handshake.has_value());

    const auto whole = outcome_of(*handshake, reply, reply.size());
    const auto pieces = outcome_of(*handshake, reply, std::size_t{data[1]} + 1);
    TINC_ASSERT(whole == pieces);
    TINC_ASSERT(reply.size() - whole.surplus.size() <= limits::proxy_reply_bytes ||
                whole.state != ProxyHandshake::State::granted);
    TINC_ASSERT(reply.size() < limits::proxy_reply_bytes ||
                whole.state == ProxyHandshake::State::granted ||
                whole.state == ProxyHandshake::State::failed);
    for (const char c : whole.words) TINC_ASSERT(c >= ' ' && c <= '~');
    return 0;
}
