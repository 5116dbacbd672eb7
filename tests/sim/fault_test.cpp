#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/plane/plane.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HostOptions host(std::string name, std::vector<std::string> connect_to = {},
                 std::function<void(config::Settings&)> adjust = {}) {
    return {.name = std::move(name),
            .connect_to = std::move(connect_to),
            .lan = {},
            .adjust = std::move(adjust)};
}

std::ptrdiff_t count_lines(const std::vector<std::string>& lines, std::string_view part) {
    return std::ranges::count_if(
        lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
}

const mesh::PathMtu& path_between(Simulation& sim, HostIndex from, HostIndex to) {
    const auto& mesh = sim.node(from).mesh();
    return *mesh.path_mtu(mesh.graph().find(sim.name(to)).value());
}

/// One packet after another from one host to another; what became of them.
class Traffic {
  public:
    Traffic(Simulation& sim, HostIndex from, HostIndex to) : sim_(sim), from_(from), to_(to) {}

    void run(Duration time, Duration pause, std::size_t frame_bytes = 200) {
        for (const auto end = sim_.now() + time; sim_.now() < end; sim_.run_for(pause))
            sim_.inject(from_, to_, ++sent_, frame_bytes);
    }
    double delivered() const { return static_cast<double>(numbers().size()) / sent_; }
    bool has_doubles() const {
        return std::ranges::any_of(numbers(), [](const auto& entry) { return entry.second > 1; });
    }

  private:
    std::map<std::uint32_t, int> numbers() const {
        std::map<std::uint32_t, int> count;
        for (const auto& delivery : sim_.deliveries())
            if (delivery.host == to_ && delivery.number <= sent_) ++count[delivery.number];
        return count;
    }
    Simulation& sim_;
    HostIndex from_;
    HostIndex to_;
    std::uint32_t sent_ = 0;
};

/// Two nodes that found each other's path MTU.
class PairTest : public testing::Test {
  protected:
    explicit PairTest(std::function<void(config::Settings&)> adjust = {}) {
        a = sim.add(host("a", {}, adjust));
        b = sim.add(host("b", {"a"}, adjust));
        sim.start_all();
        EXPECT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(20)));
        sim.run_for(seconds(45));
    }
    bool has_stayed_up() {
        return std::ranges::count(sim.scripts(a), "host-down") +
                   std::ranges::count(sim.scripts(b), "host-down") ==
               0;
    }

    Simulation sim{17};
    HostIndex a = 0;
    HostIndex b = 0;
};

class LossTest : public PairTest, public testing::WithParamInterface<double> {};

TEST_P(LossTest, CostsWhatIsLostAndNoMore) {
    sim.weather.loss = GetParam();
    Traffic traffic(sim, a, b);
    traffic.run(seconds(90), milliseconds(50));
    EXPECT_GT(traffic.delivered(), (1 - GetParam()) * 0.95);
    EXPECT_FALSE(traffic.has_doubles());
    EXPECT_TRUE(has_stayed_up());
    EXPECT_EQ(count_lines(sim.log(a), "Expiring"), 0);
}
INSTANTIATE_TEST_SUITE_P(Loss, LossTest, testing::Values(0.01, 0.1, 0.3));

class LossySearchTest : public testing::TestWithParam<double> {};

TEST_P(LossySearchTest, StillFindsThePathMtu) {
    constexpr std::size_t truth = 1'451;  // a 1500-byte path, AES-CBC and a MAC of 4 bytes
    Simulation sim(23);
    sim.weather.loss = GetParam();
    const auto a = sim.add(host("a"));
    const auto b = sim.add(host("b", {"a"}));
    sim.start_all();
    sim.run_for(seconds(60));
    EXPECT_LE(path_between(sim, a, b).min_mtu(), truth);
    EXPECT_GE(path_between(sim, a, b).min_mtu() + 28, truth);
}
INSTANTIATE_TEST_SUITE_P(Loss, LossySearchTest, testing::Values(0.0, 0.01, 0.1));

TEST_F(PairTest, LosesNothingToReorderAndDuplicates) {
    sim.weather = {
        .duplication = 0.05, .shortest_delay = milliseconds(5), .longest_delay = milliseconds(300)};
    Traffic traffic(sim, a, b);
    traffic.run(seconds(10), milliseconds(5));
    sim.run_for(seconds(1));
    EXPECT_EQ(traffic.delivered(), 1.0);
    EXPECT_FALSE(traffic.has_doubles());
}

