#pragma once

// How we start programs of others. Each gets a process group of its own, so that what it starts can
// be ended with it; default signals; and no descriptor but the three that it is given.

#include <sys/types.h>

#include <expected>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace tinc::io {

/// Names and values.
using Environment = std::vector<std::pair<std::string, std::string>>;

/// Open descriptors of ours that the child has as 0, 1 and 2.
struct StandardStreams {
    int input;
    int output;
    int error;
};

/// "NAME=value" for each variable; of two with one name the first counts. Our own environment
/// comes last.
[[nodiscard]] std::vector<std::string> inherited_environment(
    std::initializer_list<const Environment*> first);

/// Starts `words`, of which the first is looked up on the PATH if it has no slash. The process,
/// which leads its group, or an errno value.
[[nodiscard]] std::expected<pid_t, int> start_process(const std::vector<std::string>& words,
                                                      const std::vector<std::string>& environment,
                                                      const StandardStreams& streams);

/// "exited with non-zero status 3", "was killed by signal 9 (Killed)"; empty after a good end.
/// `status` is that of waitpid().
[[nodiscard]] std::string bad_end(int status);

}  // namespace tinc::io
