#include "tinc/node/assemble.hpp"

#include "support/peer_pair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace tinc::node {
namespace {

using config::Settings;
using testing::HasSubstr;

Settings plain_settings() {
    Settings settings;
    settings.name = "alpha";
    return settings;
}

Result<Parts> assembled(const Settings& settings) {
    return assemble(settings, {test::small_key(), nullptr}, "a device");
}

struct Refusal {
    std::string_view name;
    void (*adjust)(Settings&);
    std::string_view complaint;
};

class Unusable : public testing::TestWithParam<Refusal> {};

TEST_P(Unusable, IsRefusedByName) {
    auto settings = plain_settings();
    GetParam().adjust(settings);
    const auto parts = assembled(settings);
    ASSERT_FALSE(parts);
    EXPECT_EQ(parts.error().code, Errc::refused);
    EXPECT_THAT(parts.error().what, HasSubstr(GetParam().complaint));
}
INSTANTIATE_TEST_SUITE_P(Settings, Unusable,
                         testing::Values(Refusal{"cipher", [](Settings& s) { s.cipher = "rot13"; },
                                                 "Unrecognized cipher type!"},
                                         Refusal{"digest", [](Settings& s) { s.digest = "crc32"; },
                                                 "Unrecognized digest type!"},
                                         Refusal{"mac_too_long",
                                                 [](Settings& s) { s.mac_length_bytes = 33; },
                                                 "MACLength = 33, sha256 has 32"}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(AssembleTest, AMacMayBeAsLongAsItsDigest) {
    auto settings = plain_settings();
    settings.mac_length_bytes = 32;
    const auto parts = assembled(settings);
    ASSERT_TRUE(parts) << parts.error().what;
    EXPECT_EQ(parts->mesh.suite.mac_bytes, 32U);
}

TEST(AssembleTest, WithoutADigestTheMacLengthDoesNotMatter) {
    auto settings = plain_settings();
    settings.digest = "none";
    settings.mac_length_bytes = 64;
    EXPECT_TRUE(assembled(settings));
}

TEST(AssembleTest, TheMetaCipherFollowsTheKeyLengthOfThePacketCipher) {
    auto settings = plain_settings();
    EXPECT_EQ(assembled(settings)->peer.meta_cipher.nid, 429);
    settings.cipher = "aes-192-cbc";
    EXPECT_EQ(assembled(settings)->peer.meta_cipher.nid, 425);
    settings.cipher = "none";
    EXPECT_EQ(assembled(settings)->peer.meta_cipher.nid, 421);
}

TEST(AssembleTest, OwnOptionsAreWhatDumpsShow) {
    auto settings = plain_settings();
    EXPECT_EQ(assembled(settings)->mesh.options, 0xcU);
    settings.tcp_only = true;
    settings.pmtu_discovery = false;
    EXPECT_EQ(assembled(settings)->mesh.options, 0xbU);
}

TEST(AssembleTest, TunnelServersTrustLeastAndBroadcastNothing) {
    auto settings = plain_settings();
    EXPECT_EQ(assembled(settings)->mesh.trust, mesh::Trust::everybody);
    settings.strict_subnets = true;
    EXPECT_EQ(assembled(settings)->mesh.trust, mesh::Trust::host_files);
    EXPECT_EQ(assembled(settings)->plane.broadcast, plane::Broadcast::tree);
    settings.tunnel_server = true;
    EXPECT_EQ(assembled(settings)->mesh.trust, mesh::Trust::neighbours);
    EXPECT_EQ(assembled(settings)->plane.broadcast, plane::Broadcast::local);
    settings.broadcast = config::Broadcast::no;
    EXPECT_EQ(assembled(settings)->plane.broadcast, plane::Broadcast::no);
}

TEST(AssembleTest, EveryPartTakesWhatConcernsIt) {
    auto settings = plain_settings();
    settings.ping_timeout = std::chrono::seconds(7);
    settings.max_output_buffer_bytes = 1'000;
    settings.mode = config::RoutingMode::switching;
    settings.mac_expire = std::chrono::seconds(9);
    settings.forwarding = config::Forwarding::kernel;
    settings.broadcast = config::Broadcast::direct;
    settings.decrement_ttl = true;
    settings.pmtu = 1'400;
    const auto parts = assembled(settings);
    ASSERT_TRUE(parts);
    EXPECT_EQ(parts->peer.name, "alpha");
    EXPECT_EQ(parts->peer.ping_timeout, std::chrono::seconds(7));
    EXPECT_EQ(parts->peer.max_output_buffer_bytes, 1'000U);
    EXPECT_EQ(parts->mesh.ping_timeout, std::chrono::seconds(7));
    EXPECT_EQ(parts->mesh.pmtu, 1'400U);
    EXPECT_EQ(parts->mesh.mac_expire, std::chrono::seconds(9));
    EXPECT_EQ(parts->plane.mode, plane::Mode::switching);
    EXPECT_EQ(parts->plane.forwarding, plane::Forwarding::kernel);
    EXPECT_EQ(parts->plane.broadcast, plane::Broadcast::direct);
    EXPECT_TRUE(parts->plane.decrement_ttl);
    EXPECT_EQ(parts->plane.own_mtu, 1'400U);
    EXPECT_EQ(parts->plane.device, "a device");
}

}  // namespace
}  // namespace tinc::node