TEST_F(PairTest, DropsWhatComesLaterThanTheWindowAndGoesOn) {
    sim.weather.longest_delay = milliseconds(2'000);
    Traffic wild(sim, a, b);
    wild.run(seconds(5), milliseconds(2));
    sim.run_for(seconds(3));
    EXPECT_LT(wild.delivered(), 0.9);
    EXPECT_GT(sim.node(b).plane().dropped(plane::Drop::replayed), 0U);
    EXPECT_FALSE(wild.has_doubles());
    sim.weather = {};
    const auto before = sim.deliveries().size();
    sim.inject(a, b, 1'000'000);
    sim.run_for(seconds(1));
    EXPECT_EQ(sim.deliveries().size(), before + 1);
    EXPECT_TRUE(has_stayed_up());
}

TEST_F(PairTest, LosesOnlyWhatIsCorrupted) {
    sim.weather.corruption = 0.01;
    Traffic traffic(sim, a, b);
    traffic.run(seconds(60), milliseconds(20));
    EXPECT_GT(traffic.delivered(), 0.97);
    EXPECT_GT(sim.node(b).plane().dropped(plane::Drop::forged), 0U);
    EXPECT_EQ(sim.node(b).plane().dropped(plane::Drop::damaged), 0U) << "the MAC comes first";
    EXPECT_TRUE(has_stayed_up());
}

class QuickPingTest : public PairTest {
  protected:
    QuickPingTest()
        : PairTest([](config::Settings& settings) { settings.ping_interval = seconds(10); }) {}
};

TEST_F(QuickPingTest, FallsBackToTcpWhenUdpDiesAndComesBack) {
    ASSERT_GT(path_between(sim, a, b).min_mtu(), 0U);
    sim.weather.blocks_udp = true;
    sim.run_for(seconds(20));
    Traffic by_tcp(sim, a, b);
    by_tcp.run(seconds(5), milliseconds(50));
    sim.run_for(seconds(1));
    EXPECT_EQ(by_tcp.delivered(), 1.0);
    sim.weather.blocks_udp = false;
    EXPECT_TRUE(
        sim.run_until([&] { return path_between(sim, a, b).min_mtu() > 1'000; }, seconds(30)));
}

TEST(KeyExpiryTest, LosesAlmostNothingUnderTraffic) {
    const auto quick = [](config::Settings& settings) { settings.key_expire = seconds(5); };
    Simulation sim(31);
    const auto hub = sim.add(host("hub", {}, quick));
    const auto one = sim.add(host("one", {"hub"}, quick));
    const auto two = sim.add(host("two", {"hub"}, quick));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(20)));
    sim.inject(one, two, 1);
    sim.inject(two, one, 1);
    sim.run_for(seconds(45));
    ASSERT_GT(count_lines(sim.log(hub), "Connection"), 0);
    for (const auto& [from, to] : {std::pair{hub, one}, std::pair{one, two}}) {
        Traffic traffic(sim, from, to);
        // Numbers begin anew, so what was delivered before must not count.
        const auto before = sim.deliveries().size();
        traffic.run(seconds(60), milliseconds(20));
        sim.run_for(seconds(1));
        EXPECT_GT(static_cast<double>(sim.deliveries().size() - before), 3'000 * 0.999)
            << sim.name(from) << " to " << sim.name(to);
    }
}

TEST(SameNameTest, IsNoticedAndDoesNotSpin) {
    Simulation sim(37);
    const auto north = sim.add(host("north"));
    const auto south = sim.add(host("south", {"north"}));
    const auto twin = sim.add(host("twin", {"north"}));
    const auto other = sim.add(host("twin", {"south"}));
    sim.start_all();
    sim.run_for(seconds(300));
    EXPECT_GT(count_lines(sim.log(twin), "Possible node with same Name as us!") +
                  count_lines(sim.log(other), "Possible node with same Name as us!"),
              0);
    for (const auto hub : {north, south})
        EXPECT_LE(count_lines(sim.log(hub), "Connection from"), 300 / 5);
    EXPECT_TRUE(sim.reachable(north).contains("south"));
}

TEST(SameNameTest, OnOneHubTakesTurnsSlowly) {
    Simulation sim(41);
    const auto hub = sim.add(host("hub"));
    sim.add(host("twin", {"hub"}));
    sim.add(host("twin", {"hub"}));
    sim.start_all();
    sim.run_for(seconds(300));
    EXPECT_LE(count_lines(sim.log(hub), "Connection from"), 300 / 5);
    EXPECT_GT(count_lines(sim.log(hub), "Established a second connection with twin"), 0);
}

/// A tree that holds all together, with some further connections. Returns how many there are.
std::size_t add_mesh(Simulation& sim, std::size_t size) {
    std::size_t connections = 0;
    for (std::size_t i = 0; i < size; ++i) {
        std::vector<std::string> targets;
        if (i > 0) targets.push_back(fmt::format("n{}", (i - 1) / 3));
        if (i > 3 && i % 3 == 0) targets.push_back(fmt::format("n{}", i - 2));
        connections += targets.size();
        sim.add(host(fmt::format("n{}", i), targets));
    }
    return connections;
}

TEST(RestartAllTest, ConvergesSoonAndCheaply) {
    constexpr std::size_t size = 40;
    constexpr std::size_t line_bytes = 64;
    Simulation sim(43);
    const auto connections = add_mesh(sim, size);
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)));
    sim.run_for(seconds(20));
    for (HostIndex i = 0; i < size; ++i) sim.kill(i);
    const auto before = sim.meta_bytes();
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(30)))
        << sim.disagreement();
    const auto bound = 4 * (2 * connections + size) * connections * line_bytes;
    EXPECT_LE(sim.meta_bytes() - before, bound);
    sim.run_for(seconds(120));
    const auto rested = sim.meta_bytes();
    sim.run_for(seconds(120));
    EXPECT_LE(sim.meta_bytes() - rested, connections * 200) << "a quiet mesh only pings";
}

