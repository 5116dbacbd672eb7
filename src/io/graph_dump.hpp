#pragma once

#include "io/asio.hpp"
#include "io/background.hpp"
#include "tinc/base/log.hpp"
#include "tinc/graph/graph.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace tinc::io {

/// Writes the drawing of the mesh for GraphDumpFile every minute in which the mesh changed: into a
/// file, which is replaced as a whole, or after `|` into a shell command. On a thread of its own;
/// neither a slow disk nor a slow command is waited for.
class GraphDump {
  public:
    struct Times {
        std::chrono::milliseconds interval{60'000};
        std::chrono::milliseconds command_limit{60'000};
    };

    /// `log` and `loop` outlive this object.
    GraphDump(asio::io_context& loop, LogSink& log, Times times);
    GraphDump(asio::io_context& loop, LogSink& log) : GraphDump(loop, log, Times()) {}

    /// A file name, or `|` and a command; empty: nothing is written.
    void set_target(std::string target);

    /// Begins to draw `graph`, which outlives this object.
    void start(const graph::Graph& graph);

  private:
    void wait();
    void dump();

    LogSink& log_;
    Times times_;
    asio::steady_timer timer_;
    Background background_;
    const graph::Graph* graph_ = nullptr;
    std::string target_;
    bool is_writing_ = false;
    std::optional<std::uint64_t> written_version_;  ///< none: nothing for this target
};

}  // namespace tinc::io
