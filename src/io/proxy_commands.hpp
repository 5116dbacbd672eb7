#pragma once

// The commands of `Proxy = exec`. Each is one meta connection: the shell runs it with one end of a
// socket pair as standard input and output, and we have the other.

#include "io/asio.hpp"
#include "io/child_process.hpp"
#include "io/descriptor.hpp"
#include "io/process_output.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/log.hpp"
#include "tinc/node/effect.hpp"

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <memory>

namespace tinc::io {

class ProxyCommands {
  public:
    /// `loop` and `log` outlive this object.
    ProxyCommands(asio::io_context& loop, LogSink& log);
    ProxyCommands(const ProxyCommands&) = delete;
    ProxyCommands& operator=(const ProxyCommands&) = delete;
    /// Kills those that still run.
    ~ProxyCommands();

    /// What every command finds beside its own: NETNAME, NAME.
    void set_common(Environment common) { common_ = std::move(common); }

    /// Our end of the connection. What the command says on standard error goes to the log.
    [[nodiscard]] Result<Descriptor> start(const node::OpenCommand& wanted);
    /// The connection is over: kills its command, if it has one that still runs.
    void end(PeerId peer);

  private:
    struct Child {
        PeerId peer{};
        bool is_killed = false;
        std::weak_ptr<ProcessOutput> output;
    };

    void watch();
    /// Takes leave of those that have ended, and says how if it was not well.
    void reap();

    asio::io_context& loop_;
    LogSink& log_;
    Environment common_;
    std::map<pid_t, Child> children_;  ///< until they are reaped
    std::shared_ptr<std::size_t> open_outputs_ = std::make_shared<std::size_t>(0);
    Descriptor null_;  ///< /dev/null, which is out of reach after chroot
    asio::signal_set child_signal_;
    bool is_watching_ = false;
};

}  // namespace tinc::io
