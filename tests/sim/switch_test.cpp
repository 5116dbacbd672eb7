// A mesh that is one Ethernet segment: many nodes in switch mode, with a host behind each device.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace tinc::sim {
namespace {

using std::chrono::seconds;

constexpr std::size_t mesh_size = 12;
constexpr MacAddress everybody{std::byte{0xff}, std::byte{0xff}, std::byte{0xff},
                               std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};

MacAddress mac(std::size_t number) {
    return {std::byte{2}, std::byte{0}, std::byte{0},
            std::byte{0}, std::byte{0}, static_cast<std::byte>(number)};
}

/// Connected as chance will have it, with loops.
class Segment {
  public:
    explicit Segment(std::uint64_t seed, seconds mac_expire = seconds(600),
                     config::RoutingMode mode = config::RoutingMode::switching)
        : sim(seed) {
        for (std::size_t i = 0; i < mesh_size; ++i) {
            const auto known = static_cast<std::uint32_t>(i);
            HostOptions options{.name = fmt::format("n{}", i),
                                .connect_to = {},
                                .lan = {},
                                .adjust = [=](config::Settings& settings) {
                                    settings.mode = mode;
                                    settings.mac_expire = mac_expire;
                                    settings.subnets.clear();
                                }};
            for (int calls = 0; i > 0 && calls < 2; ++calls)
                options.connect_to.push_back(fmt::format("n{}", sim.random().below(known)));
            sim.add(options);
        }
        sim.start_all();
    }

    /// All paths known, keys exchanged.
    [[nodiscard]] bool settle() {
        if (!sim.run_until([this] { return sim.is_converged(); }, seconds(60))) return false;
        for (HostIndex from = 0; from < mesh_size; ++from) broadcast(from);
        sim.run_for(seconds(15));
        return true;
    }
    std::uint32_t broadcast(HostIndex from) {
        sim.inject_ethernet(from, mac(from), everybody, ++last_number);
        return last_number;
    }
    std::uint32_t send(HostIndex from, const MacAddress& source, const MacAddress& destination) {
        sim.inject_ethernet(from, source, destination, ++last_number);
        return last_number;
    }
    /// At which hosts a frame came out, and how often.
    [[nodiscard]] std::map<HostIndex, int> arrivals(std::uint32_t number) const {
        std::map<HostIndex, int> count;
        for (const auto& delivery : sim.deliveries())
            if (delivery.number == number) ++count[delivery.host];
        return count;
    }
    [[nodiscard]] std::map<HostIndex, int> all_but(HostIndex sender) const {
        std::map<HostIndex, int> count;
        for (HostIndex host = 0; host < mesh_size; ++host)
            if (host != sender) count[host] = 1;
        return count;
    }
    /// Who answers for an address, as a node sees it: "n3", "n1 n2" or "".
    [[nodiscard]] std::string owners(HostIndex viewer, const MacAddress& address) {
        const auto& graph = sim.node(viewer).mesh().graph();
        std::string names;
        for (const auto& [subnet, owner] : graph.subnets())
            if (wire::mac_of(subnet) == address)
                names += (names.empty() ? "" : " ") + graph.name(owner);
        return names;
    }
    [[nodiscard]] bool everybody_says(const MacAddress& address, const std::string& owner) {
        for (HostIndex viewer = 0; viewer < mesh_size; ++viewer)
            if (owners(viewer, address) != owner) return false;
        return true;
    }

    Simulation sim;
    std::uint32_t last_number = 0;
};

class SwitchMeshTest : public testing::TestWithParam<int> {};

TEST_P(SwitchMeshTest, EachFrameArrivesExactlyOnceWhereItBelongs) {
    Segment segment(static_cast<std::uint64_t>(GetParam()));
    ASSERT_TRUE(segment.settle()) << segment.sim.disagreement();
    for (HostIndex from = 0; from < mesh_size; ++from) {
        const auto to = (from + 5) % mesh_size;
        const auto group = segment.broadcast(from);
        const auto unknown = segment.send(from, mac(from), mac(0x77));
        const auto known = segment.send(from, mac(from), mac(to));
        segment.sim.run_for(seconds(1));
        EXPECT_EQ(segment.arrivals(group), segment.all_but(from)) << from;
        EXPECT_EQ(segment.arrivals(unknown), segment.all_but(from)) << from;
        EXPECT_EQ(segment.arrivals(known), (std::map<HostIndex, int>{{to, 1}})) << from;
    }
}

TEST_P(SwitchMeshTest, AHostIsWhereItWasLastHeardHoweverOftenItMoves) {
    Segment segment(static_cast<std::uint64_t>(GetParam()) + 100);
    ASSERT_TRUE(segment.settle()) << segment.sim.disagreement();
    const auto mobile = mac(0x55);
    HostIndex place = 0;
    for (int move = 0; move < 20; ++move) {
        place = (place + 1 + segment.sim.random().below(mesh_size - 1)) % mesh_size;
        segment.send(place, mobile, mac((place + 1) % mesh_size));
        // Sometimes it has moved on before the news has reached everybody.
        segment.sim.run_for(std::chrono::milliseconds(100 + segment.sim.random().below(2'000)));
    }
    segment.sim.run_for(seconds(2));
    segment.send(place, mobile, everybody);
    segment.sim.run_for(seconds(2));
    ASSERT_TRUE(segment.everybody_says(mobile, fmt::format("n{}", place)));
    const auto sender = (place + 3) % mesh_size;
    const auto number = segment.send(sender, mac(sender), mobile);
    segment.sim.run_for(seconds(1));
    EXPECT_EQ(segment.arrivals(number), (std::map<HostIndex, int>{{place, 1}}));
}

TEST_P(SwitchMeshTest, AHostThatIsSilentIsForgottenByAll) {
    Segment segment(static_cast<std::uint64_t>(GetParam()) + 200, seconds(40));
    ASSERT_TRUE(segment.settle()) << segment.sim.disagreement();
    const auto speaking = mac(0x55);
    const auto silent = mac(0x66);
    segment.send(3, silent, everybody);
    for (int i = 0; i < 7; ++i) {
        segment.send(4, speaking, everybody);
        segment.sim.run_for(seconds(10));
    }
    EXPECT_TRUE(segment.everybody_says(speaking, "n4"));
    EXPECT_TRUE(segment.everybody_says(silent, ""));
    const auto number = segment.send(4, speaking, silent);
    segment.sim.run_for(seconds(1));
    EXPECT_EQ(segment.arrivals(number), segment.all_but(4)) << "nobody knows where it is";
}

TEST_P(SwitchMeshTest, AHubIsHeardByAllOnce) {
    Segment segment(static_cast<std::uint64_t>(GetParam()) + 300, seconds(600),
                    config::RoutingMode::hub);
    ASSERT_TRUE(segment.settle()) << segment.sim.disagreement();
    for (HostIndex from = 0; from < mesh_size; ++from) {
        const auto number = segment.send(from, mac(from), mac((from + 5) % mesh_size));
        segment.sim.run_for(seconds(1));
        EXPECT_EQ(segment.arrivals(number), segment.all_but(from)) << from;
    }
    EXPECT_TRUE(segment.everybody_says(mac(1), ""));
}

INSTANTIATE_TEST_SUITE_P(Seeds, SwitchMeshTest, testing::Range(1, 6));

}  // namespace
}  // namespace tinc::sim
