#include "io/graph_dump.hpp"

#include "io/child_process.hpp"
#include "io/descriptor.hpp"
#include "io/replace_file.hpp"
#include "tinc/graph/drawing.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <utility>

namespace tinc::io {

namespace {

using std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

/// Whether it happens in time.
bool wait_for(int descriptor, short event, Deadline deadline) {
    pollfd wanted{.fd = descriptor, .events = event, .revents = 0};
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Deadline::clock::now());
        const int found =
            ::poll(&wanted, 1, static_cast<int>(std::max(left, milliseconds(0)).count()));
        if (found >= 0 || errno != EINTR) return found > 0;
    }
}

/// What a command that reads no further does not take is lost, without a word.
void feed(int pipe, std::string_view text, Deadline deadline) {
    while (!text.empty() && wait_for(pipe, POLLOUT, deadline)) {
        const auto count = ::write(pipe, text.data(), text.size());
        if (count < 0 && errno != EINTR && errno != EAGAIN) return;
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
}

/// How the command ended, or nothing if it had to be killed.
std::optional<int> status_of(pid_t child, Deadline deadline) {
    const Descriptor end(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    const bool has_ended = end && wait_for(end.number(), POLLIN, deadline);
    if (!has_ended) ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!has_ended) return std::nullopt;
    return status;
}

Result<void> pipe_into(const std::string& command, std::string_view text, milliseconds limit) {
    const auto deadline = Deadline::clock::now() + limit;
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return system_failure("Could not make a pipe");
    Descriptor for_child(ends[0]);
    Descriptor for_us(ends[1]);
    ::fcntl(for_us.number(), F_SETFL, O_NONBLOCK);
    const Descriptor null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    const auto child = start_process(
        {"/bin/sh", "-c", command}, inherited_environment({}),
        {.input = for_child.number(), .output = null.number(), .error = null.number()});
    if (!child)
        return system_failure("Could not start the command of GraphDumpFile", child.error());
    for_child.close();
    feed(for_us.number(), text, deadline);
    for_us.close();
    const auto status = status_of(*child, deadline);
    if (!status) {
        return failure(
            Errc::timed_out,
            fmt::format("The command of GraphDumpFile has not ended after {} seconds and "
                        "is killed",
                        std::chrono::duration<double>(limit).count()));
    }
    const auto end = bad_end(*status);
    if (end.empty()) return {};
    return failure(Errc::system, "The command of GraphDumpFile " + end);
}

Result<void> write_to(const std::string& target, std::string_view text, milliseconds limit) {
    if (target.starts_with('|')) return pipe_into(target.substr(1), text, limit);
    return replace_file(target, text, "graph dump file");
}

}  // namespace

GraphDump::GraphDump(asio::io_context& loop, LogSink& log, Times times)
    : log_(log), times_(times), timer_(loop), background_(loop, 1) {}

void GraphDump::set_target(std::string target) {
    if (target == target_) return;
    target_ = std::move(target);
    written_version_.reset();
}

void GraphDump::start(const graph::Graph& graph) {
    graph_ = &graph;
    wait();
}

void GraphDump::wait() {
    timer_.expires_after(times_.interval);
    timer_.async_wait([this](const error_code& ec) {
        if (ec) return;
        wait();
        dump();
    });
}

void GraphDump::dump() {
    const auto version = graph_->topology_version();
    if (target_.empty() || is_writing_ || written_version_ == version) return;
    log_.print(Level::protocol, Severity::notice, "Dumping graph");
    auto work = [target = target_, text = graph::drawing(*graph_), limit = times_.command_limit,
                 this]() -> Background::Answer {
        return [written = write_to(target, text, limit), this] {
            is_writing_ = false;
            if (!written) log_.print(Level::always, Severity::error, "{}", written.error().what);
        };
    };
    is_writing_ = background_.run(std::move(work), [this] { is_writing_ = false; });
    if (is_writing_) written_version_ = version;
}

}  // namespace tinc::io
