// DeviceStandby: tinc-up and tinc-down go by whether anybody is there.

#include "support/node_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::NodeWorld;
using testing::ElementsAre;
using testing::IsEmpty;

class StandbyTest : public testing::Test {
  protected:
    static config::Settings with_standby() {
        auto settings = NodeWorld::default_settings();
        settings.device_standby = true;
        return settings;
    }

    StandbyTest() { static_cast<void>(scripts()); }

    void reach(test::Member& member, const std::string& name) {
        world.tell(member, "12 1 " + name + " alpha 10.99.1.1 655 c 3");
        world.rest();
    }
    void lose(test::Member& member) {
        world.node->closed(member.id, "", world.now);
        world.settle();
        world.rest();
    }
    /// Those wanted since the last call.
    std::vector<std::string> scripts() {
        std::vector<std::string> names;
        for (const auto& script : world.all<RunScript>()) names.push_back(script.script);
        world.effects.clear();
        return names;
    }

    NodeWorld world{with_standby()};
    std::unique_ptr<test::Member> beta = world.join("beta", endpoint("10.99.1.2", 42'705));
};

TEST_F(StandbyTest, TheDeviceIsUpAroundTheFirstAndTheLastNode) {
    reach(*beta, "beta");
    EXPECT_THAT(scripts(), ElementsAre("tinc-up", "host-up", "hosts/beta-up"));
    const auto gamma = world.join("gamma", endpoint("10.99.1.3", 42'705));
    reach(*gamma, "gamma");
    EXPECT_THAT(scripts(), ElementsAre("host-up", "hosts/gamma-up"));
    lose(*beta);
    EXPECT_THAT(scripts(), ElementsAre("host-down", "hosts/beta-down"));
    lose(*gamma);
    EXPECT_THAT(scripts(), ElementsAre("host-down", "hosts/gamma-down", "tinc-down"));
}

TEST_F(StandbyTest, WhatIsUpAtTheEndComesDownOnce) {
    reach(*beta, "beta");
    static_cast<void>(scripts());
    world.node->stop(world.now);
    world.node->device_closing(world.now);
    world.settle();
    EXPECT_THAT(scripts(), ElementsAre("host-down", "hosts/beta-down", "subnet-down", "tinc-down"));
}

TEST_F(StandbyTest, WhatIsDownAtTheEndStaysSo) {
    world.node->stop(world.now);
    world.node->device_closing(world.now);
    world.settle();
    EXPECT_THAT(scripts(), ElementsAre("subnet-down"));
}

TEST_F(StandbyTest, ADeviceThatComesBackIsBroughtUpOnlyIfItWas) {
    world.node->device_reopened(world.now);
    world.settle();
    EXPECT_THAT(scripts(), IsEmpty());
    reach(*beta, "beta");
    static_cast<void>(scripts());
    world.node->device_reopened(world.now);
    world.settle();
    EXPECT_THAT(scripts(), ElementsAre("tinc-up"));
}

TEST(NoStandbyTest, ADeviceThatComesBackIsBroughtUp) {
    NodeWorld world;
    world.effects.clear();
    world.node->device_reopened(world.now);
    world.settle();
    ASSERT_EQ(world.all<RunScript>().size(), 1U);
    EXPECT_EQ(world.all<RunScript>()[0].script, "tinc-up");
}

}  // namespace
}  // namespace tinc::node
