// What each variable does, one case at least for every variable of the table.

#include "tinc/config/option_table.hpp"
#include "tinc/config/parser.hpp"
#include "unit/config/configured.hpp"

#include "support/test_data.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace tinc::config {
namespace {

using namespace std::chrono_literals;
using test::reading_of_lines;
using testing::ElementsAre;

using testing::IsEmpty;

using Expectation = bool (*)(const Settings&);

struct Case {
    std::string_view variable;
    std::string_view value;
    Expectation holds;
};

std::string digits_of_a_modulus() {
    auto modulus = std::string(256, '5');
    modulus.front() = 'b';
    modulus.back() = '7';
    return modulus;
}

// clang-format off
const std::vector<Case> cases = {
    {"AddressFamily", "any", [](const Settings& s) { return s.address_family == AddressFamily::any; }},
    {"AddressFamily", "IPv4", [](const Settings& s) { return s.address_family == AddressFamily::ipv4; }},
    {"AddressFamily", "ipv6", [](const Settings& s) { return s.address_family == AddressFamily::ipv6; }},
    {"AutoConnect", "yes", [](const Settings& s) { return s.auto_connect == true && s.remembers_addresses; }},
    {"AutoConnect", "no", [](const Settings& s) { return s.auto_connect == false && !s.remembers_addresses; }},
    {"BindToAddress", "*", [](const Settings& s) { return s.bind_to_address == std::vector<HostPort>{{"*", ""}}; }},
    {"BindToAddress", "10.0.0.1  700", [](const Settings& s) { return s.bind_to_address == std::vector<HostPort>{{"10.0.0.1", "700"}}; }},
    {"BindToAddress", "::1 tinc", [](const Settings& s) { return s.bind_to_address == std::vector<HostPort>{{"::1", "tinc"}}; }},
    {"BindToInterface", "eth0", [](const Settings& s) { return s.bind_to_interface == "eth0"; }},
    {"Broadcast", "no", [](const Settings& s) { return s.broadcast == Broadcast::no; }},
    {"Broadcast", "mst", [](const Settings& s) { return s.broadcast == Broadcast::mst; }},
    {"Broadcast", "yes", [](const Settings& s) { return s.broadcast == Broadcast::mst; }},
    {"Broadcast", "direct", [](const Settings& s) { return s.broadcast == Broadcast::direct; }},
    {"BroadcastSubnet", "10.255.255.255", [](const Settings& s) { return s.broadcast_subnets.size() == 1 && wire::subnet_text(s.broadcast_subnets[0]) == "10.255.255.255/32#10"; }},
    {"Cipher", "aes-128-cbc", [](const Settings& s) { return s.cipher == "aes-128-cbc"; }},
    {"Cipher", "none", [](const Settings& s) { return s.cipher == "none"; }},
    {"ClampMSS", "no", [](const Settings& s) { return !s.clamp_mss; }},
    {"Compression", "11", [](const Settings& s) { return s.compression == 11; }},
    {"ConnectTo", "beta", [](const Settings& s) { return s.connect_to == std::vector<std::string>{"beta"}; }},
    {"DataWorkers", "3", [](const Settings& s) { return s.data_workers == 3; }},
    {"DecrementTTL", "yes", [](const Settings& s) { return s.decrement_ttl; }},
    {"Device", "/dev/tap0", [](const Settings& s) { return s.device == "/dev/tap0"; }},
    {"DeviceOffload", "no", [](const Settings& s) { return !s.device_offload; }},
    {"DeviceStandby", "yes", [](const Settings& s) { return s.device_standby; }},
    {"DeviceType", "TAP", [](const Settings& s) { return s.device_type == "tap"; }},
    {"DeviceType", "dummy", [](const Settings& s) { return s.device_type == "dummy"; }},
    {"DeviceType", "raw_socket", [](const Settings& s) { return s.device_type == "raw_socket"; }},
    {"DeviceType", "uml", [](const Settings& s) { return s.device_type == "uml"; }},
    {"Digest", "sha512", [](const Settings& s) { return s.digest == "sha512"; }},
    {"Digest", "none", [](const Settings& s) { return s.digest == "none" && s.mac_length_bytes == 4; }},
    {"DirectOnly", "yes", [](const Settings& s) { return s.direct_only; }},
    {"Ed25519PrivateKeyFile", "/etc/key", [](const Settings& s) { return s.ed25519_private_key_file == "/etc/key"; }},
    {"Ed25519PublicKey", "MmlT3ne4hjdQgBMphrU6JhxWlE2FCURw6aCqkFghToF", [](const Settings& s) { return s.own_ed25519_public_key->text() == "MmlT3ne4hjdQgBMphrU6JhxWlE2FCURw6aCqkFghToF"; }},
    {"ExperimentalProtocol", "no", [](const Settings& s) { return s.experimental_protocol == false; }},
    {"Forwarding", "off", [](const Settings& s) { return s.forwarding == Forwarding::off; }},
    {"Forwarding", "internal", [](const Settings& s) { return s.forwarding == Forwarding::internal; }},
    {"Forwarding", "Kernel", [](const Settings& s) { return s.forwarding == Forwarding::kernel; }},
    {"FWMark", "42", [](const Settings& s) { return s.firewall_mark == 42; }},
    {"GraphDumpFile", "/tmp/x.dot", [](const Settings& s) { return s.graph_dump_file == "/tmp/x.dot"; }},
    {"Hostnames", "YES", [](const Settings& s) { return s.hostnames; }},
    {"IffOneQueue", "yes", [](const Settings& s) { return s.iff_one_queue; }},
    {"IndirectData", "yes", [](const Settings& s) { return s.indirect_data && !s.tcp_only; }},
    {"Interface", "vpn", [](const Settings& s) { return s.interface == "vpn"; }},
    {"KeyExpire", "7200", [](const Settings& s) { return s.key_expire == 7200s; }},
    {"KeyExpire", "90 # seconds", [](const Settings& s) { return s.key_expire == 90s; }},
    {"ListenAddress", "10.0.0.1 tinc", [](const Settings& s) { return s.listen_address == std::vector<HostPort>{{"10.0.0.1", "tinc"}}; }},
    {"LocalDiscovery", "yes", [](const Settings& s) { return s.local_discovery == true; }},
    {"LocalDiscovery", "no", [](const Settings& s) { return s.local_discovery == false; }},
    {"LogLevel", "3", [](const Settings& s) { return s.log_level == 3; }},
    {"MACExpire", "60", [](const Settings& s) { return s.mac_expire == 60s; }},
    {"MACLength", "32", [](const Settings& s) { return s.mac_length_bytes == 32; }},
    {"MACLength", "0", [](const Settings& s) { return s.mac_length_bytes == 0; }},
    {"MaxConnectionBurst", "1", [](const Settings& s) { return s.max_connection_burst == 1U; }},
    {"MaxOutputBufferSize", "100000", [](const Settings& s) { return s.max_output_buffer_bytes == 100000; }},
    {"MaxTimeout", "30", [](const Settings& s) { return s.max_timeout == 30s; }},
    {"MinTimeout", "30", [](const Settings& s) { return s.min_timeout == 30s; }},
    {"Mode", "ROUTER", [](const Settings& s) { return s.mode == RoutingMode::router; }},
    {"Mode", "switch", [](const Settings& s) { return s.mode == RoutingMode::switching; }},
    {"Mode", "hub", [](const Settings& s) { return s.mode == RoutingMode::hub; }},
    {"MTUInfoInterval", "7", [](const Settings& s) { return s.mtu_info_interval == 7s; }},
    {"PingInterval", "10", [](const Settings& s) { return s.ping_interval == 10s && s.ping_timeout == 5s; }},
    {"PingInterval", "3", [](const Settings& s) { return s.ping_interval == 3s && s.ping_timeout == 3s; }},
    {"PingTimeout", "60", [](const Settings& s) { return s.ping_timeout == 60s; }},
    {"PMTU", "1400", [](const Settings& s) { return s.pmtu == 1400; }},
    {"PMTU", "9000", [](const Settings& s) { return s.pmtu == 1518; }},
    {"PMTUDiscovery", "no", [](const Settings& s) { return !s.pmtu_discovery; }},
    {"Port", "0", [](const Settings& s) { return s.port == "0"; }},
    {"Port", "65535", [](const Settings& s) { return s.port == "65535"; }},
    {"Port", "https", [](const Settings& s) { return s.port == "443"; }},
    {"PriorityInheritance", "yes", [](const Settings& s) { return s.priority_inheritance; }},
    {"PrivateKeyFile", "/etc/key", [](const Settings& s) { return s.private_key_file == "/etc/key"; }},
    {"ProcessPriority", "Low", [](const Settings& s) { return s.process_priority == "low"; }},
    {"ProcessPriority", "high", [](const Settings& s) { return s.process_priority == "high"; }},
    {"Proxy", "none", [](const Settings& s) { return s.proxy.type == ProxyType::none; }},
    {"Proxy", "socks4 h 1 me", [](const Settings& s) { return s.proxy.type == ProxyType::socks4 && s.proxy.server == HostPort{"h", "1"} && s.proxy.user == "me" && s.proxy.password.empty(); }},
    {"Proxy", "SOCKS5  h\t1080  me a  b", [](const Settings& s) { return s.proxy.type == ProxyType::socks5 && s.proxy.server == HostPort{"h", "1080"} && s.proxy.user == "me" && s.proxy.password == "a  b"; }},
    {"Proxy", "http h 80", [](const Settings& s) { return s.proxy.type == ProxyType::http && s.proxy.user.empty(); }},
    {"Proxy", "socks4a h 1080", [](const Settings& s) { return s.proxy.type == ProxyType::socks4a; }},
    {"Proxy", "exec nc  $REMOTEADDRESS 1", [](const Settings& s) { return s.proxy.type == ProxyType::exec && s.proxy.command == "nc  $REMOTEADDRESS 1"; }},
    {"ReplayWindow", "0", [](const Settings& s) { return s.replay_window_bytes == 0; }},
    {"ReplayWindow", "64", [](const Settings& s) { return s.replay_window_bytes == 64; }},
    {"Sandbox", "off", [](const Settings& s) { return s.scripts_extension.empty(); }},
    {"ScriptsExtension", ".sh", [](const Settings& s) { return s.scripts_extension == ".sh"; }},
    {"ScriptsInterpreter", "/bin/dash -x", [](const Settings& s) { return s.scripts_interpreter == "/bin/dash -x"; }},
    {"StrictKeys", "yes", [](const Settings& s) { return s.strict_keys; }},
    {"StrictSubnets", "yes", [](const Settings& s) { return s.strict_subnets; }},
    {"Subnet", "10.0.0.0/8#20", [](const Settings& s) { return s.subnets.size() == 1 && wire::subnet_text(s.subnets[0]) == "10.0.0.0/8#20"; }},
    {"TCPOnly", "yes", [](const Settings& s) { return s.tcp_only && s.indirect_data && !s.pmtu_discovery; }},
    {"TunnelServer", "yes", [](const Settings& s) { return s.tunnel_server; }},
    {"UDPDiscovery", "no", [](const Settings& s) { return !s.udp_discovery; }},
    {"UDPDiscoveryInterval", "7", [](const Settings& s) { return s.udp_discovery_interval == 7s; }},
    {"UDPDiscoveryKeepaliveInterval", "7", [](const Settings& s) { return s.udp_discovery_keepalive_interval == 7s; }},
    {"UDPDiscoveryTimeout", "7", [](const Settings& s) { return s.udp_discovery_timeout == 7s; }},
    {"UDPInfoInterval", "7", [](const Settings& s) { return s.udp_info_interval == 7s; }},
    {"UDPOffload", "no", [](const Settings& s) { return !s.udp_offload; }},
    {"UDPRcvBuf", "65536", [](const Settings& s) { return s.udp_rcvbuf == 65536; }},
    {"UDPSndBuf", "+1", [](const Settings& s) { return s.udp_sndbuf == 1; }},
    {"UPnP", "yes", [](const Settings& s) { return s.upnp == PortForwarding::yes; }},
    {"UPnP", "UDPonly", [](const Settings& s) { return s.upnp == PortForwarding::udp_only; }},
    {"UPnPDiscoverWait", "1", [](const Settings& s) { return s.upnp_discover_wait == 1s; }},
    {"UPnPRefreshPeriod", "600", [](const Settings& s) { return s.upnp_refresh_period == 600s; }},
    // Of our host file, for others to read.
    {"Address", "a.example 700", [](const Settings& s) { return s.port == "655"; }},
    {"Ed25519PublicKeyFile", "/nowhere", [](const Settings& s) { return !s.own_ed25519_public_key; }},
    {"PublicKeyFile", "/nowhere", [](const Settings& s) { return !s.own_public_key; }},
    {"VDEGroup", "vde", [](const Settings& s) { return s.vde_group == "vde"; }},
    {"VDEPort", "7", [](const Settings& s) { return s.vde_port == 7; }},
    {"Weight", "-5", [](const Settings& s) { return s.pmtu == 1518; }},
};
// clang-format on

/// Variables whose cases are tests of their own, below.
const std::vector<std::string_view> cases_below = {"Name", "PrivateKey", "PublicKey"};

/// The value in the file where it belongs.
test::Reading reading_of_case(const Case& tested) {
    const auto line = std::string(tested.variable) + " = " + std::string(tested.value) + "\n";
    if (option(tested.variable).scope == Scope::others)
        return test::reading_of({.host_file = line});
    return reading_of_lines(line);
}

TEST(OptionsTest, EachValueGetsWhereItBelongs) {
    for (const auto& tested : cases) {
        const auto& [variable, value, holds] = tested;
        const auto line = std::string(variable) + " = " + std::string(value) + "\n";
        const auto reading = reading_of_case(tested);
        ASSERT_TRUE(reading.settings) << line << reading.report.errors.front();
        EXPECT_TRUE(holds(*reading.settings)) << line;
    }
}

TEST(OptionsTest, ThereIsACaseForEveryVariable) {
    for (const auto& known : option_table()) {
        const auto covered = known.standing == Standing::idle ||
                             std::ranges::find(cases, known.name, &Case::variable) != cases.end() ||
                             std::ranges::find(cases_below, known.name) != cases_below.end();
        EXPECT_TRUE(covered) << known.name;
    }
}

TEST(OptionsTest, GoodValuesOfWhatActsGiveNoMessage) {
    for (const auto& tested : cases)
        EXPECT_THAT(reading_of_case(tested).report.warnings, IsEmpty())
            << tested.variable << " = " << tested.value;
}

TEST(OptionsTest, WhatIsAbsentIsAsTheTableSays) {
    std::string spelled_out;
    for (const auto& known : option_table()) {
        if (known.fallback.empty()) continue;
        spelled_out += std::string(known.name) + " = " + std::string(known.fallback) + "\n";
    }
    const auto absent = reading_of_lines("").settings;
    const auto written = reading_of_lines(spelled_out);
    ASSERT_TRUE(absent && written.settings);
    EXPECT_TRUE(difference(*absent, *written.settings).is_empty());
    EXPECT_THAT(written.report.warnings, IsEmpty());
}

TEST(OptionsTest, WhatIsAbsentIsAsSettingsIsBorn) {
    const auto absent = reading_of_lines("").settings;
    ASSERT_TRUE(absent);
    EXPECT_THAT(difference(Settings{}, *absent).needs_restart, ElementsAre("Name"));
    EXPECT_THAT(difference(Settings{}, *absent).applied, IsEmpty());
}

TEST(OptionsTest, VariablesWithoutEffectAreNoticedAndTaken) {
    const std::vector<std::string> lines = {"DisableBuggyPeers = yes", "InvitationExpire = 3600"};
    for (const auto& line : lines) {
        const auto reading = reading_of_lines(line + "\n");
        EXPECT_TRUE(reading.settings) << line;
        EXPECT_THAT(reading.report.warnings,
                    ElementsAre(line.substr(0, line.find(' ')) +
                                " in tinc.conf line 2 belongs to tinc 1.1 and has no effect here"));
    }
}

TEST(OptionsTest, ASandboxIsMissed) {
    EXPECT_THAT(reading_of_lines("Sandbox = off\n").report.warnings, IsEmpty());
    const auto reading = reading_of_lines("Sandbox = normal\n");
    EXPECT_TRUE(reading.settings);
    EXPECT_THAT(
        reading.report.warnings,
        ElementsAre("There is no sandbox in this version (tinc.conf line 2: Sandbox = normal)"));
}

TEST(OptionsTest, WeakAlgorithmsAreTakenWithAWarning) {
    const auto reading = reading_of_lines("Cipher = blowfish\nDigest = md4\n");
    ASSERT_TRUE(reading.settings);
    EXPECT_EQ(reading.settings->cipher, "blowfish");
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("bf-cbc is weak, its blocks of 64 bits give text away after some "
                            "gigabytes: better aes-256-cbc (tinc.conf line 2: Cipher = blowfish)",
                            "md4 is weak, collisions of it can be made by hand: better sha256 "
                            "(tinc.conf line 3: Digest = md4)"));
}

