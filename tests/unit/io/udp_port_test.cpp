#include "io/udp_port.hpp"

#include "io/socket_address.hpp"
#include "support/recorded_log.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace tinc::io {
namespace {

/// Takes datagrams as long as the test lets it.
class Path final : public DataPath {
  public:
    std::size_t room() const override {
        ++asked;
        return room_left;
    }
    void from_device(packet::Batch& /*frames*/) override {}
    void from_network(packet::Batch& datagrams, std::span<const Endpoint> /*sources*/,
                      SocketIndex /*socket*/) override {
        taken.push_back(datagrams.size());
        if (on_packets) on_packets();
    }
    void forget_packets() override {}

    [[nodiscard]] std::size_t all() const {
        std::size_t sum = 0;
        for (const auto count : taken) sum += count;
        return sum;
    }

    std::size_t room_left = 1'000;
    mutable int asked = 0;
    std::vector<std::size_t> taken;
    std::function<void()> on_packets;
};

class UdpPortTest : public testing::Test {
  protected:
    UdpPortTest() {
        Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
        const auto any = to_socket_address({Address::parse("127.0.0.1").value(), 0});
        TINC_ASSERT(::bind(socket.number(), any.get(), any.size) == 0);
        local_ = local_endpoint(socket.number()).value();
        port_ = std::make_unique<UdpPort>(loop_, path_, log_, ReceivingRoom{arrivals_, batch_},
                                          std::move(socket), SocketIndex{0}, UdpPort::Options{});
        path_.on_packets = [this] {
            if (path_.all() >= wanted_) loop_.stop();
        };
    }

    void send(int count) {
        const auto to = to_socket_address(local_);
        for (int i = 0; i < count; ++i)
            ASSERT_EQ(::sendto(sender_.number(), "x", 1, 0, to.get(), to.size), 1);
        wanted_ += static_cast<std::size_t>(count);
    }

    asio::io_context loop_;
    test::RecordedLog log_{Level::always};
    Path path_;
    Arrivals arrivals_;
    packet::Batch batch_;
    Endpoint local_;
    Descriptor sender_{::socket(AF_INET, SOCK_DGRAM, 0)};
    std::size_t wanted_ = 0;
    std::unique_ptr<UdpPort> port_;
};

TEST_F(UdpPortTest, BringsWhatHasCome) {
    port_->start();
    send(5);
    loop_.run();
    EXPECT_EQ(path_.all(), 5U);
}

TEST_F(UdpPortTest, ReadsNoMoreThanThereIsRoomFor) {
    path_.room_left = 2;
    port_->start();
    send(9);
    loop_.run();
    EXPECT_EQ(path_.all(), 9U);
    EXPECT_LE(std::ranges::max(path_.taken), 2U);
}

TEST_F(UdpPortTest, LeavesPacketsInTheKernelUntilThereIsRoom) {
    path_.room_left = 0;
    port_->start();
    send(3);
    while (path_.asked < 3) loop_.run_one();
    EXPECT_EQ(path_.all(), 0U);
    path_.room_left = 1'000;
    loop_.run();
    EXPECT_EQ(path_.all(), 3U);
}

}  // namespace
}  // namespace tinc::io
