#include "tinc/base/endpoint.hpp"

#include <gtest/gtest.h>

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

TEST(EndpointTest, PrintsAsTincDoes) {
    const Endpoint endpoint{*Address::parse("10.99.1.2"), 655};
    EXPECT_EQ(endpoint.text(), "10.99.1.2 port 655");
}

TEST(EndpointTest, HashesByAddressAndPort) {
    const std::hash<Endpoint> hash;
    const Endpoint a{*Address::parse("10.99.1.2"), 655};
    EXPECT_EQ(hash(a), hash(Endpoint{*Address::parse("::ffff:10.99.1.2"), 655}));
    EXPECT_NE(hash(a), hash(Endpoint{a.address, 656}));
}

}  // namespace
}  // namespace tinc
