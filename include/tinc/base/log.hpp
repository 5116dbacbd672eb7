#pragma once

// Messages for the operator. The levels and words are those of tinc 1.0.36, for which people have
// grep patterns; the sink (standard error, file, syslog) is chosen on floor 6.

#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>

namespace tinc {

/// Debug levels (-d N). Each shows the lower ones as well.
enum class Level : std::uint8_t {
    always = 0,       ///< start, stop, configuration and system errors, protocol violations
    connections = 1,  ///< connects, disconnects, listening sockets, retries
    status = 2,       ///< scripts, key expiry
    protocol = 3,     ///< names of requests, ignored gossip, UDP addresses
    meta = 4,         ///< whole requests but for keys, metadata sizes
    traffic = 5,      ///< every packet, MTU probes, reachability
    everything = 10,  ///< session keys in clear, graph algorithm steps
};

/// Severities as syslog knows them.
enum class Severity : std::uint8_t { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

class LogSink {
  public:
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    virtual ~LogSink() = default;

    /// Whether messages of this level are wanted. Asked before a message is formatted.
    [[nodiscard]] virtual bool shows(Level level) const = 0;

    /// One line without a newline. Never blocks for long and never fails.
    virtual void write(Severity severity, std::string_view line) = 0;

    /// Formats and writes, if the level is shown.
    template <class... Args>
    void print(Level level, Severity severity, fmt::format_string<Args...> format, Args&&... args) {
        if (!shows(level)) return;
        fmt::memory_buffer line;
        fmt::format_to(fmt::appender(line), format, std::forward<Args>(args)...);
        write(severity, std::string_view(line.data(), line.size()));
    }
};

}  // namespace tinc
