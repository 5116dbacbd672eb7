#include "tinc/config/option_table.hpp"
#include "tinc/config/settings.hpp"
#include "unit/config/configured.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tinc::config {
namespace {

using test::reading_of_lines;
using testing::ElementsAre;
using testing::IsEmpty;

Difference difference_of(const std::string& old_lines, const std::string& fresh_lines) {
    const auto old = reading_of_lines(old_lines).settings;
    const auto fresh = reading_of_lines(fresh_lines).settings;
    return difference(old.value(), fresh.value());
}

TEST(DifferenceTest, IsEmptyBetweenEquals) {
    const auto found = difference_of("ConnectTo = b\n", "ConnectTo = b\n");
    EXPECT_TRUE(found.is_empty());
    EXPECT_THAT(found.messages(), IsEmpty());
}

TEST(DifferenceTest, TellsWhatAReloadAppliesFromWhatNeedsARestart) {
    const auto found = difference_of("ConnectTo = b\nPort = 1\nProxy = http h 1 u old\n",
                                     "ConnectTo = c\nPort = 2\nProxy = http h 1 u new\n"
                                     "Subnet = 10.0.0.0/8\n");
    EXPECT_THAT(found.applied, ElementsAre("ConnectTo", "Proxy", "Subnet"));
    EXPECT_THAT(found.needs_restart, ElementsAre("Port"));
    EXPECT_THAT(found.messages(),
                ElementsAre("Changed: ConnectTo, Proxy, Subnet",
                            "Changed, but without effect until the next start: Port"));
}

/// A value for each variable that differs from its default.
constexpr std::pair<std::string_view, std::string_view> changes[] = {
    {"AddressFamily", "ipv4"},
    {"AutoConnect", "yes"},
    {"BindToAddress", "::1"},
    {"BindToInterface", "eth0"},
    {"Broadcast", "no"},
    {"BroadcastSubnet", "10.0.0.255"},
    {"Cipher", "none"},
    {"ClampMSS", "no"},
    {"Compression", "1"},
    {"ConnectTo", "beta"},
    {"DataWorkers", "2"},
    {"DecrementTTL", "yes"},
    {"Device", "/dev/x"},
    {"DeviceOffload", "no"},
    {"DeviceStandby", "yes"},
    {"DeviceType", "tap"},
    {"Digest", "sha512"},
    {"DirectOnly", "yes"},
    {"Forwarding", "off"},
    {"FWMark", "42"},
    {"GraphDumpFile", "/x"},
    {"Hostnames", "yes"},
    {"IffOneQueue", "yes"},
    {"Ed25519PrivateKeyFile", "other"},
    {"ExperimentalProtocol", "no"},
    {"IndirectData", "yes"},
    {"Interface", "vpn"},
    {"KeyExpire", "1"},
    {"ListenAddress", "10.0.0.1"},
    {"LocalDiscovery", "yes"},
    {"MTUInfoInterval", "9"},
    {"UDPDiscovery", "no"},
    {"UDPDiscoveryInterval", "9"},
    {"UDPDiscoveryKeepaliveInterval", "9"},
    {"UDPDiscoveryTimeout", "9"},
    {"UDPInfoInterval", "9"},
    {"LogLevel", "3"},
    {"MACExpire", "1"},
    {"MACLength", "1"},
    {"MaxConnectionBurst", "1"},
    {"MaxOutputBufferSize", "1"},
    {"MaxTimeout", "1"},
    {"MinTimeout", "1"},
    {"Mode", "hub"},
    {"PingInterval", "30"},
    {"PingTimeout", "1"},
    {"PMTU", "1000"},
    {"PMTUDiscovery", "no"},
    {"Port", "1"},
    {"PriorityInheritance", "yes"},
    {"PrivateKeyFile", "/x"},
    {"ProcessPriority", "high"},
    {"Proxy", "exec x"},
    {"PublicKey", "1"},
    {"ReplayWindow", "1"},
    {"ScriptsExtension", ".sh"},
    {"ScriptsInterpreter", "/x"},
    {"StrictKeys", "yes"},
    {"StrictSubnets", "yes"},
    {"Subnet", "10.0.0.0/8"},
    {"TunnelServer", "yes"},
    {"UDPOffload", "no"},
    {"UDPRcvBuf", "1"},
    {"UDPSndBuf", "1"},
    {"UPnP", "yes"},
    {"UPnPDiscoverWait", "1"},
    {"UPnPRefreshPeriod", "1"},
    {"VDEGroup", "vde"},
    {"VDEPort", "1"},
};

TEST(DifferenceTest, SeesEveryVariable) {
    for (const auto& [variable, value] : changes) {
        const auto found =
            difference_of("", std::string(variable) + " = " + std::string(value) + "\n");
        const auto name = std::string(variable);
        if (variable == "TunnelServer") continue;  // Implies another, below.
        if (option(variable).reloadable)
            EXPECT_THAT(found.applied, ElementsAre(name));
        else
            EXPECT_THAT(found.needs_restart, ElementsAre(name));
    }
}

TEST(ReloadedTest, TakesExactlyWhatTheDifferenceCallsApplied) {
    for (const auto& [variable, value] : changes) {
        const auto running = reading_of_lines("").settings.value();
        const auto fresh =
            reading_of_lines(std::string(variable) + " = " + std::string(value) + "\n").settings;
        const auto now = reloaded(running, fresh.value());
        const auto& known = option(variable);
        EXPECT_EQ(difference(running, now).is_empty(), !known.reloadable) << variable;
        EXPECT_EQ(difference(now, fresh.value()).is_empty(), known.reloadable) << variable;
    }
}

TEST(ReloadedTest, KeepsWhatTheCommandLineSaid) {
    auto running = reading_of_lines("").settings.value();
    running.bypass_security = true;
    EXPECT_TRUE(reloaded(running, reading_of_lines("").settings.value()).bypass_security);
}

TEST(DifferenceTest, HostFilesOfOthersAreSubnetsToo) {
    const auto running = reading_of_lines("StrictSubnets = yes\n").settings.value();
    auto fresh = running;
    fresh.host_subnets["beta"] = {wire::parse_subnet("10.2.0.0/16").value()};
    EXPECT_THAT(difference(running, fresh).applied, ElementsAre("Subnet"));
    EXPECT_EQ(reloaded(running, fresh).host_subnets, fresh.host_subnets);
}

TEST(DifferenceTest, SeesWhatAVariableImplies) {
    EXPECT_THAT(difference_of("", "TunnelServer = yes\n").needs_restart,
                ElementsAre("StrictSubnets", "TunnelServer"));
    EXPECT_THAT(difference_of("", "TCPOnly = yes\n").needs_restart,
                ElementsAre("IndirectData", "PMTUDiscovery", "TCPOnly"));
}

TEST(DifferenceTest, NoVariableIsForgotten) {
    for (const auto& known : option_table()) {
        // Of peers, of a later version, without any value here; or tested above, or in need of
        // another to be accepted.
        static constexpr std::string_view elsewhere[] = {
            "Address", "Ed25519PublicKey", "Ed25519PublicKeyFile",
            "Name",    "PrivateKey",       "PublicKeyFile",
            "Sandbox", "TCPOnly",          "Weight"};
        const auto covered = known.standing == Standing::idle ||
                             std::ranges::find(elsewhere, known.name) != std::end(elsewhere) ||
                             std::ranges::find(changes, known.name, [](const auto& c) {
                                 return c.first;
                             }) != std::end(changes);
        EXPECT_TRUE(covered) << known.name;
    }
}

}  // namespace
}  // namespace tinc::config