TEST(RelayTest, RequestsForKeysDoNotCircleWhileRoutesChange) {
    Simulation sim(47);
    for (int i = 0; i < 6; ++i)
        sim.add(host(fmt::format("n{}", i),
                     {fmt::format("n{}", (i + 1) % 6), fmt::format("n{}", (i + 2) % 6)}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(30)));
    sim.run_for(seconds(30));
    const auto before = sim.meta_bytes();
    for (std::uint32_t round = 0; round < 20; ++round) {
        sim.partition({round % 6}, {(round + 1) % 6, (round + 3) % 6});
        for (HostIndex from = 0; from < 6; ++from)
            for (HostIndex to = 0; to < 6; ++to)
                if (from != to) sim.inject(from, to, round);
        sim.run_for(seconds(3));
        sim.heal();
    }
    EXPECT_LT(sim.meta_bytes() - before, 500'000U);
}

TEST(FlappingHubTest, DisturbsNobodyWhoHasAnotherWay) {
    Simulation sim(53);
    sim.add(host("steady"));
    const auto flapping = sim.add(host("flapping"));
    for (int i = 0; i < 10; ++i) sim.add(host(fmt::format("leaf{}", i), {"steady", "flapping"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(20)));
    for (int i = 0; i < 30; ++i) {
        sim.kill(flapping);
        sim.run_for(seconds(5));
        sim.start(flapping);
        sim.run_for(seconds(5));
    }
    for (HostIndex leaf = 2; leaf < sim.host_count(); ++leaf)
        for (const auto& script : sim.scripts(leaf))
            EXPECT_TRUE(!script.starts_with("hosts/") || !script.ends_with("-down") ||
                        script == "hosts/flapping-down")
                << script;
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(60)));
}

TEST(PartitionTest, HalvesWorkAndBecomeOneAgain) {
    Simulation sim(59);
    sim.add(host("a1"));
    sim.add(host("a2", {"a1"}));
    sim.add(host("a3", {"a1", "a2"}));
    sim.add(host("b1", {"a1", "a2"}));
    sim.add(host("b2", {"b1", "a3"}));
    sim.add(host("b3", {"b1", "b2"}));
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(30)));
    sim.run_for(seconds(20));
    sim.partition({0, 1, 2}, {3, 4, 5});
    sim.run_for(seconds(120));
    EXPECT_EQ(sim.reachable(0), (std::set<std::string>{"a1", "a2", "a3"}));
    EXPECT_EQ(sim.reachable(5), (std::set<std::string>{"b1", "b2", "b3"}));
    sim.inject(0, 2, 1);
    sim.inject(3, 5, 2);
    sim.run_for(seconds(2));
    EXPECT_TRUE(sim.was_delivered(2, 1));
    EXPECT_TRUE(sim.was_delivered(5, 2));
    sim.heal();
    EXPECT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(120)));
}

TEST(RoamingTest, ALostNatMappingIsLearntAnew) {
    Simulation sim(61);
    const auto hub = sim.add(host("hub"));
    const auto laptop = sim.add({.name = "laptop", .connect_to = {"hub"}, .lan = 1, .adjust = {}});
    sim.start_all();
    ASSERT_TRUE(sim.run_until([&] { return sim.is_converged(); }, seconds(20)));
    sim.run_for(seconds(40));
    for (std::uint32_t round = 1; round <= 3; ++round) {
        sim.internet.forget_mappings(1);
        sim.inject(laptop, hub, 10 * round);
        sim.run_for(seconds(1));
        EXPECT_TRUE(sim.was_delivered(hub, 10 * round));
        sim.inject(hub, laptop, 10 * round + 1);
        sim.run_for(seconds(1));
        EXPECT_TRUE(sim.was_delivered(laptop, 10 * round + 1));
    }
}

TEST(CrossingTest, TwoThatDialEachOtherSettleOnOneConnectionAtOnce) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        Simulation sim(seed);
        sim.weather.shortest_delay = std::chrono::milliseconds(100);
        sim.weather.longest_delay = std::chrono::milliseconds(120);
        sim.add({.name = "a", .connect_to = {"b"}, .lan = {}, .adjust = {}});
        sim.add({.name = "b", .connect_to = {"a"}, .lan = {}, .adjust = {}});
        sim.start_all();
        sim.run_for(std::chrono::seconds(60));
        EXPECT_TRUE(sim.is_converged());
        for (const HostIndex host : {HostIndex{0}, HostIndex{1}}) {
            const auto activations =
                std::ranges::count_if(sim.log(host), [](const std::string& line) {
                    return line.starts_with("Connection with ") && line.ends_with(" activated");
                });
            EXPECT_LE(activations, 2) << sim.name(host);
        }
    }
}

}  // namespace
}  // namespace tinc::sim
