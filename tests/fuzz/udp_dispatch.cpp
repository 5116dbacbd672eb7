// Raw datagrams arrive at a node that has given keys to ten others, or, if the second byte has its
// highest bit, at one that speaks 1.1, too, and has nodes of both kinds around it. Each begins with
// a byte for where it comes from and one for what it is: raw bytes, or something sealed by a member
// and then spoiled or not. Then come its length (one byte, times eight) and its bytes.

#include "support/fuzz_choices.hpp"
#include "unit/plane/crossroads.hpp"
#include "unit/plane/sealed_crossroads.hpp"

#include <algorithm>
#include <memory>

namespace {

using namespace tinc;
using namespace tinc::plane;

unsigned byte(test::FuzzChoices& choices) {
    std::array<std::byte, 1> one{};
    choices.fill(one);
    return std::to_integer<unsigned>(one[0]);
}

test::Frame content(test::FuzzChoices& choices) {
    test::Frame bytes(std::size_t{byte(choices)} * 8 % 1'700);
    choices.fill(bytes);
    return bytes;
}

class OldTarget {
  public:
    explicit OldTarget(test::FuzzChoices& choices) : choices_(choices) {
        for (std::uint32_t i = 6; i < 12; ++i) {
            roads_.exchange_keys(NodeIndex{i});
            roads_.plane.set_address(NodeIndex{i}, Crossroads::home(beta), SocketIndex{0});
        }
        roads_.plane.set_announced_addresses(std::make_shared<const AnnouncedAddresses>(
            AnnouncedAddresses{{Crossroads::elsewhere().address, {NodeIndex{7}, omega}}}));
    }

    void receive_one() {
        const auto where = byte(choices_);
        const auto what = byte(choices_);
        auto bytes = content(choices_);
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

/// Beta, gamma, delta, epsilon and "old" speak 1.1, two others do not.
class MixedTarget {
  public:
    explicit MixedTarget(test::FuzzChoices& choices) : choices_(choices) {
        using Hop = graph::ForwardingTable::Hop;
        constexpr std::uint32_t nodes = 9;
        std::vector<Hop> hops;
        hops.reserve(nodes);
        for (std::uint32_t i = 0; i < nodes; ++i)
            hops.push_back({i != 4, i == 2 || i == 3 ? beta : NodeIndex{i}, NodeIndex{i},
                            i < 7 ? sealed::options_of(i == 6 ? 3 : 7) : sealed::option_bits});
        roads_.plane.set_table(std::make_shared<const graph::ForwardingTable>(
            std::vector<graph::ForwardingTable::Entry>{
                {wire::parse_subnet("10.1.0.0/16").value(), sealed::self},
                {wire::parse_subnet("10.2.0.0/16").value(), beta}},
            hops, std::vector{beta, epsilon}));
        for (const auto node : {NodeIndex{7}, NodeIndex{8}}) {
            roads_.plane.set_name(node, sealed::Crossroads::name(node));
            const auto key = legacy::make_packet_key(Crossroads::usual_suite(), roads_.random);
            roads_.plane.set_opener(node, legacy::Opener::create(key, 16).value(), roads_.now);
            sealers_.push_back(legacy::Sealer::create(key).value());
        }
        give(roads_.datagram(beta, packet::record::plain, {}), home(beta));  // it may relay
    }

    void receive_one() {
        const auto where = byte(choices_);
        const auto what = byte(choices_);
        const auto type = static_cast<std::uint8_t>(byte(choices_) % 8);
        const auto bytes = content(choices_);
        roads_.now += std::chrono::milliseconds(where);
        const auto source = where % 3 == 0 ? Crossroads::elsewhere() : home(member(where));
        const auto from = member(what / 8);
        switch (what % 8) {
            case 0:
                give(bytes, source);
                return TINC_ASSERT(has_opened_nothing());
            case 1: {
                auto datagram = roads_.datagram(from, type, bytes);
                datagram[12 + bytes.size() / 2] ^= std::byte{1};
                give(datagram, source);
                return TINC_ASSERT(has_opened_nothing() && roads_.out.is_empty());
            }
            case 2:
                give(roads_.datagram(from, type, bytes, sealed::Crossroads::id(sealed::self)),
                     source);
                return;
            case 3:
                give(roads_.datagram(from, type, bytes, sealed::Crossroads::id(plane::gamma)),
                     source);
                return TINC_ASSERT(has_opened_nothing());
            case 4:
                return give(sealed_by_old_node(bytes), source);
            case 5:
                give(sealed::Crossroads::with_ids(sealed::Crossroads::id(member(type)),
                                                  sealed::Crossroads::id(from), bytes),
                     source);
                return TINC_ASSERT(has_opened_nothing());
            default: {
                const auto datagram = roads_.datagram(from, type, bytes);
                give(datagram, source);
                give(datagram, source);
                return TINC_ASSERT(has_opened_nothing() && roads_.out.is_empty());  // replayed
            }
        }
    }

  private:
    void give(Bytes datagram, const Endpoint& source) {
        roads_.from_network(datagram, source);
        for (const auto* frame : roads_.out.frames())
            TINC_ASSERT(frame->size() <= limits::datagram_bytes);
        for (const auto& sending : roads_.out.datagrams())
            TINC_ASSERT(sending.packet->size() <= limits::datagram_bytes);
    }
    /// It may have been passed on as it is.
    bool has_opened_nothing() const {
        return roads_.out.frames().empty() && roads_.all<ProbeReply>().empty() &&
               roads_.all<SourceMoved>().empty();
    }
    test::Frame sealed_by_old_node(const test::Frame& bytes) {
        packet::Packet packet;
        packet.assign(bytes);
        packet.resize(std::clamp<std::size_t>(bytes.size(), 1, limits::frame_bytes));
        TINC_ASSERT(sealers_[bytes.size() / 8 % sealers_.size()].seal(packet, compression_));
        return {packet.bytes().begin(), packet.bytes().end()};
    }
    static NodeIndex member(unsigned choice) {
        constexpr std::array members = {beta, plane::gamma, delta, epsilon};
        return members[choice % members.size()];
    }
    static Endpoint home(NodeIndex node) { return sealed::Crossroads::home(node); }

    test::FuzzChoices& choices_;
    sealed::Crossroads roads_;
    std::vector<legacy::Sealer> sealers_;
    packet::Compression compression_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    test::FuzzChoices choices(data, std::min<std::size_t>(size, 8'192));
    const auto receive_all = [&](auto target) {
        while (!choices.is_used_up()) target->receive_one();
    };
    if (size > 1 && data[1] >= 0x80)
        receive_all(std::make_unique<MixedTarget>(choices));
    else
        receive_all(std::make_unique<OldTarget>(choices));
    return 0;
}
