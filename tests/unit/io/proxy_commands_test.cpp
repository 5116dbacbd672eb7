#include "io/proxy_commands.hpp"

#include "support/recorded_log.hpp"
#include "support/temporary_folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace tinc::io {
namespace {

constexpr PeerId beta{7};

class ProxyCommandsTest : public testing::Test {
  protected:
    Descriptor start(const std::string& command, Environment environment = {}) {
        auto socket = commands_->start({beta, command, std::move(environment)});
        EXPECT_TRUE(socket);
        return std::move(*socket);
    }
    /// Until all commands have ended and nobody holds their standard error.
    void run() {
        loop_.restart();
        loop_.run();
    }
    /// What comes out of a connection until its end.
    static std::string rest_of(const Descriptor& socket) {
        std::string text;
        std::array<char, 256> chunk{};
        for (;;) {
            const auto count = ::read(socket.number(), chunk.data(), chunk.size());
            if (count < 0 && errno == EINTR) continue;  // SIGCHLD
            if (count <= 0) return text;
            text.append(chunk.data(), static_cast<std::size_t>(count));
        }
    }

    asio::io_context loop_;
    test::RecordedLog log_;
    test::TemporaryFolder folder_;
    std::unique_ptr<ProxyCommands> commands_ = std::make_unique<ProxyCommands>(loop_, log_);
};

TEST_F(ProxyCommandsTest, BothDirectionsAreTheCommands) {
    const auto socket = start("read line; echo got $line");
    ASSERT_EQ(::write(socket.number(), "it\n", 3), 3);
    EXPECT_EQ(rest_of(socket), "got it\n");
    run();
    EXPECT_TRUE(log_.lines.empty());
}

TEST_F(ProxyCommandsTest, KnowWhereToGo) {
    commands_->set_common({{"NAME", "alpha"}, {"NODE", "nobody"}});
    ::setenv("REMOTEPORT", "inherited", 1);
    const auto socket = start("echo $NAME $NODE $REMOTEADDRESS $REMOTEPORT",
                              {{"NODE", "beta"}, {"REMOTEADDRESS", "::1"}, {"REMOTEPORT", "655"}});
    ::unsetenv("REMOTEPORT");
    EXPECT_EQ(rest_of(socket), "alpha beta ::1 655\n");
    run();
}

TEST_F(ProxyCommandsTest, ErrorsGoToTheLog) {
    const auto socket = start("echo no way >&2; exit 3");
    run();
    EXPECT_EQ(rest_of(socket), "");
    EXPECT_TRUE(log_.contains("Proxy command: no way"));
    EXPECT_TRUE(log_.contains("Proxy command exited with non-zero status 3"));
}

TEST_F(ProxyCommandsTest, TellHowTheyEndedEvenIfTheConnectionWasQuicker) {
    const auto socket = start("exit 4");
    EXPECT_EQ(rest_of(socket), "");
    commands_->end(beta);
    run();
    EXPECT_TRUE(log_.contains("Proxy command exited with non-zero status 4"));
}

TEST_F(ProxyCommandsTest, AreKilledWithTheirChildrenWhenTheConnectionEnds) {
    const auto socket = start("sleep 3600 & echo $$; sleep 3600");
    std::array<char, 16> pid{};
    ASSERT_GT(::read(socket.number(), pid.data(), pid.size() - 1), 0);
    commands_->end(PeerId{8});
    EXPECT_EQ(::kill(std::atoi(pid.data()), 0), 0) << "another connection has ended";
    commands_->end(beta);
    EXPECT_EQ(rest_of(socket), "") << "nobody holds the other end";
    run();
    EXPECT_EQ(::kill(std::atoi(pid.data()), 0), -1) << "it was reaped";
    EXPECT_TRUE(log_.lines.empty()) << "it was our wish";
}

TEST_F(ProxyCommandsTest, AreKilledAtTheEndOfTheDaemon) {
    const auto socket = start("sleep 3600");
    commands_.reset();
    EXPECT_EQ(rest_of(socket), "");
}

TEST_F(ProxyCommandsTest, HaveNoOtherDescriptorOfOurs) {
    const int ours = ::fcntl(STDERR_FILENO, F_DUPFD, 100);  // without close-on-exec
    const auto socket = start("ls /proc/$$/fd");
    const auto listed = rest_of(socket);
    ::close(ours);
    EXPECT_TRUE(listed.starts_with("0\n1\n2\n")) << listed;
    EXPECT_EQ(listed.find("100"), std::string::npos) << listed;
    run();
}

TEST_F(ProxyCommandsTest, HaveDefaultSignals) {
    ::signal(SIGPIPE, SIG_IGN);
    const auto socket = start("kill -PIPE $$; echo ignored");
    EXPECT_EQ(rest_of(socket), "");
    ::signal(SIGPIPE, SIG_DFL);
    run();
    EXPECT_TRUE(log_.contains("Proxy command was killed by signal 13"));
}

}  // namespace
}  // namespace tinc::io
