#include "io/scripts.hpp"

#include "io/script_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <unordered_set>

extern char** environ;  // NOLINT: POSIX declares it nowhere

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

std::vector<std::string> split_at_blanks(std::string_view text) {
    std::vector<std::string> words;
    constexpr std::string_view blanks = " \t";
    while (true) {
        const auto begin = text.find_first_not_of(blanks);
        if (begin == std::string_view::npos) return words;
        text.remove_prefix(begin);
        const auto end = std::min(text.find_first_of(blanks), text.size());
        words.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    }
}

/// Own process group, default signals, output to the pipe, no other descriptor of ours.
class SpawnPlan {
  public:
    SpawnPlan(int input, int output) {
        posix_spawn_file_actions_init(&files_);
        posix_spawn_file_actions_adddup2(&files_, input, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files_, output, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&files_, output, STDERR_FILENO);
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

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

}  // namespace

ScriptQueue::ScriptQueue(asio::io_context& loop, LogSink& log, std::chrono::milliseconds time_limit)
    : log_(log),
      time_limit_(time_limit),
      loop_(loop),
      null_(::open("/dev/null", O_RDWR | O_CLOEXEC)),
      child_signal_(loop),
      limit_(loop),
      idle_(loop) {
    idle_.raise();
    child_signal_.add(SIGCHLD);
}

ScriptQueue::~ScriptQueue() { kill_running(); }

void ScriptQueue::add(node::RunScript script) {
    if (!exists(path_of(script.script))) return;
    if (waiting_.size() >= limits::queued_scripts) {
        log_.print(Level::always, Severity::error,
                   "Too many scripts are waiting, {} will not be executed", script.script);
        return;
    }
    waiting_.push_back(std::move(script));
    idle_.lower();
    if (running_ == 0) run_next();
}

void ScriptQueue::abandon() {
    waiting_.clear();
    kill_running();
}

void ScriptQueue::run_next() {
    while (!waiting_.empty()) {
        const auto script = std::move(waiting_.front());
        waiting_.pop_front();
        if (start(script)) return;
    }
    idle_.raise();
}

bool ScriptQueue::start(const node::RunScript& script) {
    const auto path = path_of(script.script);
    if (!exists(path)) return false;
    log_.print(Level::status, Severity::info, "Executing script {}", script.script);

    auto words = split_at_blanks(interpreter_);
    words.push_back(path);
    const auto environment = full_environment(script.environment);
    auto pipe = ScriptPipe::open(*open_outputs_);
    int code = spawn(words, environment, pipe.input.number());
    if (code == ENOEXEC) {
        words.insert(words.begin(), "/bin/sh");
        code = spawn(words, environment, pipe.input.number());
    }
    if (code != 0) {
        report_failure_to_start(script.script, code);
        return false;
    }
    running_name_ = script.script;
    running_output_ =
        Output::follow(loop_, log_, script.script, std::move(pipe.output), open_outputs_);
    watch_children();
    limit_.expires_after(time_limit_);
    limit_.async_wait([this, pid = running_](const error_code& ec) {
        if (ec || running_ != pid) return;
        log_.print(Level::always, Severity::error,
                   "Script {} has not ended after {} seconds and is killed", running_name_,
                   std::chrono::duration<double>(time_limit_).count());
        kill_running();
    });
    return true;
}

int ScriptQueue::spawn(const std::vector<std::string>& words,
                       const std::vector<std::string>& environment, int output) {
    const SpawnPlan plan(null_.number(), output < 0 ? null_.number() : output);
    const auto arguments = pointers_to(words);
    const auto variables = pointers_to(environment);
    pid_t pid = 0;
    // An interpreter is found on the PATH; a script has a slash in its name.
    const int code = ::posix_spawnp(&pid, arguments.front(), plan.files(), plan.attributes(),
                                    arguments.data(), variables.data());
    if (code == 0) running_ = pid;
    return code;
}

void ScriptQueue::report_failure_to_start(const std::string& name, int code) {
    if (code == EACCES && interpreter_.empty()) {
        log_.print(Level::always, Severity::error, "Script {} is not executable: chmod +x {}", name,
                   path_of(name));
        return;
    }
    const auto* advice = code == ENOENT ? " (is its interpreter installed?)" : "";
    log_.print(Level::always, Severity::error, "Script {} could not be started: {}{}", name,
               reason_text(code), advice);
}

std::vector<std::string> ScriptQueue::full_environment(const Environment& own) const {
    std::vector<std::string> out;
    std::unordered_set<std::string> names;
    for (const auto* set : {&own, &common_}) {
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

void ScriptQueue::watch_children() {
    child_signal_.async_wait([this](const error_code& ec, int /*signal*/) {
        if (!ec) child_changed();
    });
}

void ScriptQueue::child_changed() {
    int status = 0;
    const pid_t ended = running_ != 0 ? ::waitpid(running_, &status, WNOHANG) : 0;
    if (ended == 0 && running_ != 0) return watch_children();
    if (running_ == 0) return;
    limit_.cancel();
    if (const auto output = running_output_.lock()) output->drain();
    running_ = 0;
    if (ended > 0) report_end(status);
    run_next();
}

void ScriptQueue::report_end(int status) {
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        log_.print(Level::always, Severity::error, "Script {} exited with non-zero status {}",
                   running_name_, WEXITSTATUS(status));
    } else if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        log_.print(Level::always, Severity::error, "Script {} was killed by signal {} ({})",
                   running_name_, signal, ::strsignal(signal));
    }
}

void ScriptQueue::kill_running() {
    if (running_ != 0) ::kill(-running_, SIGKILL);
}

std::string ScriptQueue::path_of(const std::string& script) const {
    return fmt::format("{}/{}", base_, script);
}

}  // namespace tinc::io
