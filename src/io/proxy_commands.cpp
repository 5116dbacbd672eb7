#include "io/proxy_commands.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <utility>

namespace tinc::io {

ProxyCommands::ProxyCommands(asio::io_context& loop, LogSink& log)
    : loop_(loop), log_(log), null_(::open("/dev/null", O_RDWR | O_CLOEXEC)), child_signal_(loop) {
    child_signal_.add(SIGCHLD);
}

ProxyCommands::~ProxyCommands() {
    for (const auto& [pid, child] : children_) ::kill(-pid, SIGKILL);
}

Result<Descriptor> ProxyCommands::start(const node::OpenCommand& wanted) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return system_failure("Creating socket pair failed");
    Descriptor ours(ends[0]);
    const Descriptor theirs(ends[1]);
    auto pipe = OutputPipe::open(*open_outputs_);
    const auto output =
        ProcessOutput::follow(loop_, log_, "Proxy command", std::move(pipe.output), open_outputs_);
    const auto process = start_process({"/bin/sh", "-c", wanted.command},
                                       inherited_environment({&wanted.environment, &common_}),
                                       {.input = theirs.number(),
                                        .output = theirs.number(),
                                        .error = output ? pipe.input.number() : null_.number()});
    if (!process) return system_failure("Proxy command could not be started", process.error());
    children_.emplace(*process, Child{.peer = wanted.peer, .is_killed = false, .output = output});
    watch();
    return ours;
}

void ProxyCommands::end(PeerId peer) {
    for (auto& [pid, child] : children_) {
        if (child.peer != peer || std::exchange(child.is_killed, true)) continue;
        ::kill(-pid, SIGKILL);
    }
}

void ProxyCommands::watch() {
    if (children_.empty() || std::exchange(is_watching_, true)) return;
    child_signal_.async_wait([this](const error_code& ec, int /*signal*/) {
        is_watching_ = false;
        if (!ec) reap();
    });
}

void ProxyCommands::reap() {
    std::erase_if(children_, [this](const auto& entry) {
        const auto& [pid, child] = entry;
        int status = 0;
        if (::waitpid(pid, &status, WNOHANG) == 0) return false;
        if (const auto output = child.output.lock()) output->drain();
        const bool was_our_wish =
            child.is_killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        if (const auto words = bad_end(status); !words.empty() && !was_our_wish)
            log_.print(Level::always, Severity::error, "Proxy command {}", words);
        return true;
    });
    watch();
}

}  // namespace tinc::io
