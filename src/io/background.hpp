#pragma once

// Work that may wait for long - a name server, a file system - on threads of its own. The loop
// never waits for them, not even at the end: a thread that hangs in getaddrinfo() is left behind
// with its shared state, and its answer goes nowhere.

#include "io/asio.hpp"

#include <cstddef>
#include <functional>
#include <memory>

namespace tinc::io {

class Background {
  public:
    /// What the loop does with the answer.
    using Answer = std::function<void()>;
    /// Runs on a thread and must not touch what the loop owns.
    using Work = std::function<Answer()>;

    /// Jobs that may wait for a thread.
    static constexpr std::size_t queue_limit = 1'024;

    /// Starts no thread before there is work for it. `loop` outlives this object.
    Background(asio::io_context& loop, std::size_t threads);
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background();

    /// `failed` answers in place of work that throws: memory is short. False if queue_limit jobs
    /// are waiting or no thread can be had; then nothing happens.
    [[nodiscard]] bool run(Work work, Answer failed);

  private:
    struct Job;
    struct State;
    std::shared_ptr<State> state_;
    std::size_t thread_limit_;
};

}  // namespace tinc::io
