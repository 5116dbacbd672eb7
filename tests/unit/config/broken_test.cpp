// Broken configurations, each with the exact words the operator gets.

#include "tinc/base/limits.hpp"
#include "tinc/config/option_table.hpp"
#include "tinc/config/parser.hpp"
#include "unit/config/configured.hpp"

#include <gmock/gmock.h>

#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinc::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// Lines of tinc.conf from line 2 on, after `Name = alpha`.
struct Broken {
    std::string_view lines;
    std::string_view message;
};

// The daemon does not start.
// clang-format off
constexpr Broken fatal[] = {
    {"AddressFamily = ipv5", "Invalid address family! (tinc.conf line 2: AddressFamily = ipv5)"},
    {"BindToAddress = a 1 b", "Address and optional port expected for configuration variable BindToAddress in tinc.conf line 2"},
    {"BindToAddress = * 65536", "Address and optional port expected for configuration variable BindToAddress in tinc.conf line 2"},
    {"BindToAddress = * -1", "Address and optional port expected for configuration variable BindToAddress in tinc.conf line 2"},
    {"BindToAddress = 10.0.0.1\x01", "Address and optional port expected for configuration variable BindToAddress in tinc.conf line 2"},
    {"BindToAddress = * 655 # here", "Address and optional port expected for configuration variable BindToAddress in tinc.conf line 2"},
    {"Broadcast = all", "Invalid broadcast mode! (tinc.conf line 2: Broadcast = all)"},
    {"BroadcastSubnet = 10.0.0.255/24", "Network address and prefix length do not match for configuration variable BroadcastSubnet in tinc.conf line 2"},
    {"BroadcastSubnet = all", "Subnet expected for configuration variable BroadcastSubnet in tinc.conf line 2"},
    {"Cipher = rot13", "Unrecognized cipher type! (tinc.conf line 2: Cipher = rot13)"},
    {"Compression = 13", "Bogus compression level! (tinc.conf line 2: Compression = 13)"},
    {"Compression = -1", "Bogus compression level! (tinc.conf line 2: Compression = -1)"},
    {"DeviceType = fd", "Could not read device from configuration! DeviceType = fd needs Device = NUMBER or SOCKET (tinc.conf line 2: DeviceType = fd)"},
    {"Mode = switch\nDevice = 7\nDeviceType = fd", "Switch mode not supported (requires unsupported TAP device)! DeviceType = fd carries bare IP packets and needs Mode = router (tinc.conf line 4: DeviceType = fd)"},
    {"DeviceType = multicast", "Device variable required for multicast socket: Device = ADDRESS PORT [TTL], for example 239.1.2.3 5000 (tinc.conf line 2: DeviceType = multicast)"},
    {"Device = 239.1.2.3\nDeviceType = multicast", "Port number required for multicast socket: Device = ADDRESS PORT [TTL], for example 239.1.2.3 5000 (tinc.conf line 3: DeviceType = multicast)"},
    {"DeviceType = tunnel", "Unknown device type tunnel! (tinc.conf line 2: DeviceType = tunnel)"},
    {"Digest = crc", "Unrecognized digest type! (tinc.conf line 2: Digest = crc)"},
    {"Forwarding = on", "Invalid forwarding mode! (tinc.conf line 2: Forwarding = on)"},
    {"ListenAddress = a 1 b", "Address and optional port expected for configuration variable ListenAddress in tinc.conf line 2"},
    {"ListenAddress = ::1 65536", "Address and optional port expected for configuration variable ListenAddress in tinc.conf line 2"},
    {"MACLength = -1", "Bogus MAC length! (tinc.conf line 2: MACLength = -1)"},
    {"MACLength = 33", "MAC length exceeds size of digest! (tinc.conf line 2: MACLength = 33)"},
    {"Digest = sha1\nMACLength = 21", "MAC length exceeds size of digest! (tinc.conf line 3: MACLength = 21)"},
    {"MaxConnectionBurst = 0", "MaxConnectionBurst cannot be negative! (tinc.conf line 2: MaxConnectionBurst = 0)"},
    {"MaxConnectionBurst = -1", "MaxConnectionBurst cannot be negative! (tinc.conf line 2: MaxConnectionBurst = -1)"},
    {"MaxTimeout = 0", "Bogus maximum timeout! (tinc.conf line 2: MaxTimeout = 0)"},
    {"MaxTimeout = -900", "Bogus maximum timeout! (tinc.conf line 2: MaxTimeout = -900)"},
    {"MinTimeout = -1", "Bogus minimum timeout! (tinc.conf line 2: MinTimeout = -1)"},
    {"Mode = rooter", "Invalid routing mode! (tinc.conf line 2: Mode = rooter)"},
    {"Mode == switch", "Invalid routing mode! (tinc.conf line 2: Mode = = switch)"},
    {"Mode = router # of course", "Invalid routing mode! (tinc.conf line 2: Mode = router # of course)"},
    {"mode = \x1b[31m", "Invalid routing mode! (tinc.conf line 2: mode = ?[31m)"},
    {"Port = 65536", "Port number or service name expected for configuration variable Port in tinc.conf line 2"},
    {"Port = -1", "Port number or service name expected for configuration variable Port in tinc.conf line 2"},
    {"Port = noservice", "Neither a number nor a service that /etc/services knows (tinc.conf line 2: Port = noservice)"},
    {"Port = tinc/udp", "Port number or service name expected for configuration variable Port in tinc.conf line 2"},
    {"Port = 655 # tinc", "Port number or service name expected for configuration variable Port in tinc.conf line 2"},
    {"PrivateKey = 1234", "PrivateKey used but no PublicKey found! (tinc.conf line 2: PrivateKey)"},
    {"PrivateKey = xyz\nPublicKey = b55555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555555557", "Invalid PrivateKey for myself! (tinc.conf line 2: PrivateKey)"},
    {"PublicKey = xyz\nPrivateKey = 1234", "Invalid PublicKey for myself! (tinc.conf line 2: PublicKey = xyz)"},
    {"ProcessPriority = nice", "Invalid priority `nice`! (tinc.conf line 2: ProcessPriority = nice)"},
    {"Proxy = exec", "Argument expected for proxy type exec! (tinc.conf line 2: Proxy)"},
    {"Proxy = http", "Host and port argument expected for proxy! (tinc.conf line 2: Proxy)"},
    {"Proxy = socks4 host", "Host and port argument expected for proxy! (tinc.conf line 2: Proxy)"},
    {"Proxy = socks4a host", "Host and port argument expected for proxy! (tinc.conf line 2: Proxy)"},
    {"Proxy = socks5 host 99999 me secret", "Host and port argument expected for proxy! (tinc.conf line 2: Proxy)"},
    {"Proxy = socks6 host 1 me secret", "Unknown proxy type socks6! (tinc.conf line 2: Proxy)"},
    {"Proxy = http://me:secret@host:1 x", "Unknown proxy type http...! (tinc.conf line 2: Proxy)"},
    {"ReplayWindow = -1", "ReplayWindow cannot be negative! (tinc.conf line 2: ReplayWindow = -1)"},
    {"Sandbox = low", "Bad sandbox value low! (tinc.conf line 2: Sandbox = low)"},
    {"Subnet = 2:0:0:0:0:1/48", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0.0/8#near", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0.256", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0.0/8 10.1.0.0/16", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = all", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0.0/33", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0/8", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = fd00::/129", "Subnet expected for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = 10.0.0.1/8", "Network address and prefix length do not match for configuration variable Subnet in tinc.conf line 2"},
    {"Subnet = fd00::1/64", "Network address and prefix length do not match for configuration variable Subnet in tinc.conf line 2"},
    {"UDPRcvBuf = 0", "UDPRcvBuf cannot be negative! (tinc.conf line 2: UDPRcvBuf = 0)"},
    {"UDPSndBuf = -1", "UDPSndBuf cannot be negative! (tinc.conf line 2: UDPSndBuf = -1)"},
    {"UPnP = tcponly", "Invalid UPnP mode! (tinc.conf line 2: UPnP = tcponly)"},
    {"Cipher", "No value for variable `Cipher' on line 2 while reading config file tinc.conf"},
    {"Cipher =", "No value for variable `Cipher' on line 2 while reading config file tinc.conf"},
    {"=", "No value for variable `' on line 2 while reading config file tinc.conf"},
    {"   ", "No value for variable `' on line 2 while reading config file tinc.conf"},
    {"Ci\x07pher", "No value for variable `Ci?pher' on line 2 while reading config file tinc.conf"},
    {{"Port = 1\0", 9}, "NUL byte on line 2 while reading config file tinc.conf"},
    {"Mode = 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789",
     "Invalid routing mode! (tinc.conf line 2: Mode = 01234567890123456789012345678901234567890123456789012345678901234567890123456789...)"},
};

// The daemon starts, after a warning.
constexpr Broken harmless[] = {
    {"AutoConnect = 1", "\"yes\" or \"no\" expected for configuration variable AutoConnect in tinc.conf line 2"},
    {"DeviceStandby = later", "\"yes\" or \"no\" expected for configuration variable DeviceStandby in tinc.conf line 2"},
    {"ExperimentalProtocol = maybe", "\"yes\" or \"no\" expected for configuration variable ExperimentalProtocol in tinc.conf line 2"},
    {"IffOneQueue = 2", "\"yes\" or \"no\" expected for configuration variable IffOneQueue in tinc.conf line 2"},
    {"UDPDiscovery = sure", "\"yes\" or \"no\" expected for configuration variable UDPDiscovery in tinc.conf line 2"},
    {"ClampMSS = on", "\"yes\" or \"no\" expected for configuration variable ClampMSS in tinc.conf line 2"},
    {"decrementttl = 1", "\"yes\" or \"no\" expected for configuration variable decrementttl in tinc.conf line 2"},
    {"DirectOnly = true", "\"yes\" or \"no\" expected for configuration variable DirectOnly in tinc.conf line 2"},
    {"Hostnames = yes please", "\"yes\" or \"no\" expected for configuration variable Hostnames in tinc.conf line 2"},
    {"IndirectData = y", "\"yes\" or \"no\" expected for configuration variable IndirectData in tinc.conf line 2"},
    {"LocalDiscovery = n", "\"yes\" or \"no\" expected for configuration variable LocalDiscovery in tinc.conf line 2"},
    {"PMTUDiscovery = off", "\"yes\" or \"no\" expected for configuration variable PMTUDiscovery in tinc.conf line 2"},
    {"PriorityInheritance = x", "\"yes\" or \"no\" expected for configuration variable PriorityInheritance in tinc.conf line 2"},
    {"StrictSubnets = x", "\"yes\" or \"no\" expected for configuration variable StrictSubnets in tinc.conf line 2"},
    {"TCPOnly = x", "\"yes\" or \"no\" expected for configuration variable TCPOnly in tinc.conf line 2"},
    {"TunnelServer = x", "\"yes\" or \"no\" expected for configuration variable TunnelServer in tinc.conf line 2"},
    {"Compression = fast", "Integer expected for configuration variable Compression in tinc.conf line 2"},
    {"KeyExpire = hourly", "Integer expected for configuration variable KeyExpire in tinc.conf line 2"},
    {"KeyExpire = 99999999999", "Integer of at most 32 bits expected for configuration variable KeyExpire in tinc.conf line 2"},
    {"KeyExpire = 0", "KeyExpire must not be below 1, 3600 is used (tinc.conf line 2: KeyExpire = 0)"},
    {"MACLength = long", "Integer expected for configuration variable MACLength in tinc.conf line 2"},
    {"MaxOutputBufferSize = -1", "MaxOutputBufferSize must not be below 1, 15180 is used (tinc.conf line 2: MaxOutputBufferSize = -1)"},
    {"MaxTimeout = never", "Integer expected for configuration variable MaxTimeout in tinc.conf line 2"},
    {"MinTimeout = +-1", "Integer expected for configuration variable MinTimeout in tinc.conf line 2"},
    {"MinTimeout = 1000", "Minimum timeout (1000 s) cannot be larger than maximum timeout (900 s). Correcting ! (tinc.conf line 2: MinTimeout = 1000)"},
    {"MaxTimeout = 5\nMinTimeout = 6", "Minimum timeout (6 s) cannot be larger than maximum timeout (5 s). Correcting ! (tinc.conf line 3: MinTimeout = 6)"},
    {"FWMark = -1", "FWMark must not be below 0, 0 is used (tinc.conf line 2: FWMark = -1)"},
    {"FWMark = 4294967295", "Integer of at most 32 bits expected for configuration variable FWMark in tinc.conf line 2"},
    {"FWMark = x", "Integer expected for configuration variable FWMark in tinc.conf line 2"},
    {"LogLevel = loud", "Integer expected for configuration variable LogLevel in tinc.conf line 2"},
    {"LogLevel = -1", "LogLevel must not be below 0, 0 is used (tinc.conf line 2: LogLevel = -1)"},
    {"MACExpire = 0", "MACExpire must not be below 1, 600 is used (tinc.conf line 2: MACExpire = 0)"},
    {"MaxConnectionBurst = many", "Integer expected for configuration variable MaxConnectionBurst in tinc.conf line 2"},
    {"MaxOutputBufferSize = 2097153", "MaxOutputBufferSize must not be above 2097152, which is used (tinc.conf line 2: MaxOutputBufferSize = 2097153)"},
    {"MTUInfoInterval = -1", "MTUInfoInterval must not be below 0, 5 is used (tinc.conf line 2: MTUInfoInterval = -1)"},
    {"UDPDiscoveryInterval = 0", "UDPDiscoveryInterval must not be below 1, 2 is used (tinc.conf line 2: UDPDiscoveryInterval = 0)"},
    {"UDPDiscoveryKeepaliveInterval = 0", "UDPDiscoveryKeepaliveInterval must not be below 1, 10 is used (tinc.conf line 2: UDPDiscoveryKeepaliveInterval = 0)"},
    {"UDPDiscoveryTimeout = 0", "UDPDiscoveryTimeout must not be below 1, 30 is used (tinc.conf line 2: UDPDiscoveryTimeout = 0)"},
    {"UDPInfoInterval = -1", "UDPInfoInterval must not be below 0, 5 is used (tinc.conf line 2: UDPInfoInterval = -1)"},
    {"UPnPDiscoverWait = 61", "UPnPDiscoverWait must not be above 60, which is used (tinc.conf line 2: UPnPDiscoverWait = 61)"},
    {"UPnPRefreshPeriod = 0", "UPnPRefreshPeriod must not be below 1, 60 is used (tinc.conf line 2: UPnPRefreshPeriod = 0)"},
    {"VDEPort = -1", "VDEPort must not be below 0, 0 is used (tinc.conf line 2: VDEPort = -1)"},
    {"PingInterval = often", "Integer expected for configuration variable PingInterval in tinc.conf line 2"},
    {"PingInterval = 0", "PingInterval is too small, 86400 is used (tinc.conf line 2: PingInterval = 0)"},
    {"PingTimeout = 0", "PingTimeout is not between 1 and PingInterval, 60 is used (tinc.conf line 2: PingTimeout = 0)"},
    {"PingTimeout = 61", "PingTimeout is not between 1 and PingInterval, 60 is used (tinc.conf line 2: PingTimeout = 61)"},
    {"PMTU = 63", "PMTU must not be below 64, 1518 is used (tinc.conf line 2: PMTU = 63)"},
    {"ReplayWindow = 65537", "ReplayWindow must not be above 65536, which is used (tinc.conf line 2: ReplayWindow = 65537)"},
    {"ReplayWindow = wide", "Integer expected for configuration variable ReplayWindow in tinc.conf line 2"},
    {"UDPRcvBuf = big", "Integer expected for configuration variable UDPRcvBuf in tinc.conf line 2"},
    {"Address = a.example", "Address in tinc.conf line 2 has no effect: it belongs into a host file"},
    {"Weight = 10", "Weight in tinc.conf line 2 has no effect: it belongs into a host file"},
    {"PublicKeyFile = /keys/alpha", "PublicKeyFile in tinc.conf line 2 has no effect: it belongs into a host file"},
    {"Ed25519PublicKeyFile = /keys/alpha", "Ed25519PublicKeyFile in tinc.conf line 2 has no effect: it belongs into a host file"},
    {"Ed25519PublicKey = short", "Invalid size 5 for public key! (tinc.conf line 2: Ed25519PublicKey = short)"},
    {"Ed25519PublicKey = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", "Invalid size 49 for public key! (tinc.conf line 2: Ed25519PublicKey = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!)"},
    {"Ed25519PublicKey = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!", "Invalid base64 data in public key! (tinc.conf line 2: Ed25519PublicKey = !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!)"},
    {"Sandbox = high", "There is no sandbox in this version (tinc.conf line 2: Sandbox = high)"},
    {"DisableBuggyPeers = yes", "DisableBuggyPeers in tinc.conf line 2 belongs to tinc 1.1 and has no effect here"},
    {"Cipher = bf-cbc", "bf-cbc is weak, its blocks of 64 bits give text away after some gigabytes: better aes-256-cbc (tinc.conf line 2: Cipher = bf-cbc)"},
    {"ConnectTo = b.eta", "Invalid name for outgoing connection in tinc.conf line 2: b.eta"},
    {"ConnectTo = ../beta", "Invalid name for outgoing connection in tinc.conf line 2: ../beta"},
    {"ConnectTo = beta gamma", "Invalid name for outgoing connection in tinc.conf line 2: beta gamma"},
    {"ConnectTo = alpha", "ConnectTo with our own name is ignored (tinc.conf line 2: ConnectTo = alpha)"},
    {"PingIntervall = 5", "Unknown variable `PingIntervall' in tinc.conf line 2: did you mean PingInterval?"},
    {"ConectTo = beta", "Unknown variable `ConectTo' in tinc.conf line 2: did you mean ConnectTo?"},
    {"nmae = beta", "Unknown variable `nmae' in tinc.conf line 2: did you mean Name?"},
    {"Wallpaper = blue", "Unknown variable `Wallpaper' in tinc.conf line 2"},
    {"  Mode = x", "No variable in tinc.conf line 2: the name must begin the line"},
    {"= x", "No variable in tinc.conf line 2: the name must begin the line"},
    {"Cipher = aes-128-cbc\ncipher = none", "Cipher in tinc.conf line 3 is ignored, since tinc.conf line 2 has it too"},
    {"Mode = hub\nMode = switch", "Mode in tinc.conf line 3 is ignored, since tinc.conf line 2 has it too"},
    {"-----BEGIN CERTIFICATE-----\nMode = x", "The -----BEGIN in tinc.conf line 2 has no -----END: the rest of the file is ignored"},
};
// clang-format on

// A host file of another node, from line 1 on: nothing in it is fatal.
// clang-format off
constexpr Broken in_host_file[] = {
    {"Address = a b c", "Address and optional port expected for configuration variable Address in hosts/beta line 1"},
    {"Address = a # at home", "Address and optional port expected for configuration variable Address in hosts/beta line 1"},
    {"Address = a 70000", "Address and optional port expected for configuration variable Address in hosts/beta line 1"},
    {"ClampMSS = on", "\"yes\" or \"no\" expected for configuration variable ClampMSS in hosts/beta line 1"},
    {"IndirectData = maybe", "\"yes\" or \"no\" expected for configuration variable IndirectData in hosts/beta line 1"},
    {"TCPOnly = x", "\"yes\" or \"no\" expected for configuration variable TCPOnly in hosts/beta line 1"},
    {"PMTU = small", "Integer expected for configuration variable PMTU in hosts/beta line 1"},
    {"PMTU = -1", "PMTU must not be below 64, 1518 is used (hosts/beta line 1: PMTU = -1)"},
    {"Port = 70000", "Port number or service name expected for configuration variable Port in hosts/beta line 1"},
    {"Weight = heavy", "Integer expected for configuration variable Weight in hosts/beta line 1"},
    {"Weight = 99999999999", "Integer of at most 32 bits expected for configuration variable Weight in hosts/beta line 1"},
    {"Subnet = all", "Subnet expected for configuration variable Subnet in hosts/beta line 1"},
    {"Subnet = 10.0.0.1/8", "Network address and prefix length do not match for configuration variable Subnet in hosts/beta line 1"},
    {"Adress = a", "Unknown variable `Adress' in hosts/beta line 1: did you mean Address?"},
    {"Address", "No value for variable `Address' on line 1 while reading config file hosts/beta"},
    {{"Port = 1\0", 9}, "NUL byte on line 1 while reading config file hosts/beta"},
    {"Port = 1\nPort = 2", "Port in hosts/beta line 2 is ignored, since hosts/beta line 1 has it too"},
    {"Mode = hub", "Mode in hosts/beta line 1 has no effect: it belongs into tinc.conf"},
    {"ConnectTo = alpha", "ConnectTo in hosts/beta line 1 has no effect: it belongs into tinc.conf"},
    {"PrivateKey = 1234", "PrivateKey in hosts/beta line 1 has no effect: it belongs into tinc.conf"},
    {"-----BEGIN RSA PUBLIC KEY-----", "The -----BEGIN in hosts/beta line 1 has no -----END: the rest of the file is ignored"},
};

// An option of the command line.
constexpr Broken options[] = {
    {"Port", "No value for variable `Port' in command line option 7"},
    {"Port=", "No value for variable `Port' in command line option 7"},
    {"", "No value for variable `' in command line option 7"},
    {"a/b.Port=1", "Invalid host name `a/b' in command line option 7"},
    {".Port=1", "Invalid host name `' in command line option 7"},
    {"a-b.Port=1", "Invalid host name `a-b' in command line option 7"},
    {{"Port=\0", 6}, "Unreadable text in command line option 7"},
};
// clang-format on

TEST(BrokenTest, TheCorpusIsLarge) {
    EXPECT_GE(std::size(fatal) + std::size(harmless) + std::size(in_host_file) + std::size(options),
              150U);
}

TEST(BrokenTest, FaultsOfOtherNodesFilesGiveOneWarningEach) {
    for (const auto& [text, message] : in_host_file) {
        Report report;
        const auto host =
            read_host_settings("beta", SourceFile{"hosts/beta", std::string(text)}, {}, {}, report);
        EXPECT_THAT(report.errors, IsEmpty()) << text;
        EXPECT_THAT(report.warnings, ElementsAre(std::string(message)));
        EXPECT_THAT(host.addresses, IsEmpty()) << text;
    }
}

TEST(BrokenTest, OptionsOfTheCommandLineAreRefused) {
    for (const auto& [text, message] : options) {
        const auto option = parse_option(text, 7);
        ASSERT_FALSE(option) << text;
        EXPECT_EQ(option.error().what, message);
    }
}

TEST(BrokenTest, LinesAndOptionsHaveALongestLength) {
    const auto line = "Interface = " + std::string(limits::config_line_bytes - 12, 'x');
    EXPECT_TRUE(test::reading_of_lines(line).settings);
    EXPECT_THAT(test::reading_of_lines(line + "x").report.errors,
                ElementsAre("Line 2 is longer than 8192 bytes while reading config file "
                            "tinc.conf"));
    EXPECT_TRUE(parse_option(line, 1));
    EXPECT_EQ(parse_option(line + "x", 1).error().what, "Unreadable text in command line option 1");
}

/// What is said of the variable alone, if it has this value.
std::vector<std::string> messages_about(const Option& known, std::int64_t value) {
    const auto text = std::string(known.name) + " = " + std::to_string(value);
    const auto reading = known.scope == Scope::others ? test::reading_of({.host_file = text})
                                                      : test::reading_of_lines(text);
    auto messages = reading.report.errors;
    for (const auto& warning : reading.report.warnings) messages.push_back(warning);
    return messages;
}

TEST(RangeTest, HoldsAtBothEndsOfEveryVariable) {
    constexpr auto widest = std::numeric_limits<std::int32_t>::max();
    // Two that have a rule of their own; it is among the faults above.
    const std::set<std::string_view> own_rule = {"PingInterval", "PingTimeout"};
    for (const auto& known : option_table()) {
        if (known.kind.form != Kind::Form::integer || !known.has_effect()) continue;
        if (own_rule.contains(known.name)) continue;
        const auto [least, most] = std::pair(known.kind.least, known.kind.most);
        EXPECT_THAT(messages_about(known, least), IsEmpty());
        // These may be larger than fits another variable, or what there is.
        if (known.name != "MACLength" && known.name != "MinTimeout") {
            EXPECT_THAT(messages_about(known, most), IsEmpty());
        }
        if (least > std::numeric_limits<std::int32_t>::min()) {
            EXPECT_THAT(messages_about(known, least - 1), ElementsAre(HasSubstr(known.name)));
        }
        if (most < widest) {
            EXPECT_THAT(messages_about(known, most + 1), ElementsAre(HasSubstr(known.name)));
        }
    }
}

TEST(BrokenTest, FatalFaultsGiveOneErrorEach) {
    for (const auto& [lines, message] : fatal) {
        const auto reading = test::reading_of_lines(std::string(lines));
        EXPECT_FALSE(reading.settings) << lines;
        EXPECT_THAT(reading.report.errors, ElementsAre(std::string(message)));
    }
}

TEST(BrokenTest, HarmlessFaultsGiveOneWarningEach) {
    for (const auto& [lines, message] : harmless) {
        const auto reading = test::reading_of_lines(std::string(lines));
        EXPECT_TRUE(reading.settings) << lines;
        EXPECT_THAT(reading.report.warnings, ElementsAre(std::string(message)));
    }
}

struct BadName {
    std::string_view tinc_conf;
    std::string_view message;
};

class BadNameTest : public testing::TestWithParam<BadName> {};

TEST_P(BadNameTest, IsFatalAndExplained) {
    const auto reading = test::reading_of(
        {.tinc_conf = std::string(GetParam().tinc_conf), .environment = {{"EMPTY", ""}}});
    EXPECT_FALSE(reading.settings);
    if (GetParam().message.empty())
        EXPECT_THAT(reading.report.errors,
                    ElementsAre("Name for tinc daemon required! (tinc.conf has none)"));
    else
        EXPECT_THAT(reading.report.errors,
                    ElementsAre(std::string(GetParam().message), "Name for tinc daemon required!"));
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadNameTest,
    testing::Values(
        BadName{"", ""}, BadName{"Mode = hub\n", ""},
        BadName{"Name = a.b", "Invalid name for myself! (tinc.conf line 1: Name = a.b)"},
        BadName{"Name = a b", "Invalid name for myself! (tinc.conf line 1: Name = a b)"},
        BadName{"Name = ../a", "Invalid name for myself! (tinc.conf line 1: Name = ../a)"},
        BadName{"Name = a$HOST", "Invalid name for myself! (tinc.conf line 1: Name = a$HOST)"},
        BadName{"Name = $EMPTY", "Invalid name for myself! (tinc.conf line 1: Name = $EMPTY)"},
        BadName{"\nName = $MISSING",
                "Invalid Name: environment variable MISSING does not exist (tinc.conf line 2: Name "
                "= $MISSING)"},
        BadName{"Name = $",
                "Invalid Name: environment variable  does not exist (tinc.conf line 1: Name = "
                "$)"}));

TEST(BrokenTest, AllFaultsAreReportedAtOnce) {
    const auto reading = test::reading_of({.tinc_conf = "Mode = x\nForwarding = y\nHostnames = z\n",
                                           .conf_d = {{"conf.d/a.conf", "Port"}},
                                           .options = {"Digest=w"}});
    EXPECT_FALSE(reading.settings);
    EXPECT_THAT(reading.report.errors,
                ElementsAre("No value for variable `Port' on line 1 while reading config file "
                            "conf.d/a.conf",
                            "Name for tinc daemon required! (tinc.conf has none)",
                            "Invalid routing mode! (tinc.conf line 1: Mode = x)",
                            "Invalid forwarding mode! (tinc.conf line 2: Forwarding = y)",
                            "Unrecognized digest type! (command line option 1: Digest = w)"));
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("\"yes\" or \"no\" expected for configuration variable Hostnames in "
                            "tinc.conf line 3"));
}

