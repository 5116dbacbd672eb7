#include "tincd/key_generation.hpp"

#include "io/descriptor.hpp"
#include "io/read_file.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/crypto/rsa.hpp"
#include "tinc/crypto/secret.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>
#include <utility>

namespace tinc::tincd {

namespace {

using io::Descriptor;

Result<void> write_all(int file, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const auto count = ::write(file, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return io::system_failure(fmt::format("Error writing file `{}'", path));
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

/// So that a full disk or a power cut leaves the old file, or the new one, and nothing between.
/// `like`: the file whose mode and owner the new one gets.
Result<void> replace_file(const std::string& path, std::string_view text, const struct stat* like) {
    const auto temporary = path + ".tmp";
    ::unlink(temporary.c_str());
    constexpr auto flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(::open(temporary.c_str(), flags, 0600));
    if (!file) return io::system_failure(fmt::format("Error opening file `{}'", path));
    auto written = write_all(file.number(), text, path);
    // Best effort: who may replace a file need not be able to give it away.
    if (like && ::fchown(file.number(), like->st_uid, like->st_gid) == 0)
        ::fchmod(file.number(), like->st_mode & 07777U);
    else if (like)
        ::fchmod(file.number(), like->st_mode & 0777U);
    if (written && ::fsync(file.number()) != 0)
        written = io::system_failure(fmt::format("Error writing file `{}'", path));
    if (written && ::rename(temporary.c_str(), path.c_str()) != 0)
        written = io::system_failure(fmt::format("Error writing file `{}'", path));
    if (!written) ::unlink(temporary.c_str());
    return written;
}

/// Through symbolic links, so that a link stays one.
std::string real_path(const std::string& path) {
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec);
    return ec ? path : real.string();
}

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

Result<void> append_and_tell(const std::string& path, std::string_view pem) {
    TINC_TRY(const bool had_old, append_key(path, pem));
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

DisabledKeys disable_old_keys(std::string_view text) {
    constexpr std::array<std::string_view, 2> marks{"-----BEGIN RSA", "-----END RSA"};
    DisabledKeys out;
    out.text.reserve(text.size());
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        if (line.size() < text.size()) line = text.substr(0, line.size() + 1);
        text.remove_prefix(line.size());
        for (const auto mark : marks) {
            if (!line.starts_with(mark)) continue;
            out.text += mark.substr(0, mark.size() - 3);
            out.text += "OLD";
            line.remove_prefix(mark.size());
            out.found = true;
        }
        out.text += line;
    }
    return out;
}

Result<bool> append_key(const std::string& path, std::string_view pem) {
    const auto real = real_path(path);
    struct stat status{};
    const bool exists = ::stat(real.c_str(), &status) == 0;
    DisabledKeys content;
    if (exists) {
        auto text = io::read_file(real, limits::config_file_bytes);
        if (!text)
            return failure(Errc::system, fmt::format("Error opening file `{}'", path) +
                                             text.error().what.substr(real.size()));
        content = disable_old_keys(*text);
        crypto::wipe(*text);
    }
    content.text += "\n";
    content.text += pem;
    const auto written = replace_file(real, content.text, exists ? &status : nullptr);
    crypto::wipe(content.text);
    TINC_CHECK(written);
    return content.found;
}

Result<void> generate_keys(const io::ConfigPlace& place, unsigned bits, const AskForFile& ask) {
    fmt::print(stderr, "Generating {} bits keys:\n", bits);
    TINC_TRY(const auto key, crypto::RsaPrivateKey::generate(bits, Progress()));
    fmt::print(stderr, "Done.\n");

    TINC_TRY(const auto private_path,
             chosen_path(ask, "private RSA key", place.path("rsa_key.priv")));
    TINC_TRY(auto pem, key.to_pem());
    const auto written = append_and_tell(private_path, pem);
    crypto::wipe(pem);
    TINC_CHECK(written);

    const auto name = own_name(place);
    const auto fallback = name ? place.path("hosts/" + *name) : place.path("rsa_key.pub");
    TINC_TRY(const auto public_path, chosen_path(ask, "public RSA key", fallback));
    return append_and_tell(public_path, key.public_key().to_pem());
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
