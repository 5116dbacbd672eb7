#pragma once

#include "tinc/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace tinc::mesh {

/// How often something may happen, for each of many keys: `burst` times in each window of `period`,
/// which begins with the first of them.
/// Remembers at most `capacity` keys; when more are busy at once, new ones are refused.
class RateLimit {
  public:
    RateLimit(std::uint32_t burst, Duration period, std::size_t capacity = 4'096)
        : burst_(burst), period_(period), capacity_(capacity) {}

    [[nodiscard]] bool allows(const std::string& key, Time now) {
        if (windows_.size() >= capacity_ && !windows_.contains(key)) {
            std::erase_if(windows_,
                          [&](const auto& entry) { return now - entry.second.begin >= period_; });
            if (windows_.size() >= capacity_) return false;
        }
        auto& window = windows_[key];
        if (now - window.begin >= period_) window = {now, 0};
        if (window.used == burst_) return false;
        ++window.used;
        return true;
    }

    /// What it did so far does not count.
    void forgive(const std::string& key) { windows_.erase(key); }

  private:
    struct Window {
        Time begin{};
        std::uint32_t used = 0;
    };
    std::uint32_t burst_;
    Duration period_;
    std::size_t capacity_;
    std::map<std::string, Window> windows_;
};

}  // namespace tinc::mesh
