// Each variable that the option table calls reloadable, by name, and what a reload makes of it.

#include "support/frames.hpp"
#include "support/node_world.hpp"
#include "tinc/config/option_table.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/plane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using plane::Drop;
using test::endpoint;
using test::NodeWorld;

const Endpoint beta_at = endpoint("10.99.1.2", 42'705);

/// A Node with beta beside it, gamma behind beta, and a ConnectTo that leads nowhere.
class Scene {
  public:
    Scene() : world(with_delta()) {
        beta = world.join("beta", beta_at);
        for (const auto* line :
             {"12 1 beta alpha 10.99.1.1 655 c 3", "12 2 beta gamma 10.99.1.3 655 d 3",
              "12 3 gamma beta 10.99.1.2 655 d 3", "10 4 beta 10.2.0.0/16",
              "10 5 gamma 10.3.0.0/16"})
            world.tell(*beta, line);
        world.rest();
        world.talk(*beta);
        world.tell(*beta, "16 beta alpha " + std::string(96, 'A') + " 427 672 4 0");
        world.log.lines.clear();
        world.effects.clear();
    }

    void reload(std::string_view line) {
        world.node->reload({with_delta(line), {}}, world.now);
        world.settle();
    }
    void pass(Duration time) {
        world.pass_time(time);
        world.talk(*beta);
    }
    void from_device(const test::Frame& frame) {
        packet::Batch batch;
        batch.add().assign(frame);
        world.node->from_device(batch, world.now);
    }
    void from_beta(const test::Frame& frame) {
        beta->end.peer->send_packet(frame, world.now);
        world.talk(*beta);
    }
    [[nodiscard]] std::uint64_t dropped(Drop reason) const {
        return world.node->plane().dropped(reason);
    }
    static config::Settings with_delta(std::string_view line = "") {
        return test::settings_of("Subnet = 192.168.77.1/32\nConnectTo = delta\n" +
                                 std::string(line));
    }

    NodeWorld world;
    std::unique_ptr<test::Member> beta;
};

test::Frame packet_for(std::string_view destination, std::uint8_t hop_limit = 64) {
    return test::udp_frame(
        {.source = "10.2.0.1", .destination = destination, .hop_limit = hop_limit}, 100);
}

bool probes_the_lan(Scene& scene) {
    for (int second = 0; second < 5; ++second) {
        scene.world.now += 1s;
        scene.world.node->on_time(scene.world.now);
        for (const auto& sending : scene.world.node->outbox().datagrams())
            if (sending.is_broadcast) return true;
        scene.world.settle();
    }
    return false;
}

struct Reloadable {
    std::string_view name;
    std::string_view line;
    bool (*shows)(Scene&);  ///< some time after the reload; false without the line
};

// clang-format off
const Reloadable reloadables[] = {
    {"AutoConnect", "AutoConnect = yes",
     [](Scene& scene) { return scene.world.all<ScanHosts>().size() == 1; }},
    {"Broadcast", "Broadcast = no",
     [](Scene& scene) { scene.from_device(packet_for("224.0.0.5")); return scene.dropped(Drop::no_subnet) == 1; }},
    {"BroadcastSubnet", "BroadcastSubnet = 10.2.255.255",
     [](Scene& scene) { scene.from_device(packet_for("10.2.255.255")); return scene.world.log.contains("Broadcasting packet"); }},
    {"ConnectTo", "ConnectTo = gamma",
     [](Scene& scene) { return std::ranges::any_of(scene.world.all<LoadHost>(), [](const LoadHost& load) { return load.name == "gamma"; }); }},
    {"DecrementTTL", "DecrementTTL = yes",
     [](Scene& scene) { scene.from_beta(packet_for("10.3.0.1", 1)); return scene.dropped(Drop::hop_limit) == 1; }},
    {"DirectOnly", "DirectOnly = yes",
     [](Scene& scene) { scene.from_device(packet_for("10.3.0.1")); return scene.dropped(Drop::prohibited) == 1; }},
    {"Forwarding", "Forwarding = off",
     [](Scene& scene) { scene.from_beta(packet_for("10.4.0.1")); return scene.dropped(Drop::prohibited) == 1; }},
    {"KeyExpire", "KeyExpire = 1",
     [](Scene& scene) { scene.pass(10s); return scene.world.log.contains("Expiring symmetric keys"); }},
    {"LocalDiscovery", "LocalDiscovery = yes", probes_the_lan},
    {"MaxOutputBufferSize", "MaxOutputBufferSize = 1",
     [](Scene& scene) {
         scene.world.node->retry(scene.world.now);
         static_cast<void>(scene.world.node->take_outgoing(scene.beta->id));  // a PING, not written yet
         for (int i = 0; i < 2; ++i) scene.from_device(packet_for("10.2.0.2"));
         return scene.world.answer(scene.beta->id).size() < 200;
     }},
    {"MaxTimeout", "MaxTimeout = 7",
     [](Scene& scene) { return scene.world.log.contains("outgoing connection in 7 seconds"); }},
    {"MinTimeout", "MinTimeout = 77",
     [](Scene& scene) {
         for (const auto& wanted : scene.world.all<Resolve>())
             scene.world.node->resolved(wanted.query, failure(Errc::system, "no such name"), scene.world.now);
         return scene.world.log.contains("outgoing connection in 77 seconds");
     }},
    {"PingInterval", "PingInterval = 1",
     [](Scene& scene) { scene.pass(2s); return scene.world.log.contains("Sending PING to beta"); }},
    {"PingTimeout", "PingTimeout = 1",
     [](Scene& scene) { const auto id = scene.world.connect(endpoint("10.0.0.9", 9)); scene.pass(2s); return scene.world.is_closed(id); }},
    {"PMTU", "PMTU = 1000",
     [](Scene& scene) {
         const auto again = scene.world.join("beta", beta_at);
         const auto& mesh = scene.world.node->mesh();
         return mesh.path_mtu(mesh.graph().find("beta").value())->mtu() == 1'000;
     }},
    {"Proxy", "Proxy = http proxy.example 80",
     [](Scene& scene) {
         for (const auto& wanted : scene.world.all<Resolve>())
             scene.world.node->resolved(wanted.query, std::vector{beta_at}, scene.world.now);
         scene.world.settle();
         return scene.world.all<Resolve>().back().host == "proxy.example";
     }},
    {"Subnet", "Subnet = 10.9.0.0/16",
     [](Scene& scene) { return scene.world.node->mesh().graph().has_subnet(graph::Graph::self, test::subnet("10.9.0.0/16")); }},
};

/// Read by floor 5: for each attempt to connect, each new socket, drawing and script. Or of a
/// switch or of keys, and tested by itself; or of tunnels of protocol 1.1, and tested with them.
const std::set<std::string_view> elsewhere = {
    "Address", "BindToInterface", "GraphDumpFile", "Hostnames", "LogLevel", "MACExpire",
    "MTUInfoInterval", "ScriptsExtension", "ScriptsInterpreter", "StrictKeys", "UDPDiscovery", "UDPDiscoveryInterval", "UDPDiscoveryKeepaliveInterval",
    "UDPDiscoveryTimeout", "UDPInfoInterval"};
// clang-format on

class ReloadableTest : public testing::TestWithParam<Reloadable> {
  protected:
    void SetUp() override {
        // What leads nowhere at once, or only after its name was asked for.
        if (GetParam().name == "MinTimeout" || GetParam().name == "Proxy")
            scene.world.hosts["delta"].addresses = {{"delta", ""}};
        if (GetParam().name == "Forwarding") {
            const auto delta = scene.world.join("delta", endpoint("10.99.1.4", 42'705));
            scene.world.tell(*delta, "12 8 delta alpha 10.99.1.1 655 c 3");
            scene.world.tell(*delta, "10 9 delta 10.4.0.0/16");
            scene.world.rest();
            scene.world.talk(*scene.beta);
        }
    }
    Scene scene;
};

TEST_P(ReloadableTest, TakesEffect) {
    scene.reload(GetParam().line);
    EXPECT_TRUE(GetParam().shows(scene));
}

TEST_P(ReloadableTest, IsNotThereWithoutTheChange) {
    scene.reload("");
    EXPECT_FALSE(GetParam().shows(scene));
}
INSTANTIATE_TEST_SUITE_P(Of, ReloadableTest, testing::ValuesIn(reloadables),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ReloadMacExpireTest, TakesEffectForWhatIsSeenFromThenOn) {
    NodeWorld world(test::settings_of("Mode = switch"));
    const auto see = [&] {
        packet::Batch batch;
        batch.add().assign(packet_for("10.2.0.1"));
        world.node->from_device(batch, world.now);
        world.settle();
    };
    see();
    world.pass_time(20s);
    EXPECT_FALSE(world.log.contains(" expired"));
    world.node->reload({test::settings_of("Mode = switch\nMACExpire = 1"), {}}, world.now);
    see();
    world.pass_time(20s);
    EXPECT_TRUE(world.log.contains(" expired"));
}

TEST(ReloadStrictKeysTest, TakesEffectForKeysThatAreSoughtFromThenOn) {
    const auto complains = [](const std::string& line) {
        test::SeededRandom random(5);
        const auto key = std::make_shared<const crypto::Ed25519PrivateKey>(
            crypto::Ed25519PrivateKey::generate(random));
        NodeWorld world(test::settings_of(""), Level::traffic, 655, {test::small_key(), key});
        const auto beta = world.join("beta", beta_at);
        for (const auto* news :
             {"12 1 beta alpha 10.99.1.1 655 c 3", "12 2 beta gamma 10.99.1.3 655 700000c 3",
              "12 3 gamma beta 10.99.1.2 655 700000c 3", "10 4 gamma 10.3.0.0/16"})
            world.tell(*beta, news);
        world.rest();
        world.node->reload({test::settings_of(line), {}}, world.now);
        packet::Batch batch;
        batch.add().assign(packet_for("10.3.0.1"));
        world.node->from_device(batch, world.now);
        world.settle();
        return world.log.contains("No Ed25519 key of gamma is in its host file, and StrictKeys");
    };
    EXPECT_FALSE(complains(""));
    EXPECT_TRUE(complains("StrictKeys = yes"));
}

TEST(ReloadableTableTest, NamesEveryVariableThatTheOptionTableCallsReloadable) {
    std::set<std::string_view> named = elsewhere;
    for (const auto& reloadable : reloadables) named.insert(reloadable.name);
    std::set<std::string_view> promised;
    for (const auto& known : config::option_table())
        if (known.has_effect() && known.reloadable) promised.insert(known.name);
    EXPECT_EQ(named, promised);
}

}  // namespace
}  // namespace tinc::node
