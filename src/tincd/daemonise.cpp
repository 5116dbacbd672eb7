#include "tincd/daemonise.hpp"

#include "io/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace tinc::tincd {

namespace {

constexpr std::array streams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

/// Goes on in a child; the parent ends.
Result<void> leave_parent() {
    const pid_t child = ::fork();
    if (child < 0) return io::system_failure("Couldn't detach from terminal");
    if (child > 0) ::_exit(EXIT_SUCCESS);
    return {};
}

}  // namespace

Result<void> daemonise() {
    const io::Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) return io::system_failure("/dev/null");
    TINC_CHECK(leave_parent());
    if (::setsid() < 0) return io::system_failure("Couldn't detach from terminal");
    TINC_CHECK(leave_parent());  // who leads no session never gets a terminal
    if (::chdir("/") != 0) return io::system_failure("/");
    for (const int stream : streams) ::dup2(null.number(), stream);
    return {};
}

void ensure_standard_streams() {
    for (const int stream : streams) {
        // open() takes the lowest free number, which is this one.
        if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != stream) ::abort();
    }
}

}  // namespace tinc::tincd
