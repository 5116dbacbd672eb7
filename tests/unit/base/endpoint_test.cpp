#include "tinc/base/endpoint.hpp"

#include <gtest/gtest.h>

#include <array>

#include <functional>

namespace tinc {
namespace {

TEST(AddressTest, ParsesOnlyNumericText) {
    EXPECT_EQ(Address::parse("10.99.1.2").value().text(), "10.99.1.2");
    EXPECT_EQ(Address::parse("2001:DB8:0::1").value().text(), "2001:db8::1");
    EXPECT_FALSE(Address::parse("localhost"));
    EXPECT_FALSE(Address::parse("10.1"));
    EXPECT_FALSE(Address::parse("[::1]"));
    EXPECT_FALSE(Address::parse("fe80::1%eth0"));
    EXPECT_FALSE(Address::parse(std::string_view("10.0.0.1\0x", 10)));
}

TEST(AddressTest, TreatsMappedAddressesAsIpv4) {
    EXPECT_EQ(Address::parse("::ffff:10.0.0.1"), Address::parse("10.0.0.1"));
    EXPECT_EQ(Address::parse("::ffff:10.0.0.1")->family(), Family::ipv4);
}

TEST(AddressTest, KnowsSpecialAddresses) {
    EXPECT_TRUE(Address::parse("0.0.0.0")->is_unspecified());
    EXPECT_TRUE(Address::parse("::")->is_unspecified());
    EXPECT_TRUE(Address::parse("224.0.0.1")->is_multicast());
    EXPECT_TRUE(Address::parse("ff02::1")->is_multicast());
    EXPECT_TRUE(Address::parse("127.1.2.3")->is_loopback());
    EXPECT_TRUE(Address::parse("::1")->is_loopback());
    EXPECT_TRUE(Address::parse("fe80::1")->is_link_local());
    EXPECT_FALSE(Address::parse("fec0::1")->is_link_local());
}

TEST(AddressTest, InsideTheVpnAMappedAddressIsIpv6) {
    std::array<std::byte, 16> mapped{};
    mapped[10] = mapped[11] = std::byte{0xff};
    mapped[15] = std::byte{1};
    EXPECT_EQ(Address::v6(mapped).family(), Family::ipv4);
    EXPECT_EQ(Address::inner_v6(mapped).family(), Family::ipv6);
    EXPECT_TRUE(std::ranges::equal(Address::inner_v6(mapped).bytes(), mapped));
    EXPECT_EQ(Address::inner_v6(mapped).text(), "::ffff:0.0.0.1");
}

TEST(MacAddressTest, OnlyOneHostHasAHostAddress) {
    EXPECT_TRUE(is_host_address({std::byte{2}}));
    EXPECT_TRUE(is_host_address({std::byte{0}, std::byte{1}}));
    EXPECT_FALSE(is_host_address({})) << "frames of a tun device";
    EXPECT_FALSE(is_host_address({std::byte{1}, std::byte{0}, std::byte{0x5e}})) << "multicast";
    MacAddress everybody;
    everybody.fill(std::byte{0xff});
    EXPECT_FALSE(is_host_address(everybody));
}

TEST(EndpointTest, PrintsAsTincDoes) {
    const Endpoint endpoint{*Address::parse("10.99.1.2"), 655};
    EXPECT_EQ(endpoint.text(), "10.99.1.2 port 655");
}

TEST(DestinationTest, IsAnEndpointOrAName) {
    const Endpoint endpoint{*Address::parse("fd99::2"), 655};
    EXPECT_EQ(Destination(endpoint).text(), "fd99::2 port 655");
    EXPECT_FALSE(Destination(endpoint).is_named());
    const Destination named("beta.example", 6655);
    EXPECT_EQ(named.text(), "beta.example port 6655");
    EXPECT_TRUE(named.is_named());
    EXPECT_EQ(named.endpoint.port, 6655);
}

TEST(EndpointTest, OrdersByAddressAndPort) {
    const Endpoint a{*Address::parse("10.99.1.2"), 655};
    EXPECT_EQ(a, (Endpoint{*Address::parse("::ffff:10.99.1.2"), 655}));
    EXPECT_LT(a, (Endpoint{a.address, 656}));
    EXPECT_LT(a, (Endpoint{*Address::parse("10.99.1.3"), 1}));
}

TEST(AddressTest, LosesItsScopeAndNothingElse) {
    const std::array<std::byte, 16> bytes{std::byte{0xfe}, std::byte{0x80}};
    const auto scoped = Address::v6(bytes, 3);
    EXPECT_EQ(scoped.scope(), 3U);
    EXPECT_EQ(scoped.without_scope(), Address::v6(bytes));
}

}  // namespace
}  // namespace tinc
