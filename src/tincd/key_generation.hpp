#pragma once

// tincd -K: new keys, RSA for protocol 1.0 and Ed25519 for 1.1. The private ones go into
// rsa_key.priv and ed25519_key.priv, the public ones into our host file; keys that are there
// already are kept, but so that nobody reads them.

#include "io/config_files.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tinc::tincd {

enum class KeyKind : std::uint8_t { rsa, ed25519 };

/// `text` with every "-----BEGIN RSA" and "-----END RSA" at the start of a line made "OLD"; the
/// same with ED25519, and each Ed25519PublicKey made a comment.
struct DisabledKeys {
    std::string text;
    bool found = false;
};
[[nodiscard]] DisabledKeys disable_old_keys(std::string_view text, KeyKind kind);

/// Appends an empty line and `key` to the file, and disables its keys of that kind. Either all of
/// it or nothing happens. A new file has mode 0600. True if there were old keys.
[[nodiscard]] Result<bool> append_key(const std::string& path, std::string_view key, KeyKind kind);

/// Asks the operator for a file name; the answer is empty for the default.
using AskForFile =
    std::function<Result<std::string>(std::string_view which, const std::string& fallback)>;

/// Generates an RSA pair of `bits` and an Ed25519 pair, and writes them. Progress goes to standard
/// error. `ask` may be empty: then the default names are used.
[[nodiscard]] Result<void> generate_keys(const io::ConfigPlace& place, unsigned bits,
                                         const AskForFile& ask, RandomSource& random);

/// Asks on the terminal, if standard input and output are one; else an empty function. Relative
/// answers start in `folder`.
[[nodiscard]] AskForFile ask_on_terminal(const std::string& folder);

}  // namespace tinc::tincd
