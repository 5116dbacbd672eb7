#include "tincd/pid_file.hpp"

#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <string>

namespace tinc::tincd {
namespace {

class PidFileTest : public testing::Test {
  protected:
    auto acquire(std::string_view netname = "") { return PidFile::acquire(path_, netname); }
    std::string text() { return folder_.read("tinc.pid"); }

    /// A process that is no more, so that nobody has its number.
    static pid_t dead_process() {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(0);
        ::waitpid(pid, nullptr, 0);
        return pid;
    }

    /// A process that waits to be killed.
    static pid_t process_called(const char* name) {
        std::array<int, 2> ready{};
        TINC_ASSERT(::pipe(ready.data()) == 0);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_NAME, name);
            ::close(ready[1]);
            for (;;) ::pause();
        }
        ::close(ready[1]);
        char nothing = 0;
        static_cast<void>(::read(ready[0], &nothing, 1));  // until the child has its name
        ::close(ready[0]);
        return pid;
    }

    test::TemporaryFolder folder_;
    std::string path_ = folder_.path("tinc.pid");
};

TEST_F(PidFileTest, HoldsOurNumberForEverybodyToRead) {
    auto file = acquire();
    ASSERT_TRUE(file) << file.error().what;
    ASSERT_TRUE(file->write_own_pid());
    EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
    EXPECT_EQ(read_pid(path_), ::getpid());
    struct stat status{};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0644U);
    file->remove();
    EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PidFileTest, KeepsASecondDaemonOut) {
    auto first = acquire();
    ASSERT_TRUE(first && first->write_own_pid());
    const auto second = acquire("vpn");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().what, "A tincd is already running for net `vpn' with pid " +
                                       std::to_string(::getpid()) + ".");
    EXPECT_EQ(text(), std::to_string(::getpid()) + "\n") << "the first one's file is untouched";
}

TEST_F(PidFileTest, RespectsADaemonThatDoesNotLock) {
    const pid_t daemon = process_called("tincd");
    folder_.write("tinc.pid", std::to_string(daemon) + "\n");
    const auto file = acquire();
    ::kill(daemon, SIGKILL);
    ::waitpid(daemon, nullptr, 0);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().what,
              "A tincd is already running with pid " + std::to_string(daemon) + ".");
}

TEST_F(PidFileTest, TakesNoOtherProgramForADaemon) {
    const pid_t stranger = process_called("cron");
    folder_.write("tinc.pid", std::to_string(stranger) + "\n");
    const auto file = acquire();
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
    EXPECT_TRUE(file) << file.error().what;
}

TEST_F(PidFileTest, TakesOverFromTheDead) {
    for (const auto& left : {std::to_string(dead_process()) + "\n", std::string(),
                             std::string("garbage\n"), std::to_string(::getpid()) + "\n"}) {
        folder_.write("tinc.pid", left);
        auto file = acquire();
        ASSERT_TRUE(file) << left << file.error().what;
        ASSERT_TRUE(file->write_own_pid());
        EXPECT_EQ(text(), std::to_string(::getpid()) + "\n");
    }
}

TEST_F(PidFileTest, NeverFollowsASymbolicLink) {
    folder_.write("victim", "precious");
    std::filesystem::create_symlink(folder_.path("victim"), path_);
    EXPECT_FALSE(acquire());
    EXPECT_EQ(folder_.read("victim"), "precious");
}

TEST_F(PidFileTest, NamesAFolderThatIsMissing) {
    const auto file = PidFile::acquire("/nonexistent/tinc.pid", "");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().what,
              "Couldn't write pid file /nonexistent/tinc.pid: No such file or directory");
}

TEST_F(PidFileTest, DoesNotRemoveAnothersFile) {
    auto file = acquire();
    ASSERT_TRUE(file);
    std::filesystem::remove(path_);
    folder_.write("tinc.pid", "1\n");
    file->remove();
    EXPECT_EQ(text(), "1\n");
}

class SignalDaemonTest : public PidFileTest {
  protected:
    int send(int signal, std::string_view netname = "") {
        testing::internal::CaptureStderr();
        const int code = signal_daemon(path_, netname, signal);
        said_ = testing::internal::GetCapturedStderr();
        return code;
    }
    std::string said_;
};

TEST_F(SignalDaemonTest, FailsWithoutAFile) {
    EXPECT_EQ(send(SIGTERM), 1);
    EXPECT_EQ(said_, "No other tincd is running.\n");
    folder_.write("tinc.pid", "");
    EXPECT_EQ(send(SIGTERM, "vpn"), 1);
    EXPECT_EQ(said_, "No other tincd is running for net `vpn'.\n");
}

TEST_F(SignalDaemonTest, RemovesWhatTheDeadLeft) {
    folder_.write("tinc.pid", std::to_string(dead_process()) + "\n");
    EXPECT_EQ(send(SIGTERM), 0);
    EXPECT_EQ(said_, "The tincd is no longer running. Removing stale lock file.\n");
    EXPECT_FALSE(std::filesystem::exists(path_));
    folder_.write("tinc.pid", std::to_string(dead_process()) + "\n");
    EXPECT_EQ(send(SIGTERM, "vpn"), 0);
    EXPECT_EQ(said_, "The tincd for net `vpn' is no longer running. Removing stale lock file.\n");
}

TEST_F(SignalDaemonTest, ReachesTheProcess) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    folder_.write("tinc.pid", std::to_string(child) + "\n");
    EXPECT_EQ(send(SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_EQ(said_, "");
}

}  // namespace
}  // namespace tinc::tincd
