// Records of members with the right keys: whatever is in them gets past the tag. What comes out is
// what was in, once, and no answer is larger than the question.
//
// The first byte tells whether we are a router, and what compression we have asked for. Then come
// records: one byte each for the member, the way they take, their type and their length (by eight),
// and then what they say.

#include "support/fuzz_choices.hpp"
#include "unit/plane/sealed_crossroads.hpp"

#include <algorithm>
#include <array>

namespace {

using namespace tinc;
using namespace tinc::plane::sealed;
namespace record = packet::record;

class Target {
  public:
    explicit Target(test::SmallChoices& choices)
        : choices_(choices), how_(choices.below(256)), roads_(settings()) {
        give(Way::straight, beta, roads_.record(beta, record::plain, {}));  // so that it may relay
    }

    void receive_one() {
        constexpr std::array members = {beta, plane::sealed::gamma, delta, epsilon};
        const auto from = members[choices_.below(members.size())];
        const auto way = static_cast<Way>(choices_.below(3));
        const auto type = static_cast<std::uint8_t>(choices_.below(128));
        test::Frame data(choices_.below(256) * 8 % 1'600);
        choices_.fill(data);
        const auto sealed = roads_.record(from, type, data);
        give(way, from, sealed);
        check(way, type, data);
        give(way, from, sealed);
        TINC_ASSERT(has_done_nothing());  // it is replayed
        roads_.now += std::chrono::milliseconds(300);
    }

  private:
    enum class Way : std::uint8_t { straight, by_relay, by_tcp };

    bool is_router() const { return how_ % 2 == 0; }
    plane::PlaneSettings settings() const {
        auto settings = Crossroads::usual();
        settings.mode = is_router() ? plane::Mode::router : plane::Mode::switching;
        settings.compression = static_cast<int>(how_ / 2 % 13);
        settings.clamp_mss = false;
        return settings;
    }
    void give(Way way, NodeIndex from, const test::Frame& sealed) {
        const auto to_us = Crossroads::id(self);
        switch (way) {
            case Way::straight:
                return roads_.from_network(Crossroads::with_ids({}, Crossroads::id(from), sealed),
                                           Crossroads::home(from));
            case Way::by_relay:
                return roads_.from_network(
                    Crossroads::with_ids(to_us, Crossroads::id(from), sealed),
                    Crossroads::home(beta));
            case Way::by_tcp:
                return roads_.carry(beta, from, self, sealed);
        }
    }
    bool has_done_nothing() const {
        return roads_.out.is_empty() &&
               std::ranges::all_of(roads_.events, [](const plane::Event& event) {
                   return std::holds_alternative<plane::TunnelUsed>(event) ||
                          std::holds_alternative<plane::RelayedFrom>(event);
               });
    }
    void check(Way way, std::uint8_t type, const test::Frame& data) {
        const auto& frames = roads_.out.frames();
        TINC_ASSERT(frames.empty() || type <= (record::compressed | record::ethernet));
        TINC_ASSERT(frames.size() <= 1);
        for (const auto* frame : frames) {
            TINC_ASSERT(frame->size() <= limits::datagram_bytes);
            const auto bytes = frame->bytes();
            if (type == record::ethernet) TINC_ASSERT(std::ranges::equal(bytes, data));
            if (type == record::plain)
                TINC_ASSERT(is_router() &&
                            std::ranges::equal(bytes.subspan(packet::ethernet_bytes), data));
        }
        const bool is_probe = type == record::probe && way == Way::straight;
        TINC_ASSERT(is_probe || roads_.all<plane::ProbeReply>().empty());
        for (const auto& sending : roads_.out.datagrams()) {
            TINC_ASSERT(sending.packet->size() <= limits::datagram_bytes);
            if (is_probe) TINC_ASSERT(sending.frame_bytes <= data.size());
        }
        TINC_ASSERT(roads_.out.datagrams().size() <= 4);  // a broadcast goes to all others
    }

    test::SmallChoices& choices_;
    std::size_t how_;
    Crossroads roads_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::SmallChoices choices(data, std::min<std::size_t>(size, 8'192));
    Target target(choices);
    constexpr std::size_t bytes_each = 4;  // at least
    constexpr std::size_t most = 64;
    for (std::size_t i = 0; i < std::min(size / bytes_each, most); ++i) target.receive_one();
    return 0;
}
