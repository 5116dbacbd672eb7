#include "tincd/pid_file.hpp"

#include "tinc/base/text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

namespace tinc::tincd {

namespace {

using io::Descriptor;

std::string for_net(std::string_view netname) {
    return netname.empty() ? "" : fmt::format(" for net `{}'", netname);
}

/// The name of a process, as the kernel has it; empty if it does not tell.
std::string name_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/comm", pid));
    std::string name;
    std::getline(file, name);
    return name;
}

/// Whether that process is a tincd. Its number may have gone to another program since.
bool is_daemon(pid_t pid) {
    if (::kill(pid, 0) != 0 && errno != EPERM) return false;
    const auto name = name_of(pid);
    return name.empty() || name == "tincd" || name == name_of(::getpid());
}

std::optional<pid_t> pid_in(int file) {
    std::array<char, 32> text{};
    const auto count = ::pread(file, text.data(), text.size(), 0);
    if (count <= 0) return std::nullopt;
    const std::string_view line(text.data(), static_cast<std::size_t>(count));
    const auto pid = parse_number<pid_t>(trim(line.substr(0, line.find('\n'))));
    return pid && *pid > 0 ? pid : std::nullopt;
}

/// Whether `path` still names this open file; its last owner may have removed it meanwhile.
bool is_named(int file, const std::string& path) {
    struct stat opened{};
    struct stat named{};
    return ::fstat(file, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
           opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

std::unexpected<Error> already_running(int file, std::string_view netname) {
    const auto pid = pid_in(file);
    const auto number = pid ? fmt::format(" with pid {}", *pid) : "";
    return failure(Errc::refused,
                   fmt::format("A tincd is already running{}{}.", for_net(netname), number));
}

}  // namespace

Result<PidFile> PidFile::acquire(const std::string& path, std::string_view netname) {
    constexpr auto flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    for (;;) {
        Descriptor file(::open(path.c_str(), flags, 0644));
        if (!file) return io::system_failure(fmt::format("Couldn't write pid file {}", path));
        if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) return already_running(file.number(), netname);
            return io::system_failure(fmt::format("Couldn't lock pid file {}", path));
        }
        if (!is_named(file.number(), path)) continue;
        const auto pid = pid_in(file.number());
        // In a fresh container we may have the number our predecessor had.
        if (pid && *pid != ::getpid() && is_daemon(*pid))
            return already_running(file.number(), netname);
        return PidFile(path, std::move(file));
    }
}

Result<void> PidFile::write_own_pid() {
    const auto text = fmt::format("{}\n", ::getpid());
    const auto size = static_cast<ssize_t>(text.size());
    if (::ftruncate(file_.number(), 0) != 0 || ::fchmod(file_.number(), 0644) != 0 ||
        ::pwrite(file_.number(), text.data(), text.size(), 0) != size)
        return io::system_failure(fmt::format("Couldn't write pid file {}", path_));
    return {};
}

void PidFile::remove() {
    if (file_ && is_named(file_.number(), path_)) ::unlink(path_.c_str());
}

std::optional<pid_t> read_pid(const std::string& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    return file ? pid_in(file.number()) : std::nullopt;
}

int signal_daemon(const std::string& path, std::string_view netname, int signal) {
    const auto pid = read_pid(path);
    if (!pid) {
        fmt::print(stderr, "No other tincd is running{}.\n", for_net(netname));
        return 1;
    }
    if (::kill(*pid, signal) == 0) return 0;
    if (errno == ESRCH) {
        fmt::print(stderr, "The tincd{} is no longer running. Removing stale lock file.\n",
                   for_net(netname));
        ::unlink(path.c_str());
        return 0;
    }
    fmt::print(stderr, "Could not send signal {} to process {}: {}\n", signal, *pid,
               io::reason_text(errno));
    return 1;
}

}  // namespace tinc::tincd
