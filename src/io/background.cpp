#include "io/background.hpp"

#include "io/blocked_signals.hpp"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace tinc::io {

struct Background::Job {
    Work work;
    Answer failed;
};

/// Shared by the loop and the threads; lives as long as the last of them.
struct Background::State {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> waiting;
    std::size_t threads = 0;
    std::size_t idle_threads = 0;
    asio::io_context* loop = nullptr;  ///< null once the owner is gone
};

namespace {

template <class Job>
Background::Answer answer_of(Job& job) {
    try {
        return job.work();
    } catch (const std::exception&) {
        return std::move(job.failed);
    }
}

template <class State>
void work_until_closed(const std::shared_ptr<State>& state) {
    std::unique_lock lock(state->mutex);
    for (;;) {
        ++state->idle_threads;
        state->changed.wait(lock, [&] { return !state->waiting.empty() || !state->loop; });
        --state->idle_threads;
        if (!state->loop) return;
        auto job = std::move(state->waiting.front());
        state->waiting.pop_front();
        lock.unlock();
        auto answer = answer_of(job);
        lock.lock();
        // Under the lock: the owner takes the loop away before the loop goes.
        if (state->loop) asio::post(*state->loop, std::move(answer));
    }
}

}  // namespace

Background::Background(asio::io_context& loop, std::size_t threads)
    : state_(std::make_shared<State>()), thread_limit_(threads) {
    state_->loop = &loop;
}

Background::~Background() {
    const std::lock_guard lock(state_->mutex);
    state_->loop = nullptr;
    state_->waiting.clear();
    state_->changed.notify_all();
}

bool Background::run(Work work, Answer failed) {
    const std::lock_guard lock(state_->mutex);
    if (state_->waiting.size() >= queue_limit) return false;
    state_->waiting.push_back({std::move(work), std::move(failed)});
    const bool needs_thread = state_->waiting.size() > state_->idle_threads;
    if (needs_thread && state_->threads < thread_limit_) {
        try {
            const BlockedSignals blocked;
            std::thread([state = state_] { work_until_closed(state); }).detach();
            ++state_->threads;
        } catch (const std::system_error&) {
            if (state_->threads == 0) {
                state_->waiting.pop_back();
                return false;
            }
        }
    }
    state_->changed.notify_one();
    return true;
}

}  // namespace tinc::io
