#pragma once

#include "io/control_calls.hpp"
#include "io/log.hpp"
#include "tinc/base/limits.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinc::io {

/// The log of a thread that carries packets: its lines are written by the control thread.
class WorkerLog final : public LogSink {
  public:
    /// The references outlive this object.
    WorkerLog(Log& log, asio::io_context& control)
        : log_(log), calls_(control, limits::worker_log_lines) {}

    [[nodiscard]] bool shows(Level level) const override { return log_.shows(level); }
    void write(Severity severity, std::string_view line) override {
        if (!calls_.post([this, severity, text = std::string(line), lost = lost_] {
                if (lost > 0)
                    log_.print(Level::always, Severity::warning,
                               "{} lines were lost that came too fast", lost);
                log_.write(severity, text);
            }))
            ++lost_;
        else
            lost_ = 0;
    }

  private:
    Log& log_;
    ControlCalls calls_;
    std::uint64_t lost_ = 0;
};

}  // namespace tinc::io
