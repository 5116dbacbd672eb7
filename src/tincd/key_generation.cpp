#include "tincd/key_generation.hpp"

#include "io/read_file.hpp"
#include "io/replace_file.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/crypto/ed25519.hpp"
#include "tinc/crypto/rsa.hpp"
#include "tinc/crypto/secret.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>

namespace tinc::tincd {

namespace {

/// Our Name, even if something else in the configuration is wrong.
std::optional<std::string> own_name(const io::ConfigPlace& place) {
    const auto sources = io::read_sources(place);
    if (!sources) return std::nullopt;
    config::Report report;
    if (const auto settings = config::read_settings(*sources, report)) return settings->name;
    const auto file = config::parse_file(sources->tinc_conf.text, sources->tinc_conf.path);
    for (const auto& assignment : file.assignments) {
        if (equal_ignoring_case(assignment.variable, "Name") && is_node_name(assignment.value))
            return assignment.value;
    }
    return std::nullopt;
}

Result<std::string> chosen_path(const AskForFile& ask, std::string_view which,
                                const std::string& fallback) {
    if (!ask) return fallback;
    TINC_TRY(auto answer, ask(which, fallback));
    return answer.empty() ? fallback : answer;
}

/// How a key begins in a file, and what makes it unreadable: another word, or a comment.
struct Mark {
    KeyKind kind;
    std::string_view text;
    std::string_view instead;
};
constexpr auto marks = std::to_array<Mark>({
    {KeyKind::rsa, "-----BEGIN RSA", "-----BEGIN OLD"},
    {KeyKind::rsa, "-----END RSA", "-----END OLD"},
    {KeyKind::ed25519, "-----BEGIN ED25519", "-----BEGIN OLD"},
    {KeyKind::ed25519, "-----END ED25519", "-----END OLD"},
    {KeyKind::ed25519, "Ed25519PublicKey", "#Ed25519PublicKey"},
});

Result<void> append_and_tell(const std::string& path, std::string_view key, KeyKind kind) {
    TINC_TRY(const bool had_old, append_key(path, key, kind));
    if (had_old) fmt::print(stderr, "Warning: old key(s) found and disabled.\n");
    return {};
}

/// OpenSSL's stages end with a newline for each prime; 1.0.36 names the primes there.
class Progress {
  public:
    void operator()(char stage) {
        if (stage != '\n') {
            std::fputc(stage, stderr);
            return;
        }
        std::fputs(primes_++ == 0 ? " p\n" : " q\n", stderr);
    }

  private:
    int primes_ = 0;
};

}  // namespace

DisabledKeys disable_old_keys(std::string_view text, KeyKind kind) {
    DisabledKeys out;
    out.text.reserve(text.size());
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        if (line.size() < text.size()) line = text.substr(0, line.size() + 1);
        text.remove_prefix(line.size());
        for (const auto& mark : marks) {
            if (mark.kind != kind || !line.starts_with(mark.text)) continue;
            out.text += mark.instead;
            line.remove_prefix(mark.text.size());
            out.found = true;
        }
        out.text += line;
    }
    return out;
}

Result<bool> append_key(const std::string& path, std::string_view key, KeyKind kind) {
    DisabledKeys content;
    if (std::filesystem::exists(path)) {
        auto text = io::read_file(path, limits::config_file_bytes);
        if (!text)
            return failure(Errc::system, fmt::format("Error opening file `{}'", path) +
                                             text.error().what.substr(path.size()));
        content = disable_old_keys(*text, kind);
        crypto::wipe(*text);
    }
    content.text += "\n";
    content.text += key;
    const auto written = io::save_file(path, content.text);
    crypto::wipe(content.text);
    TINC_CHECK(written);
    return content.found;
}

namespace {

/// Without a question: those who answer the ones of tinc 1.0 by a program expect no more of them.
Result<void> generate_ed25519_keys(const std::string& private_path, const std::string& public_path,
                                   RandomSource& random) {
    const auto key = crypto::Ed25519PrivateKey::generate(random);
    auto block = crypto::private_key_block(key);
    const auto written = append_and_tell(private_path, block, KeyKind::ed25519);
    crypto::wipe(block);
    TINC_CHECK(written);
    const auto line = fmt::format("Ed25519PublicKey = {}\n", key.public_key().text());
    return append_and_tell(public_path, line, KeyKind::ed25519);
}

}  // namespace

Result<void> generate_keys(const io::ConfigPlace& place, unsigned bits, const AskForFile& ask,
                           RandomSource& random) {
    fmt::print(stderr, "Generating {} bits keys:\n", bits);
    TINC_TRY(const auto key, crypto::RsaPrivateKey::generate(bits, Progress()));
    fmt::print(stderr, "Done.\n");

    TINC_TRY(const auto private_path,
             chosen_path(ask, "private RSA key", place.path("rsa_key.priv")));
    TINC_TRY(auto pem, key.to_pem());
    const auto written = append_and_tell(private_path, pem, KeyKind::rsa);
    crypto::wipe(pem);
    TINC_CHECK(written);

    const auto name = own_name(place);
    const auto fallback = name ? place.path("hosts/" + *name) : place.path("rsa_key.pub");
    TINC_TRY(const auto public_path, chosen_path(ask, "public RSA key", fallback));
    TINC_CHECK(append_and_tell(public_path, key.public_key().to_pem(), KeyKind::rsa));
    return generate_ed25519_keys(place.path("ed25519_key.priv"), public_path, random);
}

AskForFile ask_on_terminal(const std::string& folder) {
    if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) return {};
    return [folder](std::string_view which, const std::string& fallback) -> Result<std::string> {
        fmt::print("Please enter a file to save {} to [{}]: ", which, fallback);
        std::fflush(stdout);
        std::string answer;
        if (!std::getline(std::cin, answer))
            return failure(Errc::system, "Error while reading stdin");
        if (answer.empty() || answer.starts_with('/')) return answer;
        return folder + "/" + answer;
    };
}

}  // namespace tinc::tincd