TEST(OptionsTest, PmtuDiscoveryCanBeHadWithTcpOnly) {
    const auto reading = reading_of_lines("TCPOnly = yes\nPMTUDiscovery = yes\n");
    ASSERT_TRUE(reading.settings);
    EXPECT_TRUE(reading.settings->pmtu_discovery);
}

TEST(OptionsTest, RepeatedValuesAreKeptOnceInTheirOrder) {
    const auto reading = reading_of_lines(
        "ConnectTo = c\nConnectTo = b\nConnectTo = c\n"
        "Subnet = 10.2.0.0/16\nSubnet = 10.1.0.0/16\nSubnet = 10.2.0.0/16#10\n");
    ASSERT_TRUE(reading.settings);
    EXPECT_THAT(reading.settings->connect_to, ElementsAre("c", "b"));
    ASSERT_EQ(reading.settings->subnets.size(), 2U);
    EXPECT_EQ(wire::subnet_text(reading.settings->subnets[0]), "10.2.0.0/16#10");
    EXPECT_THAT(reading.report.warnings, IsEmpty());
}

TEST(OptionsTest, PrivateKeyAndPublicKeyGoTogether) {
    const auto modulus = digits_of_a_modulus();
    const auto reading = reading_of_lines("PrivateKey = 1234abc\nPublicKey = " + modulus + "\n");
    ASSERT_TRUE(reading.settings) << reading.report.errors.front();
    EXPECT_EQ(reading.settings->private_key_hex, "1234abc");
    EXPECT_EQ(reading.settings->public_key_hex, modulus);
    EXPECT_TRUE(reading.settings->own_public_key);
}

