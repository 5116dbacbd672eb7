#pragma once

#include "io/asio.hpp"
#include "io/descriptor.hpp"
#include "io/scripts.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace tinc::io {

/// The way of a script's standard output and error to us.
struct ScriptPipe {
    Descriptor input;   ///< for the script; none: /dev/null
    Descriptor output;  ///< for us, non-blocking

    /// Programs that scripts leave behind keep their pipe open; beyond a number of those, scripts
    /// get no pipe.
    [[nodiscard]] static ScriptPipe open(std::size_t open_outputs);
};

/// What one script says, line by line into the log, until the last program that holds the other
/// end has closed it. Scripts that say too much are read but not quoted any more.
class ScriptQueue::Output : public std::enable_shared_from_this<ScriptQueue::Output> {
  public:
    /// `open_outputs` counts those that are open. Nothing if `pipe` is not open.
    static std::shared_ptr<Output> follow(asio::io_context& loop, LogSink& log, std::string name,
                                          Descriptor pipe,
                                          std::shared_ptr<std::size_t> open_outputs);
    Output(asio::io_context& loop, LogSink& log, std::string name, Descriptor pipe,
           std::shared_ptr<std::size_t> open_outputs);
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    ~Output();

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
