#include "io/process_output.hpp"

#include <fcntl.h>

#include <utility>

namespace tinc::io {

namespace {

constexpr std::size_t most_pipes = 32;
constexpr std::size_t most_lines = 1'000;
constexpr std::size_t most_line_bytes = 1'024;
/// So that a script that writes for ever does not keep the loop for itself.
constexpr int reads_per_turn = 16;

}  // namespace

OutputPipe OutputPipe::open(std::size_t open_outputs) {
    OutputPipe pipe;
    std::array<int, 2> ends{};
    if (open_outputs >= most_pipes || ::pipe2(ends.data(), O_CLOEXEC) != 0) return pipe;
    pipe.output = Descriptor(ends[0]);
    pipe.input = Descriptor(ends[1]);
    return pipe;
}

std::shared_ptr<ProcessOutput> ProcessOutput::follow(asio::io_context& loop, LogSink& log,
                                                     std::string name, Descriptor pipe,
                                                     std::shared_ptr<std::size_t> open_outputs) {
    if (!pipe) return nullptr;
    auto output =
        std::make_shared<ProcessOutput>(loop, log, std::move(name), std::move(open_outputs));
    error_code ec;
    output->pipe_.assign(pipe.number(), ec);
    if (ec) return nullptr;
    static_cast<void>(pipe.release());
    output->pipe_.non_blocking(true, ec);
    output->wait();
    return output;
}

ProcessOutput::ProcessOutput(asio::io_context& loop, LogSink& log, std::string name,
                             std::shared_ptr<std::size_t> open_outputs)
    : log_(log), name_(std::move(name)), open_outputs_(std::move(open_outputs)), pipe_(loop) {
    ++*open_outputs_;
}

ProcessOutput::~ProcessOutput() { --*open_outputs_; }

void ProcessOutput::drain() {
    std::array<char, 4096> chunk;
    for (int i = 0; i < reads_per_turn && pipe_.is_open(); ++i) {
        error_code ec;
        const auto count = pipe_.read_some(asio::buffer(chunk), ec);
        if (ec == asio::error::would_block) return;
        if (ec) {
            if (!line_.empty()) print_line();
            pipe_.close(ec);
            return;
        }
        take(std::string_view(chunk.data(), count));
    }
}

void ProcessOutput::wait() {
    pipe_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const error_code& ec) {
                         if (ec) return;
                         self->drain();
                         if (self->pipe_.is_open()) self->wait();
                     });
}

void ProcessOutput::take(std::string_view text) {
    for (const char c : text) {
        if (c == '\n')
            print_line();
        else if (line_.size() < most_line_bytes)
            line_ += c;
    }
}

void ProcessOutput::print_line() {
    if (lines_ < most_lines)
        log_.print(Level::always, Severity::info, "{}: {}", name_, line_);
    else if (lines_ == most_lines)
        log_.print(Level::always, Severity::warning, "{}: says too much, the rest is left out",
                   name_);
    ++lines_;
    line_.clear();
}

}  // namespace tinc::io
