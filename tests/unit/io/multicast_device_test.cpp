#include "io/multicast_device.hpp"

#include "support/recorded_log.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tinc::io {
namespace {

struct BadGroup {
    std::string name;
    std::string device;
    std::string complaint;
};

class MulticastDeviceRefuses : public testing::TestWithParam<BadGroup> {};

TEST_P(MulticastDeviceRefuses, WithAnExplanation) {
    test::RecordedLog log;
    MulticastDevice device(GetParam().device, "", log);
    const auto opened = device.open();
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().what.starts_with(GetParam().complaint)) << opened.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    Io, MulticastDeviceRefuses,
    testing::Values(BadGroup{"no_such_port", "239.1.1.1 nosuchport",
                             "Error looking up 239.1.1.1 port nosuchport: "},
                    BadGroup{"address_of_others", "192.0.2.1 5000",
                             "Can't bind to 192.0.2.1 5000: Cannot assign requested address"},
                    BadGroup{"no_group", "127.0.0.1 0",
                             "Cannot join multicast group 127.0.0.1 0: Invalid argument. Is it"}),
    [](const auto& bad) { return bad.param.name; });

TEST(MulticastDeviceTest, WarnsOfATtlThatIsNone) {
    test::RecordedLog log;
    MulticastDevice device("127.0.0.1 0 abc", "", log);
    EXPECT_FALSE(device.open());
    EXPECT_TRUE(
        log.contains("The TTL of Device = 127.0.0.1 0 abc is not a number from 0 to 255, "
                     "1 is used"));
}

}  // namespace
}  // namespace tinc::io
