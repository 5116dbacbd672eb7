#include "tinc/config/recent_addresses.hpp"

#include "tinc/base/limits.hpp"

#include <gmock/gmock.h>

#include <string>

namespace tinc::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t slot_bytes = 32;

Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

/// A file that begins with these bytes.
std::vector<std::byte> file_of(std::string_view hex) {
    auto file = parse_hex(hex).value();
    file.resize(recent_addresses_file_bytes);
    return file;
}

std::vector<Endpoint> parsed(const std::vector<std::byte>& file) {
    return parse_recent_addresses(file).value();
}

// One entry, 10.111.0.2 port 655, as tinc 1.1 wrote it.
const auto recorded = file_of("01000000010000000200028f0a6f0002");

TEST(RecentAddressesTest, ReadsAndWritesWhatTinc11Does) {
    EXPECT_THAT(parsed(recorded), ElementsAre(endpoint("10.111.0.2", 655)));
    const auto written = recent_addresses_file(std::vector{endpoint("10.111.0.2", 655)});
    EXPECT_THAT(written, testing::ElementsAreArray(recorded));
}

TEST(RecentAddressesTest, SurvivesARoundTrip) {
    auto link_local = endpoint("fe80::1", 700);
    link_local.address = Address::v6({std::byte{0xfe},
                                      std::byte{0x80},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      {},
                                      std::byte{1}},
                                     3);
    const std::vector recent = {endpoint("192.0.2.1", 655), endpoint("2001:db8::2", 65'535),
                                link_local, endpoint("192.0.2.1", 1)};
    const auto file = recent_addresses_file(recent);
    const auto again = parse_recent_addresses(file);
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(*again, recent);
}

TEST(RecentAddressesTest, AnIpv6AddressHasItsPlaces) {
    const auto file = recent_addresses_file(std::vector{endpoint("2001:db8::2", 655)});
    EXPECT_EQ(hex_text(std::span(file).subspan(8, slot_bytes)),
              "0A00028F0000000020010DB80000000000000000000000020000000000000000");
}

TEST(RecentAddressesTest, NoneIsAFileToo) {
    EXPECT_THAT(parsed(file_of("0100000000000000")), IsEmpty());
    const auto file = recent_addresses_file({});
    EXPECT_EQ(hex_text(std::span(file).first(8)), "0100000000000000");
}

struct BadFile {
    std::string_view name;
    std::string_view hex;
    std::size_t size_bytes = recent_addresses_file_bytes;
};

class RecentAddressesRejects : public testing::TestWithParam<BadFile> {};

TEST_P(RecentAddressesRejects, AsMalformed) {
    auto file = file_of(GetParam().hex);
    file.resize(GetParam().size_bytes);
    const auto result = parse_recent_addresses(file);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::malformed);
}
INSTANTIATE_TEST_SUITE_P(Config, RecentAddressesRejects,
                         testing::Values(BadFile{"empty", "", 0},
                                         BadFile{"too_short", "0100000000000000", 263},
                                         BadFile{"too_long", "0100000000000000", 265},
                                         BadFile{"other_version", "0200000000000000"},
                                         BadFile{"other_byte_order", "0000000100000000"},
                                         BadFile{"nine_addresses", "0100000009000000"},
                                         BadFile{"very_many", "01000000ffffffff"}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RecentAddressesTest, LeavesOutWhatNobodyCanConnectTo) {
    for (const auto* slot : {"00000000", "0100028f0a6f0002",
                             "02000000"
                             "0a6f0002",
                             "0200028f00000000", "0200028fe0000001", "0a00028f"}) {
        EXPECT_THAT(parsed(file_of("0100000001000000" + std::string(slot))), IsEmpty()) << slot;
    }
}

TEST(RecentAddressesTest, LeavesOutRepetitions) {
    const auto slot = std::string("0200028f0a6f0002") + std::string(48, '0');
    EXPECT_THAT(parsed(file_of("0100000002000000" + slot + slot)),
                ElementsAre(endpoint("10.111.0.2", 655)));
}

TEST(RecentAddressesTest, TheLatestComesFirstAndTheOldestFallsOut) {
    std::vector<Endpoint> recent;
    for (std::uint16_t port = 1; port <= 10; ++port)
        recent = with_latest(std::move(recent), endpoint("192.0.2.1", port));
    ASSERT_EQ(recent.size(), limits::recent_addresses);
    EXPECT_EQ(recent.front().port, 10);
    EXPECT_EQ(recent.back().port, 3);
    recent = with_latest(std::move(recent), endpoint("192.0.2.1", 5));
    ASSERT_EQ(recent.size(), limits::recent_addresses);
    EXPECT_EQ(recent.front().port, 5);
    EXPECT_EQ(recent[1].port, 10);
    EXPECT_EQ(recent.back().port, 3);
}

}  // namespace
}  // namespace tinc::config
