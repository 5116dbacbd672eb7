#include "io/listening_sockets.hpp"

#include "io/socket_address.hpp"
#include "support/recorded_log.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <utility>
#include <vector>

namespace tinc::io {
namespace {

class ListeningSocketsTest : public testing::Test {
  protected:
    ListeningSocketsTest() {
        settings_.port = "0";
        settings_.bind_to_address = {{"127.0.0.1", ""}};
    }
    /// A socket as the service manager makes it.
    static Descriptor made_by_manager(const Endpoint& local, int type, int v6_only = 1) {
        Descriptor socket(
            ::socket(local.address.family() == Family::ipv4 ? AF_INET : AF_INET6, type, 0));
        ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof v6_only);
        const auto address = to_socket_address(local);
        EXPECT_EQ(::bind(socket.number(), address.get(), address.size), 0);
        const bool listens = type != SOCK_STREAM || ::listen(socket.number(), 1) == 0;
        EXPECT_TRUE(listens);
        return socket;
    }
    auto open(std::vector<Descriptor> handed_over = {}) {
        return open_listening_sockets(settings_, std::move(handed_over), log_);
    }
    static int option(int socket, int level, int name) {
        int value = -1;
        socklen_t size = sizeof value;
        ::getsockopt(socket, level, name, &value, &size);
        return value;
    }
    config::Settings settings_;
    test::RecordedLog log_;
};

TEST_F(ListeningSocketsTest, HaveOnePortForTcpAndUdp) {
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 1U);
    const auto& pair = pairs->front();
    EXPECT_NE(pair.local.port, 0);
    EXPECT_EQ(local_endpoint(pair.tcp.number()), pair.local);
    EXPECT_EQ(local_endpoint(pair.udp.number()), pair.local);
}

TEST_F(ListeningSocketsTest, HaveOthersBesideThem) {
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    const auto& pair = pairs->front();
    for (int i = 0; i < 2; ++i) {
        const auto beside = open_beside(pair.udp.number(), pair.local, settings_, log_);
        ASSERT_TRUE(beside) << beside.error().what;
        EXPECT_EQ(local_endpoint(beside->number()), pair.local);
    }
}

TEST_F(ListeningSocketsTest, AreNotSharedWithOtherPrograms) {
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    settings_.port = std::to_string(pairs->front().local.port);
    EXPECT_FALSE(open());
}

TEST_F(ListeningSocketsTest, ShareThePortTheSystemChose) {
    settings_.bind_to_address = {{"127.0.0.1", ""}, {"127.0.0.2", ""}};
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 2U);
    EXPECT_EQ(pairs->front().local.port, pairs->back().local.port);
}

TEST_F(ListeningSocketsTest, NameAnAddressThatIsTaken) {
    const auto first = open();
    ASSERT_TRUE(first);
    settings_.port = std::to_string(first->front().local.port);
    settings_.places.add("BindToAddress", "tinc.conf line 2: BindToAddress = 127.0.0.1");
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what, "Unable to create any listening socket!");
    EXPECT_TRUE(log_.contains("Can't bind to 127.0.0.1 port " + settings_.port +
                              "/tcp: Address already in use (tinc.conf line 2: BindToAddress = "
                              "127.0.0.1)"));
}

TEST_F(ListeningSocketsTest, FailWhenAnAddressCannotBeResolved) {
    settings_.bind_to_address = {{"127.0.0.1", ""}, {"not a host", ""}};
    for (const auto* place : {"the first", "tinc.conf line 3: BindToAddress = not a host"})
        settings_.places.add("BindToAddress", place);
    const auto pairs = open();
    ASSERT_FALSE(pairs);
    const auto& words = pairs.error().what;
    EXPECT_TRUE(words.starts_with("Cannot resolve not a host: ")) << words;
    EXPECT_TRUE(words.ends_with(" (tinc.conf line 3: BindToAddress = not a host)")) << words;
}

TEST_F(ListeningSocketsTest, ForbidFragmentsOnlyWithPathMtuDiscovery) {
    for (const bool is_wanted : {true, false}) {
        settings_.pmtu_discovery = is_wanted;
        const auto pairs = open();
        ASSERT_TRUE(pairs);
        const int mode = option(pairs->front().udp.number(), IPPROTO_IP, IP_MTU_DISCOVER);
        EXPECT_EQ(mode == IP_PMTUDISC_DO, is_wanted);
    }
}

TEST_F(ListeningSocketsTest, MayBroadcastAndAreClosedOnExec) {
    const auto pairs = open();
    ASSERT_TRUE(pairs);
    EXPECT_EQ(option(pairs->front().udp.number(), SOL_SOCKET, SO_BROADCAST), 1);
    for (const auto* socket : {&pairs->front().udp, &pairs->front().tcp})
        EXPECT_EQ(::fcntl(socket->number(), F_GETFD), FD_CLOEXEC);
}

TEST_F(ListeningSocketsTest, TakeOverWhatTheServiceManagerOpened) {
    auto manager = open();
    ASSERT_TRUE(manager);
    const auto local = manager->front().local;
    manager->front().udp.close();
    std::vector<Descriptor> handed_over;
    handed_over.push_back(std::move(manager->front().tcp));
    const auto pairs = open(std::move(handed_over));
    ASSERT_TRUE(pairs) << pairs.error().what;
    EXPECT_EQ(pairs->front().local, local);
    EXPECT_EQ(local_endpoint(pairs->front().udp.number()), local);
}

