// Bytes of a stranger, or, if the first byte is odd, records of somebody with the right key, whose
// types and contents the input gives. A record is taken whole or not at all, and an error is final.

#include "support/seeded_random.hpp"
#include "tinc/sptps/stream.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <vector>

namespace {

using namespace tinc;
using sptps::Stream;

sptps::Parties parties(sptps::Role role) {
    static const auto keys = [] {
        test::SeededRandom random(1);
        const auto make = [&] {
            return std::make_shared<const crypto::Ed25519PrivateKey>(
                crypto::Ed25519PrivateKey::generate(random));
        };
        return std::array{make(), make()};
    }();
    const std::size_t own = role == sptps::Role::initiator ? 0 : 1;
    return {.role = role,
            .own_key = keys[own],
            .peer_key = keys[1 - own]->public_key(),
            .label = sptps::meta_label("a", "b")};
}

void carry(Stream& from, Stream& to) {
    const auto bytes = from.take_outgoing();
    for (Bytes rest = bytes; !rest.empty();) {
        const auto received = to.receive(rest);
        TINC_ASSERT(received && received->taken > 0);
        rest = rest.subspan(received->taken);
    }
}

void feed(Stream& stream, Bytes bytes) {
    while (!bytes.empty()) {
        const auto received = stream.receive(bytes);
        if (!received || received->taken == 0) return;
        TINC_ASSERT(received->taken <= bytes.size());
        TINC_ASSERT(received->data.size() <= Stream::most_data_bytes);
        bytes = bytes.subspan(received->taken);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    test::SeededRandom random(2);
    Stream ours(parties(sptps::Role::responder), random);
    auto rest = std::as_bytes(std::span(data, size)).subspan(1);
    if ((data[0] & 1U) == 0) {
        feed(ours, rest);
        return 0;
    }
    Stream theirs(parties(sptps::Role::initiator), random);
    for (int i = 0; i < 2; ++i) {
        carry(theirs, ours);
        carry(ours, theirs);
    }
    TINC_ASSERT(ours.is_complete() && theirs.is_complete());
    while (rest.size() >= 2) {
        const auto type = std::to_integer<std::uint8_t>(rest[0] & std::byte{0x7f});
        const auto length = std::min(std::to_integer<std::size_t>(rest[1]), rest.size() - 2);
        const auto content = rest.subspan(2, length);
        rest = rest.subspan(2 + length);
        std::vector<std::byte> record;
        TINC_ASSERT(theirs.send(type, content, record).has_value());
        const auto received = ours.receive(record);
        TINC_ASSERT(received && received->taken == record.size() && received->type == type);
        TINC_ASSERT(std::ranges::equal(received->data, content));
    }
    feed(ours, rest);
    return 0;
}
