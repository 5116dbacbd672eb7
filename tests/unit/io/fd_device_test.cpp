#include "io/fd_device.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace tinc::io {
namespace {

using Bytewise = std::vector<unsigned char>;

/// Two ends of a line that keeps packets apart.
std::array<Descriptor, 2> line() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

Bytewise content_of(const packet::Packet& frame) {
    const auto* first = reinterpret_cast<const unsigned char*>(frame.bytes().data());
    return {first, first + frame.size()};
}

class FdDeviceTest : public testing::Test {
  protected:
    void SetUp() override {
        auto ends = line();
        other_end_ = std::move(ends[1]);
        device_ = std::make_unique<FdDevice>(std::to_string(ends[0].release()), "", log_);
        ASSERT_TRUE(device_->open());
        frame_.clear();
    }
    void hand_in(const Bytewise& packet) const {
        EXPECT_EQ(::send(other_end_.number(), packet.data(), packet.size(), 0),
                  static_cast<ssize_t>(packet.size()));
    }
    test::RecordedLog log_;
    Descriptor other_end_;
    std::unique_ptr<FdDevice> device_;
    packet::Packet frame_;
};

TEST_F(FdDeviceTest, PutsAnEthernetHeaderBeforeIpPackets) {
    Bytewise expected(14, 0);
    for (const auto& [first, type] : {std::pair{0x45, 0x0800}, std::pair{0x60, 0x86dd}}) {
        hand_in({static_cast<unsigned char>(first), 1, 2});
        frame_.clear();
        ASSERT_EQ(device_->read(frame_), Device::Reading::frame);
        expected.resize(12);
        for (const int byte : {type >> 8, type & 0xff, first, 1, 2})
            expected.push_back(static_cast<unsigned char>(byte));
        EXPECT_EQ(content_of(frame_), expected);
    }
    EXPECT_EQ(device_->read(frame_), Device::Reading::nothing);
}

TEST_F(FdDeviceTest, NamesAPacketOfNoKnownVersion) {
    hand_in({0x15, 1, 2});
    ASSERT_EQ(device_->read(frame_), Device::Reading::frame);
    EXPECT_EQ(content_of(frame_)[12], 0) << "the router must not take it for IP";
    EXPECT_TRUE(log_.contains("Unknown IP version while reading packet from fd/"));
}

TEST_F(FdDeviceTest, TakesTheEthernetHeaderOff) {
    frame_.resize(16);
    frame_.bytes()[14] = std::byte{0x45};
    frame_.bytes()[15] = std::byte{7};
    EXPECT_TRUE(device_->write(frame_));
    Bytewise got(100);
    got.resize(static_cast<std::size_t>(
        ::recv(other_end_.number(), got.data(), got.size(), MSG_DONTWAIT)));
    EXPECT_EQ(got, (Bytewise{0x45, 7}));
}

TEST_F(FdDeviceTest, IsGoneForGoodWithItsOtherEnd) {
    other_end_.close();
    EXPECT_EQ(device_->read(frame_), Device::Reading::gone);
    const auto again = device_->open();
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::refused);
}

struct BadDevice {
    std::string name;
    std::string device;
    std::string complaint;
};

class FdDeviceRefuses : public testing::TestWithParam<BadDevice> {};

TEST_P(FdDeviceRefuses, WithAnExplanation) {
    test::RecordedLog log;
    FdDevice device(GetParam().device, "", log);
    const auto opened = device.open();
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().what.starts_with(GetParam().complaint)) << opened.error().what;
}

INSTANTIATE_TEST_SUITE_P(
    Io, FdDeviceRefuses,
    testing::Values(BadDevice{"not_open", "9999", "Could not open fd/9999: Bad file descriptor"},
                    BadDevice{"nobody_listens", "/nonexistent/socket",
                              "Could not connect to Unix socket /nonexistent/socket: No such file"},
                    BadDevice{"too_long", std::string(200, 'x'), "Unix socket path too long!"}),
    [](const auto& bad) { return bad.param.name; });

/// A program that waits at a UNIX socket and hands one descriptor over, or only a byte.
class Giver {
  public:
    explicit Giver(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        if (path.starts_with('@')) address.sun_path[0] = '\0';
        EXPECT_EQ(::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(socket_.number(), 1), 0);
    }
    /// Waits for somebody; a negative number hands over nothing.
    void give(int number) const {
        const Descriptor taker(::accept(socket_.number(), nullptr, nullptr));
        std::byte byte{};
        iovec vector{&byte, 1};
        alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        if (number >= 0) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            auto* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof number);
            std::memcpy(CMSG_DATA(header), &number, sizeof number);
        }
        EXPECT_EQ(::sendmsg(taker.number(), &message, 0), 1);
    }

  private:
    Descriptor socket_;
};

class FdDeviceHandOverTest : public testing::TestWithParam<bool> {
  protected:
    /// A path, or a name outside the file system.
    [[nodiscard]] std::string path() const {
        return GetParam() ? fmt::format("@tinc-test-{}", ::getpid()) : folder_.path("socket");
    }
    test::TemporaryFolder folder_;
    test::RecordedLog log_;
};

TEST_P(FdDeviceHandOverTest, TakesTheDescriptorThatComesByASocket) {
    const auto ends = line();
    const Giver giver(path());
    std::thread thread([&] { giver.give(ends[0].number()); });
    FdDevice device(path(), "", log_);
    const auto opened = device.open();
    thread.join();
    ASSERT_TRUE(opened) << opened.error().what;
    EXPECT_TRUE(log_.contains("Receiving fd from Unix socket at " + path() + "."));
    EXPECT_EQ(device.greeting(), fmt::format("fd/{} adapter set up.", device.descriptor()));
    EXPECT_EQ(::send(ends[1].number(), "\x45", 1, 0), 1);
    packet::Packet frame;
    frame.clear();
    EXPECT_EQ(device.read(frame), Device::Reading::frame);
}

TEST_P(FdDeviceHandOverTest, SaysSoIfNoDescriptorComes) {
    const Giver giver(path());
    std::thread thread([&] { giver.give(-1); });
    FdDevice device(path(), "", log_);
    const auto opened = device.open();
    thread.join();
    ASSERT_FALSE(opened);
    EXPECT_TRUE(opened.error().what.ends_with("no descriptor came")) << opened.error().what;
}

INSTANTIATE_TEST_SUITE_P(Io, FdDeviceHandOverTest, testing::Bool(), [](const auto& is_abstract) {
    return is_abstract.param ? "abstract" : "path";
});

}  // namespace
}  // namespace tinc::io
