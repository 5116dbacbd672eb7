#pragma once

// The operator's scripts: one at a time, in the order they were wanted, while the daemon goes on.
//
//     add() -> queue -> spawn -> pipe lines to the log -> exit, or killed at the time limit -> next
//
// No shell stands between: the file itself is executed, or ScriptsInterpreter with the file as its
// last argument. A file without a #! line is given to /bin/sh, as a shell would.

#include "io/asio.hpp"
#include "io/child_process.hpp"
#include "io/condition.hpp"
#include "io/descriptor.hpp"
#include "io/process_output.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/log.hpp"
#include "tinc/node/effect.hpp"

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace tinc::io {

class ScriptQueue {
  public:
    /// `loop` and `log` outlive this object.
    ScriptQueue(asio::io_context& loop, LogSink& log,
                std::chrono::milliseconds time_limit = limits::script_time);
    ScriptQueue(const ScriptQueue&) = delete;
    ScriptQueue& operator=(const ScriptQueue&) = delete;
    /// Kills a script that still runs.
    ~ScriptQueue();

    /// The folder with the scripts; empty after chroot.
    void set_base(std::string base) { base_ = std::move(base); }
    /// Words separated by blanks; empty: the scripts themselves.
    void set_interpreter(std::string interpreter) { interpreter_ = std::move(interpreter); }
    /// What the names of all files end in: ".sh".
    void set_extension(std::string extension) { extension_ = std::move(extension); }
    /// What every script finds beside its own: NETNAME, DEVICE, INTERFACE, NAME.
    void set_common(Environment common) { common_ = std::move(common); }

    /// A script that does not exist is silently left out.
    void add(node::RunScript script);

    [[nodiscard]] bool is_idle() const { return running_ == 0 && waiting_.empty(); }
    /// Until nothing runs or waits.
    [[nodiscard]] awaitable<void> idle() { return idle_.wait(); }
    /// Gives up what waits, and kills what runs: idle from then on.
    void abandon();

  private:
    void run_next();
    [[nodiscard]] bool start(const node::RunScript& script);
    void report_failure_to_start(const std::string& name, int code);
    void watch_children();
    void child_changed();
    void report_end(int status);
    void kill_running();
    [[nodiscard]] std::string path_of(const std::string& script) const;

    LogSink& log_;
    std::chrono::milliseconds time_limit_;
    std::string base_;
    std::string interpreter_;
    std::string extension_;
    Environment common_;
    std::deque<node::RunScript> waiting_;
    pid_t running_ = 0;  ///< also its process group
    std::string running_name_;
    std::weak_ptr<ProcessOutput> running_output_;
    std::shared_ptr<std::size_t> open_outputs_ = std::make_shared<std::size_t>(0);
    asio::io_context& loop_;
    Descriptor null_;  ///< /dev/null, which is out of reach after chroot
    asio::signal_set child_signal_;
    asio::steady_timer limit_;
    Condition idle_;
};

}  // namespace tinc::io
