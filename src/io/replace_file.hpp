#pragma once

#include "tinc/base/error.hpp"

#include <string>
#include <string_view>

namespace tinc::io {

/// Whoever reads `path` finds the old text or the new one. Everybody may read it, less the umask.
/// `what` is what errors call it: "Unable to write graph dump file PATH: reason".
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text,
                                        std::string_view what);

}  // namespace tinc::io
