#include "io/scripts.hpp"

#include "io/child_process.hpp"
#include "io/process_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string_view>

namespace tinc::io {

namespace {

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

/// A process that hangs in the kernel does not even end when it is killed: nobody waits for it.
void ScriptQueue::abandon() {
    waiting_.clear();
    kill_running();
    limit_.cancel();
    running_ = 0;
    idle_.raise();
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
    const auto environment = inherited_environment({&script.environment, &common_});
    auto pipe = OutputPipe::open(*open_outputs_);
    const auto follower =
        ProcessOutput::follow(loop_, log_, script.script, std::move(pipe.output), open_outputs_);
    const int output = follower ? pipe.input.number() : null_.number();
    const StandardStreams streams{.input = null_.number(), .output = output, .error = output};
    auto process = start_process(words, environment, streams);
    if (!process && process.error() == ENOEXEC) {
        words.insert(words.begin(), "/bin/sh");
        process = start_process(words, environment, streams);
    }
    if (!process) {
        report_failure_to_start(script.script, process.error());
        return false;
    }
    running_ = *process;
    running_name_ = script.script;
    running_output_ = follower;
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
    if (const auto words = bad_end(status); !words.empty())
        log_.print(Level::always, Severity::error, "Script {} {}", running_name_, words);
}

void ScriptQueue::kill_running() {
    if (running_ != 0) ::kill(-running_, SIGKILL);
}

std::string ScriptQueue::path_of(const std::string& script) const {
    return fmt::format("{}/{}{}", base_, script, extension_);
}

}  // namespace tinc::io