TEST(BrokenTest, ABadLineOfOurHostFileEndsThatFileOnly) {
    const auto reading =
        test::reading_of({.host_file = "Port = 700\nCipher\nSubnet = 10.0.0.0/8\n"});
    ASSERT_TRUE(reading.settings);
    EXPECT_EQ(reading.settings->port, "700");
    EXPECT_THAT(reading.settings->subnets, IsEmpty());
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("No value for variable `Cipher' on line 2 while reading config file "
                            "hosts/alpha"));
}

TEST(BrokenTest, AMissingHostFileOfOursIsAWarning) {
    Sources sources;
    sources.tinc_conf = {"tinc.conf", "Name = alpha\n"};
    sources.own_host_file = [](const std::string&) -> Result<SourceFile> {
        return failure(Errc::system, "Cannot open config file hosts/alpha: No such file");
    };
    Report report;
    EXPECT_TRUE(read_settings(sources, report));
    EXPECT_THAT(report.warnings, ElementsAre("Cannot open config file hosts/alpha: No such file"));
}

TEST(BrokenTest, FaultsOfTheCommandLineNameTheOption) {
    const auto reading =
        test::reading_of({.options = {"Port=1", "alpha.Subnet=x", "Wallpaper=blue"}});
    EXPECT_THAT(reading.report.errors,
                ElementsAre("Subnet expected for configuration variable Subnet in command line "
                            "option 2"));
    EXPECT_THAT(reading.report.warnings,
                ElementsAre("Unknown variable `Wallpaper' in command line option 3"));
}

