// Raw datagrams arrive at a node that has given keys to ten others. Each begins with a byte for
// where it comes from and one for what it is: raw bytes, or something sealed by a member and then
// spoiled or not. Then come its length (one byte, times eight) and its bytes.

#include "support/fuzz_choices.hpp"
#include "unit/plane/crossroads.hpp"

#include <algorithm>
#include <memory>

namespace {

using namespace tinc;
using namespace tinc::plane;

class Target {
  public:
    explicit Target(test::FuzzChoices& choices) : choices_(choices) {
        for (std::uint32_t i = 6; i < 12; ++i) {
            roads_.exchange_keys(NodeIndex{i});
            roads_.plane.set_address(NodeIndex{i}, Crossroads::home(beta), SocketIndex{0});
        }
        roads_.plane.set_announced_addresses(std::make_shared<const AnnouncedAddresses>(
            AnnouncedAddresses{{Crossroads::elsewhere().address, {NodeIndex{7}, omega}}}));
    }

    void receive_one() {
        const auto where = byte();
        const auto what = byte();
        test::Frame bytes(std::size_t{byte()} * 8 % 1'700);
        choices_.fill(bytes);
        roads_.now += std::chrono::milliseconds(where);
        if (what % 4 == 0) return give(bytes, source(where));
        bytes.resize(std::clamp<std::size_t>(bytes.size(), 1, limits::frame_bytes));
        auto datagram = roads_.sealed_by(member(what), bytes);
        if (what % 4 == 1) datagram[datagram.size() / 2] ^= std::byte{1};
        give(datagram, source(where));
        const bool was_taken = !roads_.out.is_empty() || !roads_.events.empty();
        if (what % 4 == 2 && was_taken) {
            roads_.from_network(datagram, source(where + 1));
            TINC_ASSERT(roads_.out.is_empty() && roads_.events.empty());  // replayed
        }
    }

  private:
    void give(Bytes datagram, const Endpoint& source) {
        roads_.from_network(datagram, source);
        for (const auto* frame : roads_.out.frames())
            TINC_ASSERT(frame->size() <= limits::frame_bytes);
        for (const auto& sending : roads_.out.datagrams())
            TINC_ASSERT(sending.packet->size() <= limits::datagram_bytes);
    }
    unsigned byte() {
        std::array<std::byte, 1> one{};
        choices_.fill(one);
        return std::to_integer<unsigned>(one[0]);
    }
    static NodeIndex member(unsigned choice) {
        constexpr std::array members = {beta,    plane::gamma, delta,
                                        epsilon, NodeIndex{6}, NodeIndex{11}};
        return members[choice / 4 % members.size()];
    }
    static Endpoint source(unsigned choice) {
        if (choice % 3 == 0) return Crossroads::elsewhere();
        return Crossroads::home(choice % 3 == 1 ? beta : plane::gamma);
    }

    test::FuzzChoices& choices_;
    Crossroads roads_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::FuzzChoices choices(data, std::min<std::size_t>(size, 8'192));
    Target target(choices);
    while (!choices.is_used_up()) target.receive_one();
    return 0;
}
