#pragma once

// Where messages for the operator go: standard error, a file, or the system's log. A reader that
// is stuck must not stop packets, so no target ever waits: what cannot be written at once is
// dropped and counted, and the count is written as soon as there is room.

#include "io/descriptor.hpp"
#include "tinc/base/log.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

namespace tinc::io {

/// Longest line that is written; the rest of a longer one is cut off.
inline constexpr std::size_t log_line_bytes = 4'000;

class LogTarget {
  public:
    LogTarget() = default;
    LogTarget(const LogTarget&) = delete;
    LogTarget& operator=(const LogTarget&) = delete;
    virtual ~LogTarget() = default;

    /// One line without newline, at most log_line_bytes. False if it could not be written now.
    [[nodiscard]] virtual bool write(Severity severity, std::string_view line) = 0;
    /// Opens the file anew, after it was rotated away. The old one stays if that fails.
    [[nodiscard]] virtual Result<void> reopen() { return {}; }
};

/// Standard error; the message alone.
[[nodiscard]] std::unique_ptr<LogTarget> standard_error_target();

/// A file, created with mode 0640; `YYYY-MM-DD HH:MM:SS IDENT[PID]: message` in local time. The
/// process id is the one at the time of writing.
[[nodiscard]] Result<std::unique_ptr<LogTarget>> file_target(const std::string& path,
                                                             std::string_view ident);

/// syslog with facility daemon; to the console if there is no syslog.
[[nodiscard]] std::unique_ptr<LogTarget> syslog_target(std::string_view ident);

/// As the file target begins its lines: "2024-05-06 07:08:09 tinc.vpn[42]: ".
[[nodiscard]] std::string file_line_prefix(std::time_t time, std::string_view ident, long pid);

/// Knows better words for some of what lines say.
class LineEditor {
  public:
    LineEditor() = default;
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;
    virtual ~LineEditor() = default;

    /// The line as it is to be written. Never waits.
    [[nodiscard]] virtual std::string edited(std::string_view line) = 0;
};

class Log final : public LogSink {
  public:
    /// `level`: as -d counts it, from 0.
    Log(int level, std::unique_ptr<LogTarget> target) : level_(level), target_(std::move(target)) {}

    [[nodiscard]] bool shows(Level level) const override {
        return static_cast<int>(level) <= this->level();
    }
    /// Control characters are replaced, so that nobody can forge a line.
    void write(Severity severity, std::string_view line) override;

    [[nodiscard]] int level() const { return level_.load(std::memory_order_relaxed); }
    void set_level(int level) { level_.store(level, std::memory_order_relaxed); }
    void set_target(std::unique_ptr<LogTarget> target) { target_ = std::move(target); }
    /// Every line goes through this editor, which outlives the next call; null: through none.
    void use(LineEditor* editor) { editor_ = editor; }
    /// Says so in the log itself if the file cannot be opened again.
    void reopen();

  private:
    std::atomic<int> level_;  ///< threads that carry packets look at it
    std::unique_ptr<LogTarget> target_;
    LineEditor* editor_ = nullptr;
    std::uint64_t dropped_lines_ = 0;
};

}  // namespace tinc::io
