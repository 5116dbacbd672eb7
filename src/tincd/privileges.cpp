#include "tincd/privileges.hpp"

#include "io/descriptor.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace tinc::tincd {

void forbid_core_files() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
}

Result<void> lock_memory() {
    // A user we become later (-U) may lock but little, and even the stack of a thread counts.
    const rlimit all{.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ::setrlimit(RLIMIT_MEMLOCK, &all);
    if (::mlockall(MCL_CURRENT | MCL_FUTURE) == 0) return {};
    return io::system_failure("System call `mlockall' failed");
}

Result<void> set_priority(const std::string& priority) {
    int nice = 0;
    if (priority == "low")
        nice = 10;
    else if (priority == "high")
        nice = -10;
    else if (priority.empty())
        return {};
    else if (priority != "normal")
        return failure(Errc::refused, fmt::format("Invalid priority `{}`!", priority));
    if (::setpriority(PRIO_PROCESS, 0, nice) == 0) return {};
    return io::system_failure("System call `setpriority' failed");
}

Result<void> change_root(const std::string& folder) {
    ::tzset();  // the time zone's file is out of reach afterwards
    if (::chroot(folder.c_str()) == 0 && ::chdir("/") == 0) return {};
    return io::system_failure(fmt::format("Could not change root directory to {}", folder));
}

Result<User> find_user(const std::string& name) {
    const passwd* entry = ::getpwnam(name.c_str());
    if (!entry) return failure(Errc::refused, fmt::format("unknown user `{}'", name));
    return User{name, entry->pw_uid, entry->pw_gid};
}

Result<void> become(const User& user) {
    if (::setgid(user.gid) != 0 || ::initgroups(user.name.c_str(), user.gid) != 0 ||
        ::setuid(user.uid) != 0)
        return io::system_failure(fmt::format("Could not become user {}", user.name));
    // A change of the user resets what forbids others to read our memory.
    ::prctl(PR_SET_DUMPABLE, 0);
    return {};
}

}  // namespace tinc::tincd