TEST_F(ListeningSocketsTest, AreAtEveryAddressWithItsPort) {
    settings_.port = "0";
    settings_.bind_to_address = {{"127.0.0.1", ""}, {"127.0.0.2", "0"}, {"127.0.0.1", "0"}};
    settings_.listen_address = {{"127.0.0.3", ""}, {"127.0.0.2", "0"}};
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 3U) << "each address once";
    const auto text_of = [&](std::size_t i) { return (*pairs)[i].local.address.text(); };
    EXPECT_EQ(text_of(0), "127.0.0.1");
    EXPECT_EQ(text_of(1), "127.0.0.2");
    EXPECT_EQ(text_of(2), "127.0.0.3");
    EXPECT_EQ((*pairs)[1].outgoing, Outgoing::from_here);
    EXPECT_EQ((*pairs)[2].outgoing, Outgoing::elsewhere);
}

TEST_F(ListeningSocketsTest, ListenElsewhereThanOutgoingConnectionsComeFrom) {
    settings_.bind_to_address.clear();
    settings_.listen_address = {{"127.0.0.1", ""}};
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 1U) << "and not at all addresses";
    EXPECT_EQ(pairs->front().outgoing, Outgoing::elsewhere);
}

TEST_F(ListeningSocketsTest, HaveOnlyTheWantedFamily) {
    settings_.bind_to_address = {{"*", ""}};
    settings_.address_family = config::AddressFamily::ipv4;
    const auto pairs = open();
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 1U);
    EXPECT_EQ(pairs->front().local.address.family(), Family::ipv4);
}

TEST_F(ListeningSocketsTest, NameAnInterfaceThatDoesNotExist) {
    settings_.bind_to_interface = "no-such-if0";
    settings_.places.add("BindToInterface", "where it is written");
    EXPECT_FALSE(open());
    EXPECT_TRUE(
        log_.contains("Can't bind to interface no-such-if0: No such device (where it is "
                      "written)"))
        << log_.lines.front();
}

TEST_F(ListeningSocketsTest, TellWhatTheSystemMakesOfTheirBuffers) {
    settings_.udp_rcvbuf = settings_.udp_sndbuf = 1'000'000'000;
    const auto pairs = open();
    ASSERT_TRUE(pairs);
    const int granted = option(pairs->front().udp.number(), SOL_SOCKET, SO_RCVBUF) / 2;
    EXPECT_TRUE(log_.contains("Can't set UDP SO_RCVBUF to 1000000000, the system made it " +
                              std::to_string(granted) + ": raise net.core.rmem_max with sysctl"));
    EXPECT_TRUE(log_.contains("Can't set UDP SO_SNDBUF to 1000000000, "));
}

TEST_F(ListeningSocketsTest, SayNothingOfBuffersThatTheyGet) {
    settings_.udp_rcvbuf = settings_.udp_sndbuf = 20'000;
    const auto pairs = open();
    ASSERT_TRUE(pairs);
    EXPECT_EQ(option(pairs->front().udp.number(), SOL_SOCKET, SO_RCVBUF), 40'000);
    EXPECT_EQ(option(pairs->front().udp.number(), SOL_SOCKET, SO_SNDBUF), 40'000);
    EXPECT_TRUE(log_.lines.empty());
}

TEST_F(ListeningSocketsTest, TakeOverUdpSocketsInAnyOrder) {
    const auto first =
        made_by_manager({Address::v4({std::byte{127}, {}, {}, std::byte{1}}), 0}, SOCK_STREAM);
    const auto local = *local_endpoint(first.number());
    std::vector<Descriptor> handed_over;
    handed_over.push_back(made_by_manager(local, SOCK_DGRAM));
    const int udp = handed_over.front().number();
    handed_over.emplace_back(::dup(first.number()));
    settings_.pmtu_discovery = true;
    const auto pairs = open(std::move(handed_over));
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 1U);
    EXPECT_EQ(pairs->front().udp.number(), udp);
    EXPECT_EQ(option(udp, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_DO);
}

TEST_F(ListeningSocketsTest, HaveUdpForBothFamiliesOfOneTcpSocket) {
    std::vector<Descriptor> handed_over;
    handed_over.push_back(made_by_manager({Address::inner_v6({}), 0}, SOCK_STREAM, 0));
    const auto port = local_endpoint(handed_over.front().number())->port;
    handed_over.push_back(made_by_manager({Address::inner_v6({}), port}, SOCK_DGRAM, 0));
    const auto pairs = open(std::move(handed_over));
    ASSERT_TRUE(pairs) << pairs.error().what;
    ASSERT_EQ(pairs->size(), 2U) << log_.lines.front();
    EXPECT_EQ(option((*pairs)[0].udp.number(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
    EXPECT_EQ((*pairs)[1].local, (Endpoint{Address::v4({}), port}));
    EXPECT_TRUE((*pairs)[0].tcp);
    EXPECT_FALSE((*pairs)[1].tcp);
}

TEST_F(ListeningSocketsTest, NameWhatTheyCannotUse) {
    std::vector<Descriptor> handed_over;
    handed_over.push_back(
        made_by_manager({Address::v4({std::byte{127}, {}, {}, std::byte{1}}), 0}, SOCK_DGRAM));
    const auto number = std::to_string(handed_over.front().number());
    EXPECT_FALSE(open(std::move(handed_over)));
    EXPECT_TRUE(log_.contains("Descriptor " + number +
                              " handed over by the service manager is "
                              "not of use"));
}

TEST(ServicePortTest, IsWhatTheSystemKnows) {
    EXPECT_EQ(service_port("http"), "80");
    EXPECT_EQ(service_port("no-such-service"), std::nullopt);
}

}  // namespace
}  // namespace tinc::io
