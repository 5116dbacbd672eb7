#pragma once

#include "tinc/base/error.hpp"

#include <cstddef>
#include <string>

namespace tinc::io {

/// All of a regular file of at most `limit_bytes`. Never blocks on a pipe that stands in its place.
/// Errors end with the system's reason ("PATH: No such file or directory"), or say that the file is
/// too large or not a file.
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit_bytes);

}  // namespace tinc::io
