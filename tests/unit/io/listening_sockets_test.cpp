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
    const auto second = open();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what, "Unable to create any listening socket!");
    EXPECT_TRUE(log_.contains("Can't bind to 127.0.0.1 port " + settings_.port +
                              "/tcp: Address already in use"));
}

TEST_F(ListeningSocketsTest, FailWhenAnAddressCannotBeResolved) {
    settings_.bind_to_address = {{"127.0.0.1", ""}, {"not a host", ""}};
    const auto pairs = open();
    ASSERT_FALSE(pairs);
    EXPECT_TRUE(pairs.error().what.starts_with("Cannot resolve BindToAddress = not a host: "))
        << pairs.error().what;
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

}  // namespace
}  // namespace tinc::io
