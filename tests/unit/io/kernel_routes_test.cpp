#include "io/kernel_routes.hpp"

#include <gtest/gtest.h>

namespace tinc::io {
namespace {

TEST(KernelRoutesTest, TheLoopbackIsReachedFromItself) {
    KernelRoutes routes;
    const auto local = routes.towards(Address::parse("127.0.0.9").value());
    ASSERT_TRUE(local);
    EXPECT_EQ(local->text(), "127.0.0.1");
}

TEST(KernelRoutesTest, KnowsNoWayToWhatIsNoDestination) {
    KernelRoutes routes;
    EXPECT_FALSE(routes.towards(Address::parse("255.255.255.255").value()));
    EXPECT_FALSE(routes.towards(Address::parse("fe80::1").value())) << "on which link?";
}

}  // namespace
}  // namespace tinc::io
