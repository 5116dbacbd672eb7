#pragma once

#include "tinc/base/log.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace tinc::test {

/// A log that a test can read: every line up to `level`.
class RecordedLog final : public LogSink {
  public:
    explicit RecordedLog(Level level = Level::traffic) : level_(level) {}

    void show(Level level) { level_ = level; }
    [[nodiscard]] bool shows(Level level) const override { return level <= level_; }
    void write(Severity /*severity*/, std::string_view line) override { lines.emplace_back(line); }

    [[nodiscard]] bool contains(std::string_view part) const {
        return std::ranges::any_of(
            lines, [&](const std::string& line) { return line.find(part) != std::string::npos; });
    }

    std::vector<std::string> lines;

  private:
    Level level_;
};

}  // namespace tinc::test
