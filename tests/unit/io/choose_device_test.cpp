#include "io/choose_device.hpp"

#include "support/recorded_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tinc::io {
namespace {

using config::RoutingMode;

struct Choice {
    std::string name;
    std::string type;
    RoutingMode mode;
    std::string description;
};

class DeviceChoiceTest : public testing::TestWithParam<Choice> {
  protected:
    test::RecordedLog log_;
};

TEST_P(DeviceChoiceTest, FollowsTypeAndMode) {
    config::Settings settings;
    settings.device_type = GetParam().type;
    settings.mode = GetParam().mode;
    const auto device = choose_device(settings, "vpn", Queues::one, log_);
    ASSERT_TRUE(device) << device.error().what;
    EXPECT_EQ((*device)->info().description, GetParam().description);
}

INSTANTIATE_TEST_SUITE_P(
    Io, DeviceChoiceTest,
    testing::Values(Choice{"router", "", RoutingMode::router, "Linux tun/tap device (tun mode)"},
                    Choice{"switch", "", RoutingMode::switching, "Linux tun/tap device (tap mode)"},
                    Choice{"hub", "", RoutingMode::hub, "Linux tun/tap device (tap mode)"},
                    Choice{"tap", "tap", RoutingMode::router, "Linux tun/tap device (tap mode)"},
                    Choice{"tun", "tun", RoutingMode::hub, "Linux tun/tap device (tun mode)"},
                    Choice{"dummy", "dummy", RoutingMode::router, "dummy device"},
                    Choice{"raw_socket", "raw_socket", RoutingMode::router, "raw_socket"},
                    Choice{"multicast", "multicast", RoutingMode::router, "multicast socket"},
                    Choice{"uml", "uml", RoutingMode::router, "UML network socket"},
                    Choice{"fd", "fd", RoutingMode::router, "fd adapter"}),
    [](const auto& choice) { return choice.param.name; });

/// What the log and the scripts are told before anything is open.
struct Names {
    std::string name;
    std::string type;
    std::string device;
    std::string interface;
    std::string greeting;
    std::string told_interface;
};

class DeviceNamesTest : public testing::TestWithParam<Names> {
  protected:
    test::RecordedLog log_;
};

TEST_P(DeviceNamesTest, AreThoseOfTheOriginal) {
    config::Settings settings;
    settings.device_type = GetParam().type;
    settings.device = GetParam().device;
    settings.interface = GetParam().interface;
    const auto device = choose_device(settings, "vpn", Queues::one, log_);
    ASSERT_TRUE(device) << device.error().what;
    EXPECT_EQ((*device)->greeting(), GetParam().greeting);
    EXPECT_EQ((*device)->interface(), GetParam().told_interface);
}

INSTANTIATE_TEST_SUITE_P(
    Io, DeviceNamesTest,
    testing::Values(
        Names{"tun", "tun", "", "", "/dev/net/tun is a Linux tun/tap device (tun mode)", "vpn"},
        Names{"tun_named", "tun", "/dev/tun", "tun7",
              "/dev/tun is a Linux tun/tap device (tun mode)", "tun7"},
        Names{"dummy", "dummy", "/dev/x", "y", "dummy (dummy) is a dummy device", "dummy"},
        Names{"raw_socket", "raw_socket", "", "", "eth0 is a raw_socket", "eth0"},
        Names{"raw_socket_named", "raw_socket", "blah", "eth1", "blah is a raw_socket", "eth1"},
        Names{"multicast", "multicast", "239.1.1.1 5000 7", "foo",
              "239.1.1.1 5000 7 is a multicast socket", "foo"},
        Names{"uml", "uml", "", "", "/run/tinc.vpn.umlsocket is a UML network socket", ""},
        Names{"uml_named", "uml", "/tmp/uml", "foo", "/tmp/uml is a UML network socket", "foo"}),
    [](const auto& names) { return names.param.name; });

class ChooseDeviceTest : public testing::Test {
  protected:
    std::string refusal(const std::string& netname = "") {
        const auto device = choose_device(settings_, netname, Queues::one, log_);
        return device ? "" : device.error().what;
    }
    config::Settings settings_;
    test::RecordedLog log_;
};

TEST_F(ChooseDeviceTest, RefusesUnknownTypes) {
    settings_.device_type = "foo";
    EXPECT_EQ(refusal(), "Unknown device type foo!");
}

TEST_F(ChooseDeviceTest, CutsANetnameThatIsTooLongForAnInterface) {
    const auto device = choose_device(settings_, "a_very_long_netname", Queues::one, log_);
    ASSERT_TRUE(device);
    EXPECT_EQ((*device)->interface(), "a_very_long_net");
}

TEST_F(ChooseDeviceTest, SaysWhatToDoWithoutTheKernelModule) {
    settings_.device = "/nonexistent/tun";
    settings_.places.add("Device", "tinc.conf line 2: Device = /nonexistent/tun");
    const auto device = choose_device(settings_, "", Queues::one, log_);
    ASSERT_TRUE(device);
    const auto opened = open_device(**device, settings_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().what,
              "Could not open /nonexistent/tun: No such file or directory. Is the tun module "
              "loaded? Try: modprobe tun (tinc.conf line 2: Device = /nonexistent/tun)");
}

TEST_F(ChooseDeviceTest, NeverReadsAndTakesEverythingAsDummy) {
    settings_.device_type = "dummy";
    const auto device = choose_device(settings_, "", Queues::one, log_);
    ASSERT_TRUE(device && (*device)->open());
    packet::Packet frame;
    frame.clear();
    EXPECT_EQ((*device)->read(frame), Device::Reading::nothing);
    EXPECT_TRUE((*device)->write(frame));
    EXPECT_EQ((*device)->descriptor(), -1);
}

}  // namespace
}  // namespace tinc::io
