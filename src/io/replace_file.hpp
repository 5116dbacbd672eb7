#pragma once

#include "tinc/base/error.hpp"

#include <string>
#include <string_view>

namespace tinc::io {

/// Whoever reads `path` finds the old text or the new one. Everybody may read it, less the umask.
/// `what` is what errors call it: "Unable to write graph dump file PATH: reason".
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text,
                                        std::string_view what);

/// The same for what nobody else may read and nobody must lose: a new file has mode 0600, one that
/// is there keeps mode and owner, and a link stays one. A power cut leaves the old text or the new.
[[nodiscard]] Result<void> save_file(const std::string& path, std::string_view text);

}  // namespace tinc::io
