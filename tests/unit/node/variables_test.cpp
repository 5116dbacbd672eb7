// What variables do that only a start reads, and those of other nodes' host files. Those that a
// reload reads too are in reload_test.cpp.

#include "support/configured.hpp"
#include "support/frames.hpp"
#include "support/node_world.hpp"
#include "tinc/base/bytes.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/plane.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::node {
namespace {

using namespace std::chrono_literals;
using test::endpoint;
using test::NodeWorld;

const Endpoint beta_at = endpoint("10.99.1.2", 42'705);

test::Frame packet_for(std::string_view destination) {
    return test::udp_frame({.source = "192.168.77.1", .destination = destination}, 100);
}

/// A Node with both keys, and whoever joins it.
struct Scene {
    explicit Scene(const std::string& tinc_conf)
        : world(test::settings_of(tinc_conf + "\nSubnet = 192.168.77.1/32"), Level::traffic, 655,
                {test::small_key(), own_key()}) {}

    static std::shared_ptr<const crypto::Ed25519PrivateKey> own_key() {
        test::SeededRandom random(5);
        return std::make_shared<const crypto::Ed25519PrivateKey>(
            crypto::Ed25519PrivateKey::generate(random));
    }
    /// beta, which has 10.2.0.0/16. It speaks 1.0.
    test::Member& joined() {
        beta = world.join("beta", beta_at);
        world.tell(*beta, "12 1 beta alpha 10.99.1.1 655 c 3");
        world.tell(*beta, "10 4 beta 10.2.0.0/16");
        world.rest();
        world.talk(*beta);
        return *beta;
    }
    [[nodiscard]] bool is_beta_let_in() {
        joined();
        return beta->end.all<peer::Activated>().size() == 1;
    }
    /// Word 4 of ANS_KEY is the cipher, then come digest, MAC length and compression.
    [[nodiscard]] std::string word_of_our_key(std::size_t position) {
        auto& member = joined();
        world.tell(member, "15 beta alpha");
        for (const auto& line : member.heard())
            if (line.starts_with("16 alpha beta ")) return word(line, position);
        return "";
    }
    /// The MSS of a SYN from beta as it leaves our device.
    [[nodiscard]] std::uint16_t delivered_mss() {
        constexpr std::size_t mss_at = 14 + 20 + 20 + 2;  // behind Ethernet, IPv4 and TCP
        auto& member = joined();
        member.end.peer->send_packet(
            test::tcp_frame({.source = "10.2.0.1", .destination = "192.168.77.1"},
                            test::frame_of("0204ffff")),
            world.now);
        world.node->receive(member.id, member.end.peer->take_outgoing(world.now), world.now);
        const auto frames = world.node->outbox().frames();
        return frames.size() == 1 ? get_u16(frames[0]->bytes(), mss_at) : std::uint16_t{0};
    }
    /// Whether a packet for beta, of which no datagram has come yet, goes over its meta connection.
    [[nodiscard]] bool goes_by_tcp() {
        auto& member = joined();
        world.tell(member, "16 beta alpha " + std::string(96, 'A') + " 427 672 4 0");
        from_device(packet_for("10.2.0.1"));
        world.talk(member);
        return !member.end.all<peer::PacketArrived>().empty();
    }
    void from_device(const test::Frame& frame) {
        packet::Batch batch;
        batch.add().assign(frame);
        world.node->from_device(batch, world.now);
        world.settle();
    }
    /// What a stranger is answered.
    [[nodiscard]] std::string answer_to(std::string_view text) {
        const auto peer = world.connect(endpoint("10.0.0.9", 1));
        world.say(peer, text);
        return world.answer(peer);
    }
    static std::string word(const std::string& line, std::size_t position) {
        std::size_t begin = 0;
        for (; position > 0; --position) begin = line.find(' ', begin) + 1;
        return line.substr(begin, line.find(' ', begin) - begin);
    }

    NodeWorld world;
    std::unique_ptr<test::Member> beta;
};

constexpr std::string_view other_key = "MmlT3ne4hjdQgBMphrU6JhxWlE2FCURw6aCqkFghToF";

std::string block_of(std::string_view key) {
    return crypto::public_key_block(crypto::Ed25519PublicKey::parse(key).value());
}

std::string pem_of_another() {
    static const auto key = crypto::RsaPrivateKey::generate(512, [](char) {}).value();
    return key.public_key().to_pem();
}

bool rolls_back(Scene& scene) {
    scene.world.say(scene.world.connect(beta_at), "0 beta 17.0\n");
    return scene.world.log.contains("tries to roll back protocol version");
}

struct Variable {
    std::string name;
    std::string base;       ///< lines of tinc.conf, there with and without the variable
    std::string tinc_conf;  ///< the line with the variable, in tinc.conf
    std::string host_file;  ///< or in that of beta
    bool (*shows)(Scene&);  ///< false without the line
    std::string key_file = "";
};

// clang-format off
const Variable variables[] = {
    {"Address", "ConnectTo = beta", "", "Address = 192.0.2.9 700",
     [](Scene& scene) {
         scene.world.node->retry(scene.world.now);
         scene.world.settle();
         const auto all = scene.world.all<Resolve>();
         return all.size() == 1 && all[0].host == "192.0.2.9" && all[0].port == "700";
     }},
    {"Cipher", "", "Cipher = aes-128-cbc", "",
     [](Scene& scene) { return scene.word_of_our_key(4) == "419"; }},
    {"ClampMSS", "", "ClampMSS = no", "",
     [](Scene& scene) { return scene.delivered_mss() == 0xffff; }},
    {"Compression", "", "Compression = 9", "",
     [](Scene& scene) { return scene.word_of_our_key(7) == "9"; }},
    {"Digest", "", "Digest = sha512", "",
     [](Scene& scene) { return scene.word_of_our_key(5) == "674"; }},
    {"Ed25519PublicKey", "", "", fmt::format("Ed25519PublicKey = {}", other_key), rolls_back},
    {"Ed25519PublicKeyFile", "", "", "Ed25519PublicKeyFile = beta.pub", rolls_back, block_of(other_key)},
    {"MACExpire", "Mode = switch", "MACExpire = 1", "",
     [](Scene& scene) { scene.from_device(packet_for("10.2.0.1")); scene.world.pass_time(20s); return scene.world.log.contains(" expired"); }},
    {"MACLength", "", "MACLength = 8", "",
     [](Scene& scene) { return scene.word_of_our_key(6) == "8"; }},
    {"MaxConnectionBurst", "", "MaxConnectionBurst = 2", "",
     [](Scene& scene) {
         const auto from = endpoint("10.0.0.9", 1);
         return scene.world.connect(from) != PeerId{0} && scene.world.connect(from) != PeerId{0} && scene.world.connect(from) == PeerId{0};
     }},
    {"Mode", "", "Mode = hub", "",
     [](Scene& scene) { scene.from_device(packet_for("10.2.0.1")); return scene.world.log.contains("Broadcasting packet"); }},
    {"Name", "ExperimentalProtocol = no", "Name = omega", "",
     [](Scene& scene) { return scene.answer_to("0 beta 17\n").starts_with("0 omega 17"); }},
    {"PMTUDiscovery", "", "PMTUDiscovery = no", "",
     [](Scene& scene) { return !scene.goes_by_tcp(); }},
    {"Port", "", "Port = 700", "",
     [](Scene& scene) { return scene.joined().end.all<peer::Activated>().at(0).address.port == 700; }},
    {"PublicKey", "", "", "PublicKey = b" + std::string(126, '5') + "7",
     [](Scene& scene) { return !scene.is_beta_let_in(); }},
    {"PublicKeyFile", "", "", "PublicKeyFile = beta.pub",
     [](Scene& scene) { return !scene.is_beta_let_in(); }, pem_of_another()},
    {"TCPOnly", "PMTUDiscovery = no", "TCPOnly = yes", "",
     [](Scene& scene) { return scene.goes_by_tcp(); }},
    {"Weight", "", "", "Weight = 77",
     [](Scene& scene) { return scene.joined().end.all<peer::Activated>().at(0).weight == (77 + 3) / 2; }},
};
// clang-format on

class VariableTest : public testing::TestWithParam<Variable> {};

TEST_P(VariableTest, DoesWhatItIsThereFor) {
    const auto& [name, base, tinc_conf, host_file, shows, key_file] = GetParam();
    Scene without(base);
    EXPECT_FALSE(shows(without)) << "also without it";

    Scene with(tinc_conf + "\n" + base);
    with.world.hosts["beta"] = test::host_of(host_file, key_file);
    EXPECT_TRUE(shows(with));
}
INSTANTIATE_TEST_SUITE_P(Of, VariableTest, testing::ValuesIn(variables),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace tinc::node
