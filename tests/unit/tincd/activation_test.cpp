#include "tincd/activation.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

namespace tinc::tincd {
namespace {

/// Environment of a start. LISTEN_FDS is 0: descriptors of the test program are not to be taken.
Activation started(const std::optional<std::string>& listen_pid, Ground ground,
                   const char* listen_fds = "0") {
    if (listen_pid) ::setenv("LISTEN_PID", listen_pid->c_str(), 1);
    ::setenv("LISTEN_FDS", listen_fds, 1);
    auto activation = take_activation(ground);
    EXPECT_EQ(std::getenv("LISTEN_PID"), nullptr);
    EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
    return activation;
}

/// In a process of its own: whether descriptors 3 and 4 are taken.
bool takes_two(const std::optional<std::string>& listen_pid, Ground ground) {
    const auto child = ::fork();
    if (child == 0) {
        for (const int number : {3, 4}) ::dup2(STDERR_FILENO, number);
        const auto pid = listen_pid == "own" ? std::to_string(::getpid()) : listen_pid;
        ::_exit(started(pid, ground, "2").sockets.size() == 2 ? 0 : 1);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status == 0;
}

TEST(ActivationTest, IsMeantForTheProcessThatIsNamed) {
    EXPECT_TRUE(started(std::to_string(::getpid()), Ground::back).is_meant);
    EXPECT_FALSE(started("1", Ground::fore).is_meant);
    EXPECT_FALSE(started(std::nullopt, Ground::fore).is_meant);
}

TEST(ActivationTest, TakesTheSocketsOfTheProcessThatIsNamed) {
    EXPECT_TRUE(takes_two("own", Ground::fore));
    EXPECT_TRUE(takes_two("own", Ground::back));
    EXPECT_FALSE(takes_two("1", Ground::fore));
    EXPECT_FALSE(takes_two("", Ground::fore));
}

TEST(ActivationTest, TakesSocketsForNobodyInTheForegroundOnly) {
    EXPECT_TRUE(takes_two(std::nullopt, Ground::fore));
    EXPECT_FALSE(takes_two(std::nullopt, Ground::back));
}

}  // namespace
}  // namespace tinc::tincd
