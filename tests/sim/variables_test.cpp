// What variables do that shows only where datagrams travel: how UDP is looked for, and what is
// taken of what arrives.

#include "sim/simulation.hpp"
#include "tinc/mesh/mesh.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace tinc::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Two nodes and a hub between them, all with the same further line in their tinc.conf.
class Trio {
  public:
    Trio(const std::string& line, bool speaks_11) : sim(3) {
        for (const auto* name : {"hub", "left", "right"}) {
            HostOptions options;
            options.name = name;
            if (options.name != "hub") options.connect_to = {"hub"};
            options.speaks_11 = speaks_11;
            options.tinc_conf = line;
            options.log_level = Level::protocol;
            sim.add(options);
        }
        sim.start_all();
        EXPECT_TRUE(sim.run_until([this] { return sim.is_converged(); }, seconds(10)));
    }
    /// A packet each way, twice a second.
    void talk(seconds time) {
        for (auto left = 2 * time.count(); left > 0; --left) {
            sim.inject(1, 2, ++number);
            sim.inject(2, 1, ++number);
            sim.run_for(milliseconds(500));
        }
    }
    /// How often the last packet arrived at its end.
    [[nodiscard]] std::ptrdiff_t times_delivered() const {
        return std::ranges::count(sim.deliveries(), number, &Delivery::number);
    }
    [[nodiscard]] std::uint64_t datagrams_during(seconds time) {
        const auto before = sim.datagrams();
        talk(time);
        return sim.datagrams() - before;
    }
    [[nodiscard]] std::ptrdiff_t times_told(std::string_view what) const {
        return std::ranges::count_if(sim.log(1), [&](const std::string& line) {
            return line.starts_with("Sending " + std::string(what));
        });
    }

    Simulation sim;
    std::uint32_t number = 0;
};

TEST(ReplayWindowTest, OfNoSizeTakesAPacketTwice) {
    const auto times_taken = [](const std::string& line) {
        Trio trio(line, false);
        trio.talk(seconds(10));
        trio.sim.weather.duplication = 1.0;
        trio.talk(seconds(2));
        return trio.times_delivered();
    };
    EXPECT_EQ(times_taken(""), 1);
    EXPECT_GT(times_taken("ReplayWindow = 0"), 1);
}

/// Whether packets still arrive after UDP has been blocked for so long.
bool arrives_without_udp(const std::string& line, seconds time) {
    Trio trio(line, true);
    trio.talk(seconds(10));
    trio.sim.weather.blocks_udp = true;
    trio.talk(time);
    return trio.times_delivered() == 1;
}

TEST(UdpDiscoveryTest, IsWhatSendsPacketsByTcpWhereUdpIsBlocked) {
    EXPECT_TRUE(arrives_without_udp("", seconds(45)));
    EXPECT_FALSE(arrives_without_udp("UDPDiscovery = no", seconds(45)));
}

TEST(UdpDiscoveryTest, TriesAsOftenAsItIsTold) {
    const auto tries = [](const std::string& line) {
        Trio trio(line, true);
        trio.sim.weather.blocks_udp = true;
        return trio.datagrams_during(seconds(60));
    };
    EXPECT_GT(tries(""), 5 * tries("UDPDiscoveryInterval = 30"));
}

TEST(UdpDiscoveryTest, KeepsAWayAsOftenAsItIsTold) {
    const auto datagrams = [](const std::string& line) {
        Trio trio(line, true);
        trio.talk(seconds(60));
        return trio.datagrams_during(seconds(60));
    };
    EXPECT_GT(datagrams("UDPDiscoveryKeepaliveInterval = 1"), datagrams("") + 60);
}

TEST(UdpDiscoveryTest, GivesAWayUpWhenItIsTold) {
    // Nobody uses it: what is sent finds out for itself.
    const auto is_given_up = [](const std::string& line) {
        Trio trio(line, true);
        trio.talk(seconds(10));
        const auto& mesh = trio.sim.node(1).mesh();
        const auto hub = mesh.graph().find("hub").value();
        EXPECT_TRUE(mesh.has_udp_contact(hub));
        trio.sim.weather.blocks_udp = true;
        trio.sim.run_for(seconds(15));
        return !mesh.has_udp_contact(hub);
    };
    EXPECT_FALSE(is_given_up(""));
    EXPECT_TRUE(is_given_up("UDPDiscoveryTimeout = 5\nUDPDiscoveryKeepaliveInterval = 2"));
}

TEST(PathNewsTest, ComeAsOftenAsTheyAreTold) {
    const auto times_told = [](const std::string& line, std::string_view what) {
        Trio trio(line, true);
        trio.sim.partition({1}, {2});  // they need the hub as a relay
        trio.talk(seconds(60));
        return trio.times_told(what);
    };
    EXPECT_GT(times_told("", "UDP_INFO"), 4 * times_told("UDPInfoInterval = 30", "UDP_INFO"));
    EXPECT_GT(times_told("", "MTU_INFO"), 4 * times_told("MTUInfoInterval = 30", "MTU_INFO"));
}

}  // namespace
}  // namespace tinc::sim
