#pragma once

// Who runs. The file holds our process id, for tincd -k and the scripts of the distribution; a lock
// on it keeps a second daemon out without a race. 1.0.36 does not lock, so a live process id counts
// as well.

#include "io/descriptor.hpp"
#include "tinc/base/error.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace tinc::tincd {

class PidFile {
  public:
    /// Creates (mode 0644) and locks the file; never follows a symbolic link. Errc::refused, in
    /// the words of 1.0.36, if another daemon has it. The lock survives fork().
    [[nodiscard]] static Result<PidFile> acquire(const std::string& path, std::string_view netname);

    PidFile(PidFile&&) = default;
    PidFile& operator=(PidFile&&) = default;

    /// To be called by the process that stays.
    [[nodiscard]] Result<void> write_own_pid();
    /// Before the end; the lock goes with the object.
    void remove();

  private:
    PidFile(std::string path, io::Descriptor file)
        : path_(std::move(path)), file_(std::move(file)) {}

    std::string path_;
    io::Descriptor file_;
};

/// The number in a pid file; nothing if there is no such file or no such number in it.
[[nodiscard]] std::optional<pid_t> read_pid(const std::string& path);

/// tincd -k: sends a signal to the daemon that wrote `path`, and writes to standard error what is
/// to be said. The exit code.
[[nodiscard]] int signal_daemon(const std::string& path, std::string_view netname, int signal);

}  // namespace tinc::tincd
