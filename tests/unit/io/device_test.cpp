#include "io/device.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tinc::io {
namespace {

struct Choice {
    std::string name;
    std::string type;
    config::RoutingMode mode;
    std::string description;
};

class DeviceChoiceTest : public testing::TestWithParam<Choice> {};

TEST_P(DeviceChoiceTest, FollowsTypeAndMode) {
    config::Settings settings;
    settings.device_type = GetParam().type;
    settings.mode = GetParam().mode;
    const auto device = Device::choose(settings, "vpn");
    ASSERT_TRUE(device) << device.error().what;
    EXPECT_EQ(device->info().description, GetParam().description);
}

INSTANTIATE_TEST_SUITE_P(
    Io, DeviceChoiceTest,
    testing::Values(
        Choice{"router", "", config::RoutingMode::router, "Linux tun/tap device (tun mode)"},
        Choice{"switch", "", config::RoutingMode::switching, "Linux tun/tap device (tap mode)"},
        Choice{"hub", "", config::RoutingMode::hub, "Linux tun/tap device (tap mode)"},
        Choice{"tap", "tap", config::RoutingMode::router, "Linux tun/tap device (tap mode)"},
        Choice{"tun", "tun", config::RoutingMode::hub, "Linux tun/tap device (tun mode)"},
        Choice{"dummy", "dummy", config::RoutingMode::router, "dummy device"}),
    [](const auto& choice) { return choice.param.name; });

TEST(DeviceTest, IsCalledLikeTheNetUnlessConfigured) {
    config::Settings settings;
    EXPECT_EQ(Device::choose(settings, "vpn")->interface(), "vpn");
    settings.interface = "tun7";
    EXPECT_EQ(Device::choose(settings, "vpn")->interface(), "tun7");
}

TEST(DeviceTest, RefusesUnknownTypes) {
    config::Settings settings;
    settings.device_type = "foo";
    EXPECT_EQ(Device::choose(settings, "").error().what, "Unknown device type foo!");
}

TEST(DeviceTest, SaysWhatToDoWithoutTheKernelModule) {
    config::Settings settings;
    settings.device = "/nonexistent/tun";
    auto device = Device::choose(settings, "");
    ASSERT_TRUE(device);
    const auto opened = device->open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().what,
              "Could not open /nonexistent/tun: No such file or directory. Is the tun module "
              "loaded? Try: modprobe tun");
}

TEST(DeviceTest, NeverReadsAndTakesEverythingAsDummy) {
    config::Settings settings;
    settings.device_type = "dummy";
    auto device = Device::choose(settings, "");
    ASSERT_TRUE(device && device->open());
    packet::Packet frame;
    frame.clear();
    EXPECT_EQ(device->read(frame), Device::Reading::nothing);
    EXPECT_TRUE(device->write(frame));
    EXPECT_EQ(device->descriptor(), -1);
}

}  // namespace
}  // namespace tinc::io
