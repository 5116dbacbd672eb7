// Every variable of the option table has a test that would fail if the variable did nothing: the
// table below says which. Whoever adds a variable adds a line here.
//
// So that the lines stay true, each test is looked up in its file, and its text must set the
// variable. To the text of a test belongs what it uses in that file: fixtures, tables, functions.

#include "tinc/config/option_table.hpp"

#include "support/test_data.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::config {
namespace {

struct Proof {
    std::string_view variable;
    std::string_view file;  ///< below tests
    std::string_view test;  ///< Suite.Test, or Class.method
};

constexpr std::string_view options = "unit/config/options_test.cpp";
constexpr std::string_view start = "unit/node/variables_test.cpp";
constexpr std::string_view reload = "unit/node/reload_test.cpp";
constexpr std::string_view keys = "unit/io/config_files_test.cpp";
constexpr std::string_view datagrams = "sim/variables_test.cpp";
constexpr std::string_view devices = "interop/test_devices.py";
constexpr std::string_view process = "interop/test_process.py";
constexpr std::string_view scripts = "interop/test_operator.py";
constexpr std::string_view paths = "interop/test_paths.py";
constexpr std::string_view policy = "interop/test_policy.py";
constexpr std::string_view switches = "interop/test_switch.py";
constexpr std::string_view routers = "interop/test_upnp.py";
constexpr std::string_view connecting = "interop/test_connecting.py";
constexpr std::string_view workers = "interop/test_workers.py";
constexpr std::string_view modern = "interop/test_tinc11.py";

// clang-format off
constexpr Proof proofs[] = {
    {"Address", start, "VariableTest.DoesWhatItIsThereFor"},
    {"AddressFamily", process, "ListenTest.test_one_family"},
    {"AutoConnect", reload, "ReloadableTest.TakesEffect"},
    {"BindToAddress", process, "SourceTest.test_bind_to_address"},
    {"BindToInterface", process, "ListenTest.test_interface"},
    {"Broadcast", reload, "ReloadableTest.TakesEffect"},
    {"BroadcastSubnet", reload, "ReloadableTest.TakesEffect"},
    {"Cipher", start, "VariableTest.DoesWhatItIsThereFor"},
    {"ClampMSS", start, "VariableTest.DoesWhatItIsThereFor"},
    {"Compression", start, "VariableTest.DoesWhatItIsThereFor"},
    {"ConnectTo", reload, "ReloadableTest.TakesEffect"},
    {"DataWorkers", workers, "WorkersTest.test_threads"},
    {"DecrementTTL", reload, "ReloadableTest.TakesEffect"},
    {"Device", devices, "NamesTest.test_multicast"},
    {"DeviceOffload", devices, "FlagsTest.test_device_offload"},
    {"DeviceStandby", connecting, "ConnectingTest.test_the_device_stands_by_until_somebody_is_there"},
    {"DeviceType", devices, "NamesTest.test_dummy"},
    {"Digest", start, "VariableTest.DoesWhatItIsThereFor"},
    {"DirectOnly", reload, "ReloadableTest.TakesEffect"},
    {"DisableBuggyPeers", options, "OptionsTest.VariablesWithoutEffectAreNoticedAndTaken"},
    {"Ed25519PrivateKeyFile", keys, "KeyVariablesTest.Ed25519PrivateKeyFileNamesAnother"},
    {"Ed25519PublicKey", start, "VariableTest.DoesWhatItIsThereFor"},
    {"Ed25519PublicKeyFile", start, "VariableTest.DoesWhatItIsThereFor"},
    {"ExperimentalProtocol", keys, "KeyVariablesTest.ExperimentalProtocolLeavesTheEd25519KeyAlone"},
    {"Forwarding", reload, "ReloadableTest.TakesEffect"},
    {"FWMark", process, "MarkTest.test_mark"},
    {"GraphDumpFile", process, "DrawingTest.test_drawings_are_the_same"},
    {"Hostnames", process, "LogVariablesTest.test_names_in_place_of_addresses"},
    {"IffOneQueue", devices, "FlagsTest.test_one_queue"},
    {"IndirectData", paths, "PathsTest.indirect_data"},
    {"Interface", scripts, "ScriptTest.test_interface_option_of_ifupdown"},
    {"InvitationExpire", options, "OptionsTest.VariablesWithoutEffectAreNoticedAndTaken"},
    {"KeyExpire", reload, "ReloadableTest.TakesEffect"},
    {"ListenAddress", process, "SourceTest.test_listen_address"},
    {"LocalDiscovery", reload, "ReloadableTest.TakesEffect"},
    {"LogLevel", process, "LogVariablesTest.test_level_without_an_option"},
    {"MACExpire", start, "VariableTest.DoesWhatItIsThereFor"},
    {"MACLength", start, "VariableTest.DoesWhatItIsThereFor"},
    {"MaxConnectionBurst", start, "VariableTest.DoesWhatItIsThereFor"},
    {"MaxOutputBufferSize", reload, "ReloadableTest.TakesEffect"},
    {"MaxTimeout", reload, "ReloadableTest.TakesEffect"},
    {"MinTimeout", reload, "ReloadableTest.TakesEffect"},
    {"Mode", start, "VariableTest.DoesWhatItIsThereFor"},
    {"MTUInfoInterval", datagrams, "PathNewsTest.ComeAsOftenAsTheyAreTold"},
    {"Name", start, "VariableTest.DoesWhatItIsThereFor"},
    {"PingInterval", reload, "ReloadableTest.TakesEffect"},
    {"PingTimeout", reload, "ReloadableTest.TakesEffect"},
    {"PMTU", reload, "ReloadableTest.TakesEffect"},
    {"PMTUDiscovery", start, "VariableTest.DoesWhatItIsThereFor"},
    {"Port", start, "VariableTest.DoesWhatItIsThereFor"},
    {"PriorityInheritance", switches, "RouterTest.hops_and_priorities"},
    {"PrivateKey", keys, "KeyVariablesTest.PrivateKeyAndPublicKeyComeBeforeTheFile"},
    {"PrivateKeyFile", keys, "KeyVariablesTest.PrivateKeyFileNamesAnother"},
    {"ProcessPriority", process, "PrivilegeTest.test_priority"},
    {"Proxy", reload, "ReloadableTest.TakesEffect"},
    {"PublicKey", start, "VariableTest.DoesWhatItIsThereFor"},
    {"PublicKeyFile", start, "VariableTest.DoesWhatItIsThereFor"},
    {"ReplayWindow", datagrams, "ReplayWindowTest.OfNoSizeTakesAPacketTwice"},
    {"Sandbox", options, "OptionsTest.ASandboxIsMissed"},
    {"ScriptsExtension", scripts, "ScriptTest.test_extension"},
    {"ScriptsInterpreter", scripts, "ScriptTest.test_interpreter"},
    {"StrictKeys", modern, "UpgradeTest.test_strict_keys"},
    {"StrictSubnets", policy, "PolicyTest.host_files_give_subnets_and_take_them_at_a_reload"},
    {"Subnet", reload, "ReloadableTest.TakesEffect"},
    {"TCPOnly", start, "VariableTest.DoesWhatItIsThereFor"},
    {"TunnelServer", policy, "PolicyTest.spokes_of_a_tunnel_server_do_not_learn_of_each_other"},
    {"UDPDiscovery", datagrams, "UdpDiscoveryTest.IsWhatSendsPacketsByTcpWhereUdpIsBlocked"},
    {"UDPDiscoveryInterval", datagrams, "UdpDiscoveryTest.TriesAsOftenAsItIsTold"},
    {"UDPDiscoveryKeepaliveInterval", datagrams, "UdpDiscoveryTest.KeepsAWayAsOftenAsItIsTold"},
    {"UDPDiscoveryTimeout", datagrams, "UdpDiscoveryTest.GivesAWayUpWhenItIsTold"},
    {"UDPInfoInterval", datagrams, "PathNewsTest.ComeAsOftenAsTheyAreTold"},
    {"UDPOffload", process, "OffloadTest.test_udp_offload"},
    {"UDPRcvBuf", process, "ListenTest.test_buffers_beyond_the_limit"},
    {"UDPSndBuf", process, "ListenTest.test_buffers_beyond_the_limit"},
    {"UPnP", routers, "UpnpTest.test_udp_only"},
    {"UPnPDiscoverWait", routers, "UpnpTest.test_no_router"},
    {"UPnPRefreshPeriod", routers, "UpnpTest.test_the_router_forwards_our_ports_again_and_again"},
    {"VDEGroup", devices, "VdeTest.test_group"},
    {"VDEPort", devices, "VdeTest.test_port"},
    {"Weight", start, "VariableTest.DoesWhatItIsThereFor"},
};
// clang-format on

/// A part of a source that stands by itself: a definition, or all of a class.
using Block = std::string;

/// Lines with that many blanks in front begin a block, if the line above is empty; and those that
/// give a suite its parameters, which follow a test at once.
std::vector<Block> blocks_of(const std::string& text, std::size_t indent) {
    std::vector<Block> blocks(1);
    std::istringstream lines(text);
    bool is_after_gap = true;
    for (std::string line; std::getline(lines, line);) {
        const bool is_outermost = !line.empty() && line.find_first_not_of(' ') == indent;
        const bool gives_parameters = line.starts_with("INSTANTIATE_TEST_SUITE_P");
        if ((is_after_gap && is_outermost) || gives_parameters) blocks.emplace_back();
        blocks.back() += line + "\n";
        is_after_gap = line.empty();
    }
    return blocks;
}

bool has_word(const std::string& text, const std::string& word) {
    return std::regex_search(text, std::regex("\\b" + word + "\\b"));
}

/// What a block defines: in each of its outermost lines of code the first word with `(`, `[`, `=`,
/// `{` or a single `:` behind it.
std::vector<std::string> names_of(const Block& block) {
    static const std::regex definition(R"((?:^|\n)(?![/@# ])[^\n]*?(\w+)\s*(?:[(\[={]|:(?!:)))");
    std::vector<std::string> names;
    for (std::sregex_iterator found(block.begin(), block.end(), definition), end; found != end;
         ++found)
        names.push_back((*found)[1].str());
    return names;
}

bool is_test(const Block& block) {
    return std::regex_search(block, std::regex(R"((?:^|\n)TEST(?:_F|_P)?\()"));
}

/// The test itself; empty if there is none of that name.
Block own_text(const std::string& source, const std::string& suite, const std::string& test) {
    for (const auto& block : blocks_of(source, 0)) {
        if (std::regex_search(
                block, std::regex(R"(TEST(?:_F|_P)?\()" + suite + R"(,\s*)" + test + R"(\))")))
            return block;
        if (block.find("class " + suite + "(") == std::string::npos) continue;
        const auto parts = blocks_of(block, 4);
        for (const auto& part : parts)
            if (part.find("def " + test + "(") != std::string::npos) return parts.front() + part;
    }
    return {};
}

/// The test with all that it uses of its file.
std::string text_of(const std::string& source, const std::string& suite, const std::string& test) {
    auto text = own_text(source, suite, test);
    auto others = blocks_of(source, 0);
    std::erase_if(others, [&](const Block& block) {
        return is_test(block) || block.find("class " + suite + "(") != std::string::npos;
    });
    const auto is_used = [&](const Block& block) {
        if (block.starts_with("INSTANTIATE_TEST_SUITE_P")) return has_word(block, suite);
        return std::ranges::any_of(names_of(block),
                                   [&](const auto& name) { return has_word(text, name); });
    };
    for (bool has_grown = !text.empty(); has_grown;) {
        has_grown = false;
        for (auto& block : others) {
            if (block.empty() || !is_used(block)) continue;
            text += block;
            block.clear();
            has_grown = true;
        }
    }
    return text;
}

TEST(BehaviourTest, IsProvenOfEveryVariableAndOfNothingElse) {
    std::vector<std::string_view> proven;
    for (const auto& proof : proofs) proven.push_back(proof.variable);
    std::vector<std::string_view> known;
    for (const auto& option : option_table()) known.push_back(option.name);
    EXPECT_EQ(proven, known);
}

class ProofTest : public testing::TestWithParam<Proof> {};

TEST_P(ProofTest, IsATestThatSetsTheVariable) {
    const auto& [variable, file, test] = GetParam();
    const auto dot = test.find('.');
    const auto text = text_of(tinc::test::test_data("../" + std::string(file)),
                              std::string(test.substr(0, dot)), std::string(test.substr(dot + 1)));
    EXPECT_FALSE(text.empty()) << file << " has no " << test;
    // A line break in a source text is a letter behind a backslash.
    const std::regex setting(R"((?:\b|\\n))" + std::string(variable) + " ?= ?[^=]");
    EXPECT_TRUE(std::regex_search(text, setting)) << test << " does not set " << variable;
}
INSTANTIATE_TEST_SUITE_P(Of, ProofTest, testing::ValuesIn(proofs),
                         [](const auto& row) { return std::string(row.param.variable); });

TEST(ProofReaderTest, MissesATestThatIsNotThereOrDoesNotSetTheVariable) {
    const std::string source =
        "const Case cases[] = {\n    {\"A = 1\"}};\n\nvoid help() {\n    use(\"B = 1\");\n}\n\n"
        "TEST(X, Y) {\n    help();\n\n    other(cases);\n}\n\nTEST(X, Z) {\n    use(\"C = "
        "1\");\n}\n";
    EXPECT_EQ(text_of(source, "X", "Nothing"), "");
    EXPECT_THAT(text_of(source, "X", "Y"), testing::HasSubstr("A = 1"));
    EXPECT_THAT(text_of(source, "X", "Y"), testing::HasSubstr("B = 1"));
    EXPECT_THAT(text_of(source, "X", "Y"), testing::Not(testing::HasSubstr("C = 1")));
    EXPECT_THAT(text_of(source, "X", "Z"), testing::Not(testing::HasSubstr("A = 1")));
}

}  // namespace
}  // namespace tinc::config