TEST(OptionsTest, OurHostFileTellsOurPublicKey) {
    const auto reading = test::reading_of({.host_file = tinc::test::test_data("alpha.host")});
    ASSERT_TRUE(reading.settings);
    EXPECT_EQ(reading.asked_host, "alpha");
    ASSERT_TRUE(reading.settings->own_public_key);
    EXPECT_EQ(reading.settings->own_public_key->modulus_bytes(), 256U);
    EXPECT_EQ(reading.settings->subnets.size(), 1U);
    EXPECT_THAT(reading.report.warnings, IsEmpty());
}

struct NameCase {
    std::string_view value;
    std::string_view name;
};

class NameTest : public testing::TestWithParam<NameCase> {};

TEST_P(NameTest, MayComeFromTheEnvironment) {
    const auto reading = test::reading_of(
        {.tinc_conf = "Name = " + std::string(GetParam().value) + "\n",
         .environment = {{"VAR", "my-pc.2"}, {"UTF8", "\xc3\xa9"}, {"UNDER", "a_b"}}});
    ASSERT_TRUE(reading.settings) << reading.report.errors.front();
    EXPECT_EQ(reading.settings->name, GetParam().name);
    EXPECT_EQ(reading.asked_host, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(Values, NameTest,
                         testing::Values(NameCase{"alpha_1", "alpha_1"},
                                         NameCase{"$VAR", "my_pc_2"}, NameCase{"$UTF8", "__"},
                                         NameCase{"$UNDER", "a_b"},
                                         NameCase{"$HOST", "vm_example"}));

TEST(NameTest, PrefersTheVariableHostToTheHostName) {
    const auto reading =
        test::reading_of({.tinc_conf = "Name = $HOST\n", .environment = {{"HOST", "other"}}});
    ASSERT_TRUE(reading.settings);
    EXPECT_EQ(reading.settings->name, "other");
}

TEST(NameTest, UsesNoMoreOfTheHostNameThanTinc) {
    Report report;
    Sources sources;
    sources.tinc_conf = {"tinc.conf", "Name = $HOST\n"};
    sources.host_name = std::string(40, 'h');
    const auto settings = read_settings(sources, report);
    ASSERT_TRUE(settings);
    EXPECT_EQ(settings->name, std::string(31, 'h'));
}

TEST(PlacesTest, TellWhereEachValueIsWritten) {
    const auto reading =
        test::reading_of({.tinc_conf = "Name = alpha\nListenAddress = b\n"
                                       "listenaddress = c 1\nProxy = exec secret\n",
                          .host_file = "Port = 1",
                          .options = {"ListenAddress=a"}});
    ASSERT_TRUE(reading.settings);
    const auto& places = reading.settings->places;
    EXPECT_EQ(reading.settings->listen_address.at(2).host, "c");
    EXPECT_EQ(places.of("ListenAddress"), " (command line option 1: ListenAddress = a)");
    EXPECT_EQ(places.of("ListenAddress", 1), " (tinc.conf line 2: ListenAddress = b)");
    EXPECT_EQ(places.of("ListenAddress", 2), " (tinc.conf line 3: listenaddress = c 1)");
    EXPECT_EQ(places.of("ListenAddress", 3), "");
    EXPECT_EQ(places.of("Port"), " (hosts/alpha line 1: Port = 1)");
    EXPECT_EQ(places.of("Proxy"), " (tinc.conf line 4: Proxy)") << "it may have a password";
    EXPECT_EQ(places.of("Device"), "");
}

}  // namespace
}  // namespace tinc::config
