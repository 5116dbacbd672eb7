#include "io/child_process.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string_view>
#include <unordered_set>

namespace tinc::io {

namespace {

/// What posix_spawn() needs, as text that stays where it is.
std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
    out.push_back(nullptr);
    return out;
}

/// Own process group, default signals, three descriptors.
class SpawnPlan {
  public:
    explicit SpawnPlan(const StandardStreams& streams) {
        posix_spawn_file_actions_init(&files_);
        posix_spawn_file_actions_adddup2(&files_, streams.input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files_, streams.output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files_, streams.error, STDERR_FILENO);
        posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);

        posix_spawnattr_init(&attributes_);
        sigset_t signals;
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&files_);
        posix_spawnattr_destroy(&attributes_);
    }

    [[nodiscard]] const posix_spawn_file_actions_t* files() const { return &files_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

}  // namespace

std::vector<std::string> inherited_environment(std::initializer_list<const Environment*> first) {
    std::vector<std::string> out;
    std::unordered_set<std::string> names;
    for (const auto* set : first) {
        for (const auto& [name, value] : *set) {
            if (names.insert(name).second) out.push_back(fmt::format("{}={}", name, value));
        }
    }
    for (char** at = environ; at && *at; ++at) {
        const std::string_view entry = *at;
        if (!names.contains(std::string(entry.substr(0, entry.find('='))))) out.emplace_back(entry);
    }
    return out;
}

std::expected<pid_t, int> start_process(const std::vector<std::string>& words,
                                        const std::vector<std::string>& environment,
                                        const StandardStreams& streams) {
    const SpawnPlan plan(streams);
    const auto arguments = pointers_to(words);
    const auto variables = pointers_to(environment);
    pid_t pid = 0;
    const int code = ::posix_spawnp(&pid, arguments.front(), plan.files(), plan.attributes(),
                                    arguments.data(), variables.data());
    if (code != 0) return std::unexpected(code);
    return pid;
}

std::string bad_end(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        return fmt::format("exited with non-zero status {}", WEXITSTATUS(status));
    if (WIFSIGNALED(status))
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                           ::strsignal(WTERMSIG(status)));
    return {};
}

}  // namespace tinc::io
