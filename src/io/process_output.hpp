#pragma once

#include "io/asio.hpp"
#include "io/descriptor.hpp"
#include "tinc/base/log.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tinc::io {

/// The way of what a child process says to us.
struct OutputPipe {
    Descriptor input;   ///< for the child; none: /dev/null
    Descriptor output;  ///< for us, non-blocking

    /// Programs that scripts leave behind keep their pipe open; beyond a number of those, there is
    /// no pipe.
    [[nodiscard]] static OutputPipe open(std::size_t open_outputs);
};

/// What one child process says, line by line into the log, until the last program that holds the
/// other end has closed it. Those that say too much are read but not quoted any more.
class ProcessOutput : public std::enable_shared_from_this<ProcessOutput> {
  public:
    /// `open_outputs` counts those that are open. Nothing if `pipe` is not open, or the system has
    /// no room for one more to wait for: so before the child is there.
    static std::shared_ptr<ProcessOutput> follow(asio::io_context& loop, LogSink& log,
                                                 std::string name, Descriptor pipe,
                                                 std::shared_ptr<std::size_t> open_outputs);
    ProcessOutput(asio::io_context& loop, LogSink& log, std::string name,
                  std::shared_ptr<std::size_t> open_outputs);
    ProcessOutput(const ProcessOutput&) = delete;
    ProcessOutput& operator=(const ProcessOutput&) = delete;
    ~ProcessOutput();

    /// Reads what is there without waiting.
    void drain();

  private:
    void wait();
    void take(std::string_view text);
    void print_line();

    LogSink& log_;
    std::string name_;
    std::shared_ptr<std::size_t> open_outputs_;
    asio::posix::stream_descriptor pipe_;
    std::string line_;
    std::size_t lines_ = 0;
};

}  // namespace tinc::io
