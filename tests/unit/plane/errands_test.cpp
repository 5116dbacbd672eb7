// Several Planes that share the nodes do together what one Plane does alone. Each mesh exists
// twice, with the same keys: around one Plane, and around three, of which a random one meets with
// what comes from the device or the network.

#include "unit/plane/crossroads.hpp"
#include "unit/plane/sealed_fixture.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace tinc::plane {
namespace {

using test::Frame;

constexpr std::uint32_t planes = 3;

/// What came of packets: datagrams in their order for each node, frames for the device in that of
/// each host, nodes that moved.
using Outcome = std::map<std::string, std::vector<std::string>>;

std::string text_of(Bytes bytes) {
    std::string text;
    for (const auto byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
    return text;
}

Frame copy_of(const packet::Packet& packet) {
    return {packet.bytes().begin(), packet.bytes().end()};
}

void add(Outcome& outcome, const Outbox& out) {
    for (const auto& sending : out.datagrams())
        outcome["to " + Crossroads::name(sending.node)].push_back(
            text_of(std::as_const(*sending.packet).bytes()));
    for (const auto* frame : out.frames()) {
        const auto source = frame->bytes().subspan(26, 4);
        outcome["from " + text_of(source)].push_back(text_of(frame->bytes()));
    }
}

void add(Outcome& outcome, const SourceMoved& moved) {
    outcome["moved " + Crossroads::name(moved.node)].push_back(moved.remote.text());
}

template <class Roads>
std::uint64_t drops(const Roads& roads) {
    std::uint64_t all = 0;
    for (std::size_t reason = 0; reason < drop_count; ++reason)
        all += roads.plane.dropped(static_cast<Drop>(reason));
    return all;
}

template <class Roads>
class Divided {
  public:
    explicit Divided(const PlaneSettings& settings) : single(settings) {
        for (std::uint32_t i = 0; i < planes; ++i)
            shares_.push_back(std::make_unique<Roads>(settings, Share{i, planes}));
    }

    /// Does the same with the one Plane and with the one of three that meets with it. `call` gets
    /// an empty batch, which outlives what it makes.
    template <class Call>
    void meet(std::uint32_t number, const Call& call) {
        pass(std::chrono::seconds(1));
        ASSERT_EQ(alone(call), together(number, call));
        std::uint64_t of_all = 0;
        for (const auto& share : shares_) of_all += drops(*share);
        ASSERT_EQ(drops(single), of_all);
    }
    [[nodiscard]] std::size_t errands() const { return errands_; }

    Roads single;

  private:
    void pass(Duration time) {
        single.now += time;
        for (const auto& share : shares_) share->now += time;
    }

    template <class Call>
    Outcome alone(const Call& call) {
        Outcome outcome;
        single.out.clear();
        packet::Batch batch;
        call(single, batch);
        add(outcome, single.out);
        for (const auto& event : single.plane.take_events())
            if (const auto* moved = std::get_if<SourceMoved>(&event)) add(outcome, *moved);
        return outcome;
    }

    template <class Call>
    Outcome together(std::uint32_t number, const Call& call) {
        Outcome outcome;
        shares_[number]->out.clear();
        packet::Batch met;
        call(*shares_[number], met);
        take_from(number, outcome);
        while (!left_.empty()) {
            const auto plane = left_.begin()->first;
            auto packets = std::move(left_.begin()->second);
            left_.erase(left_.begin());
            packet::Batch batch;
            std::vector<Errand> errands;
            for (const auto& [bytes, errand] : packets) {
                batch.add().assign(bytes);
                errands.push_back(errand);
            }
            errands_ += errands.size();
            auto& share = *shares_[plane];
            share.out.clear();
            share.plane.take_over(batch, errands, share.now, share.out);
            take_from(plane, outcome);
        }
        return outcome;
    }

    void take_from(std::uint32_t number, Outcome& outcome) {
        auto& share = *shares_[number];
        add(outcome, share.out);
        for (const auto& left : share.out.errands())
            left_[left.plane].emplace_back(copy_of(*left.packet), left.errand);
        for (const auto& event : share.plane.take_events()) {
            const auto* moved = std::get_if<SourceMoved>(&event);
            if (moved == nullptr) continue;
            add(outcome, *moved);
            for (const auto& other : shares_)
                other->plane.set_proven_address(moved->node, moved->remote, moved->socket);
        }
    }

    std::vector<std::unique_ptr<Roads>> shares_;
    std::map<std::uint32_t, std::vector<std::pair<Frame, Errand>>> left_;
    std::size_t errands_ = 0;
};

std::string host(NodeIndex node) { return fmt::format("10.{}.0.1", to_index(node) + 1); }

Frame frame_between(NodeIndex from, NodeIndex to, std::uint16_t number) {
    return test::udp_frame(
        {.source = host(from), .destination = host(to), .identification = number}, 100);
}

/// Batches of frames from the device, of datagrams and of frames of neighbours, at random Planes.
/// `make` makes the datagram of a node for another, who may be somebody behind us.
template <class Roads, class Make>
void stay_the_same(Divided<Roads>& roads, std::span<const NodeIndex> nodes, const Make& make) {
    test::SeededRandom random{7};
    const auto any = [&] { return nodes[random.below(static_cast<std::uint32_t>(nodes.size()))]; };
    for (std::uint16_t turn = 0; turn < 2'000; ++turn) {
        const auto at = random.below(planes);
        const auto count = 1 + random.below(8);
        packet::Batch batch;
        const bool is_from_device = random.below(2) == 0;
        const auto from = any();
        // Who moves is known to the others only when the batch is over.
        const auto source = random.below(16) == 0 ? Roads::elsewhere() : Roads::home(from);
        const bool is_for_us = !is_from_device && random.below(3) != 0;
        for (std::uint32_t i = 0; i < count; ++i) {
            const auto to = is_for_us ? self : any();
            batch.add().assign(is_from_device ? frame_between(self, to, turn)
                                              : make(roads.single, from, to, turn));
        }
        const std::vector<Endpoint> sources(count, source);
        roads.meet(at, [&](Roads& one, packet::Batch& copy) {
            for (std::size_t i = 0; i < batch.size(); ++i) copy.add().assign(batch[i].bytes());
            if (is_from_device)
                one.plane.from_device(copy, one.now, one.out);
            else
                one.plane.from_network(copy, sources, SocketIndex{0}, one.now, one.out);
        });
        if (testing::Test::HasFatalFailure()) return;
    }
    EXPECT_GT(roads.errands(), 1'000U);
}

TEST(ErrandsTest, PlanesOfTheOldProtocolDoTogetherWhatOneDoes) {
    Divided<Crossroads> roads{PlaneSettings{}};
    constexpr std::array nodes = {beta, gamma, epsilon};
    stay_the_same(roads, nodes, [](Crossroads& one, NodeIndex from, NodeIndex to, auto number) {
        return one.sealed_by(from, frame_between(from, to, number));
    });
}

TEST(ErrandsTest, PlanesOfTheNewProtocolDoTogetherWhatOneDoes) {
    Divided<sealed::Crossroads> roads{sealed::Crossroads::usual()};
    constexpr std::array nodes = {sealed::beta, sealed::gamma, sealed::epsilon};
    stay_the_same(roads, nodes,
                  [](sealed::Crossroads& one, NodeIndex from, NodeIndex to, auto number) {
                      const auto frame = frame_between(from, to, number);
                      const auto packet = Bytes(frame).subspan(packet::ethernet_bytes);
                      // For somebody else it is sealed by its origin, and opaque.
                      const auto destination = to == self ? NodeId{} : sealed::Crossroads::id(to);
                      return one.datagram(from, packet::record::plain, packet, destination);
                  });
}

TEST(ErrandsTest, RelayedPacketsForUsAreOpenedByWhoHasTheirOrigin) {
    using namespace sealed;
    Divided<sealed::Crossroads> roads{sealed::Crossroads::usual()};
    const auto send = [&](NodeIndex origin, const NodeId& to, NodeIndex from_home_of) {
        const auto datagram = roads.single.datagram(origin, packet::record::plain,
                                                    packet_for(sealed::self, origin), to);
        roads.meet(0, [&](sealed::Crossroads& one, packet::Batch& batch) {
            batch.add().assign(datagram);
            const std::array sources = {sealed::Crossroads::home(from_home_of)};
            one.plane.from_network(batch, sources, SocketIndex{0}, one.now, one.out);
        });
    };
    send(sealed::beta, {}, sealed::beta);  // who has said something of its own may relay
    send(sealed::delta, sealed::Crossroads::id(sealed::self), sealed::beta);
    EXPECT_EQ(roads.errands(), 3U) << "to 1, which has beta, and back to 0, which has delta";
}

TEST(ErrandsTest, AFrameOfANeighbourIsSealedByWhoHasTheReceiver) {
    Divided<Crossroads> roads{PlaneSettings{}};
    roads.meet(1, [](Crossroads& one, packet::Batch& /*unused*/) {
        one.plane.from_peer(beta, frame_between(beta, epsilon, 1), Transport::any, one.now,
                            one.out);
    });
    EXPECT_EQ(roads.errands(), 1U);
}

TEST(ErrandsTest, AnOlderNewsOfAnAddressDoesNotUndoWhatItsPlaneKnows) {
    Crossroads roads({}, Share{1, planes});
    roads.plane.set_proven_address(beta, Crossroads::elsewhere(), SocketIndex{0});
    roads.from_device(frame_between(self, beta, 1));
    ASSERT_EQ(roads.out.datagrams().size(), 1U);
    EXPECT_EQ(roads.out.datagrams().front().remote, Crossroads::home(beta));
}

}  // namespace
}  // namespace tinc::plane