TEST(BrokenTest, AFileFullOfFaultsDoesNotFillTheLog) {
    std::string lines;
    for (int line = 0; line < 10'000; ++line) lines += "Wallpaper = blue\nSubnet = x\n";
    const auto reading = test::reading_of_lines(lines);
    EXPECT_EQ(reading.report.warnings.size(), 201U);
    EXPECT_EQ(reading.report.errors.size(), 201U);
    EXPECT_EQ(reading.report.errors.back(), "There are more faults than are shown.");
}

TEST(BrokenTest, WhatSocks5CannotSayIsRefused) {
    const std::string longest(255, 'u');
    EXPECT_TRUE(
        test::reading_of_lines("Proxy = socks5 h 1 " + longest + " " + longest + "\n").settings);
    for (const auto& words : {longest + "u p", "u " + longest + "p"}) {
        const auto reading = test::reading_of_lines("Proxy = socks5 h 1 " + words + "\n");
        ASSERT_EQ(reading.report.errors.size(), 1U);
        EXPECT_THAT(reading.report.errors[0],
                    testing::StartsWith("User and password of a proxy have at most 255 bytes!"));
    }
}

TEST(BrokenTest, NoMessageHasASecret) {
    const std::string secret = "5ecre7";
    for (const auto* line : {"Proxy = socks5 h -1 u ", "Proxy = x h 1 u ", "Proxy = http ",
                             "PrivateKey = ", "Wallpaper = ", "  Proxy = http h -1 u ", "= ",
                             "Proxy = x\nProxy = http h 1 u "}) {
        const auto reading = test::reading_of_lines(line + secret + "\n");
        for (const auto* messages : {&reading.report.errors, &reading.report.warnings})
            for (const auto& message : *messages)
                EXPECT_THAT(message, testing::Not(testing::HasSubstr(secret)));
        EXPECT_FALSE(reading.report.errors.empty() && reading.report.warnings.empty()) << line;
    }
}

TEST(OwnHostFileTest, ABrokenOneIsAWarningAtAStartAndAnErrorAtAReload) {
    test::Configuration configuration{.host_file = "Subnet = 10.1.0.0/16\nPort\n"};
    const auto start = test::reading_of(configuration);
    ASSERT_TRUE(start.settings);
    EXPECT_TRUE(start.settings->has_own_host_file);
    EXPECT_EQ(start.report.warnings.size(), 1U);
    configuration.needs_host_file = true;
    const auto reload = test::reading_of(configuration);
    EXPECT_FALSE(reload.settings);
    EXPECT_THAT(
        reload.report.errors,
        ElementsAre(
            "No value for variable `Port' on line 2 while reading config file hosts/alpha"));
}

TEST(OwnHostFileTest, AMissingOneIsAWarningAtAStartAndAnErrorAtAReload) {
    test::Configuration configuration{.has_host_file = false};
    const auto start = test::reading_of(configuration);
    ASSERT_TRUE(start.settings);
    EXPECT_FALSE(start.settings->has_own_host_file);
    configuration.needs_host_file = true;
    EXPECT_FALSE(test::reading_of(configuration).settings);
}

}  // namespace
}  // namespace tinc::config
