#pragma once

// tincd -K: a new RSA key pair. The private key goes into rsa_key.priv, the public one into our
// host file; keys that are there already are kept, but under a name that nobody reads.

#include "io/config_files.hpp"
#include "tinc/base/error.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace tinc::tincd {

/// `text` with every "-----BEGIN RSA" and "-----END RSA" at the start of a line made "OLD".
struct DisabledKeys {
    std::string text;
    bool found = false;
};
[[nodiscard]] DisabledKeys disable_old_keys(std::string_view text);

/// Appends an empty line and `pem` to the file, and disables keys that are in it. Either all of it
/// or nothing happens. A new file has mode 0600. True if there were old keys.
[[nodiscard]] Result<bool> append_key(const std::string& path, std::string_view pem);

/// Asks the operator for a file name; the answer is empty for the default.
using AskForFile =
    std::function<Result<std::string>(std::string_view which, const std::string& fallback)>;

/// Generates a pair of `bits` and writes it. Progress goes to standard error. `ask` may be empty:
/// then the default names are used.
[[nodiscard]] Result<void> generate_keys(const io::ConfigPlace& place, unsigned bits,
                                         const AskForFile& ask);

/// Asks on the terminal, if standard input and output are one; else an empty function. Relative
/// answers start in `folder`.
[[nodiscard]] AskForFile ask_on_terminal(const std::string& folder);

}  // namespace tinc::tincd
