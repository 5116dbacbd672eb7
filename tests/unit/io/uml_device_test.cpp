#include "io/uml_device.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace tinc::io {
namespace {

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

/// As UML's kernel lays it out.
struct Request {
    std::uint32_t magic = 0xfeedface;
    std::uint32_t version = 3;
    std::uint32_t type = 0;
    sockaddr_un data{};
};

/// The end of the line that UML has.
class Uml {
  public:
    Uml(const std::string& path, const std::string& name)
        : control_(::socket(AF_UNIX, SOCK_STREAM, 0)), data_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
        request.data.sun_family = AF_UNIX;
        const auto unique = fmt::format("tinc-test-{}-{}", ::getpid(), name);
        unique.copy(request.data.sun_path + 1, unique.size());
        EXPECT_EQ(::bind(data_.number(), generic(request.data), sizeof request.data), 0);
        const auto address = address_of(path);
        EXPECT_EQ(::connect(control_.number(), generic(address), sizeof address), 0);
    }
    void send_request(std::size_t from = 0, std::size_t to = sizeof(Request)) const {
        std::array<char, sizeof(Request)> bytes{};
        std::memcpy(bytes.data(), &request, sizeof request);
        EXPECT_EQ(::send(control_.number(), bytes.data() + from, to - from, 0),
                  static_cast<ssize_t>(to - from));
    }
    /// Connects the data socket to the address in the answer.
    [[nodiscard]] bool take_answer() const {
        sockaddr_un answer{};
        return ::recv(control_.number(), &answer, sizeof answer, MSG_DONTWAIT) == sizeof answer &&
               ::connect(data_.number(), generic(answer), sizeof answer) == 0;
    }
    [[nodiscard]] bool is_hung_up() const {
        char byte = 0;
        return ::recv(control_.number(), &byte, 1, MSG_DONTWAIT) == 0;
    }
    /// The next frame, or nothing.
    [[nodiscard]] std::string heard() const {
        std::string frame(2000, '\0');
        const auto size = ::recv(data_.number(), frame.data(), frame.size(), MSG_DONTWAIT);
        frame.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return frame;
    }
    [[nodiscard]] int data() const { return data_.number(); }

    Request request;

  private:
    Descriptor control_;
    Descriptor data_;
};

class UmlDeviceTest : public testing::Test {
  protected:
    Device::Reading read() {
        frame_.clear();
        return device_.read(frame_);
    }
    /// Lets the device do what it was woken for.
    void settle() {
        for (int i = 0; i < 4; ++i) EXPECT_EQ(read(), Device::Reading::nothing);
    }
    test::TemporaryFolder folder_;
    std::string path_ = folder_.path("uml");
    test::RecordedLog log_;
    UmlDevice device_{path_, "", Receiver::own_interface, log_};
    packet::Packet frame_;
};

TEST_F(UmlDeviceTest, CarriesFramesBothWays) {
    ASSERT_TRUE(device_.open());
    const Uml uml(path_, "a");
    uml.send_request();
    settle();
    ASSERT_TRUE(uml.take_answer());
    EXPECT_TRUE(log_.contains("Connection with UML established"));

    EXPECT_EQ(::send(uml.data(), "to....from..type", 16, 0), 16);
    ASSERT_EQ(read(), Device::Reading::frame);
    EXPECT_EQ(frame_.size(), 16U);
    // Back with the address that UML has: a router's frames are for it.
    EXPECT_TRUE(device_.write(frame_));
    EXPECT_EQ(uml.heard(), "from..from..type");
}

TEST_F(UmlDeviceTest, TakesTheAddressThatUmlMakesUpForItsOwn) {
    ASSERT_TRUE(device_.open());
    const Uml uml(path_, "f");
    uml.send_request();
    settle();
    ASSERT_TRUE(uml.take_answer());
    frame_.clear();
    frame_.resize(14);
    std::ranges::fill(frame_.bytes(), std::byte{7});
    EXPECT_TRUE(device_.write(frame_));
    EXPECT_EQ(uml.heard(), std::string("\xfe\xfd\0\0\0\0", 6) + std::string(8, '\7'));
}

TEST_F(UmlDeviceTest, TakesARequestInPieces) {
    ASSERT_TRUE(device_.open());
    const Uml uml(path_, "b");
    uml.send_request(0, 5);
    settle();
    EXPECT_FALSE(uml.take_answer());
    uml.send_request(5);
    settle();
    EXPECT_TRUE(uml.take_answer());
}

TEST_F(UmlDeviceTest, TakesTheNextUmlAfterTheFirst) {
    ASSERT_TRUE(device_.open());
    std::optional<Uml> first(std::in_place, path_, "c");
    first->send_request();
    const Uml second(path_, "d");
    second.send_request();
    settle();
    EXPECT_TRUE(first->take_answer());
    EXPECT_FALSE(second.take_answer());
    first.reset();
    settle();
    EXPECT_TRUE(log_.contains("Connection with UML closed"));
    EXPECT_TRUE(second.take_answer());
}

TEST_F(UmlDeviceTest, HangsUpOnWhatIsNoUml) {
    ASSERT_TRUE(device_.open());
    for (const int wrong : {0, 1, 2, 3}) {
        Uml uml(path_, fmt::format("e{}", wrong));
        if (wrong == 0) uml.request.magic = 1;
        if (wrong == 1) uml.request.version = 2;
        if (wrong == 2) uml.request.type = 7;
        if (wrong == 3) uml.request.data.sun_family = AF_INET;
        uml.send_request();
        settle();
        EXPECT_TRUE(uml.is_hung_up()) << wrong;
    }
    EXPECT_TRUE(log_.contains(
        "Unknown magic 1, request type 0 or version 3 on UML network socket " + path_));
}

TEST_F(UmlDeviceTest, DropsFramesWhileNobodyIsThere) {
    ASSERT_TRUE(device_.open());
    frame_.clear();
    frame_.resize(60);
    EXPECT_FALSE(device_.write(frame_));
    settle();
}

TEST_F(UmlDeviceTest, ReplacesASocketThatWasLeftBehind) {
    {
        const Descriptor left(::socket(AF_UNIX, SOCK_STREAM, 0));
        const auto address = address_of(path_);
        ASSERT_EQ(::bind(left.number(), generic(address), sizeof address), 0);
    }
    EXPECT_TRUE(device_.open());
}

TEST_F(UmlDeviceTest, LeavesTheSocketOfAnother) {
    UmlDevice other(path_, "", Receiver::as_sent, log_);
    ASSERT_TRUE(other.open());
    const auto opened = device_.open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().what.find("another program listens there"), std::string::npos);
    EXPECT_TRUE(std::filesystem::is_socket(path_));
}

TEST_F(UmlDeviceTest, LeavesAFileThatIsNoSocket) {
    std::ofstream(path_) << "precious";
    const auto opened = device_.open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().what,
              "Could not bind UML network socket to " + path_ + ": Address already in use");
    EXPECT_TRUE(std::filesystem::is_regular_file(path_));
}

TEST_F(UmlDeviceTest, RemovesItsSocketAtTheEnd) {
    ASSERT_TRUE(device_.open());
    device_.close();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace tinc::io
