#include "io/replace_file.hpp"

#include "io/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

namespace tinc::io {

namespace {

Result<void> write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const auto count = ::write(descriptor, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_failure("write");
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

std::string real_path(const std::string& path) {
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec);
    return ec ? path : real.string();
}

}  // namespace

Result<void> replace_file(const std::string& path, std::string_view text, std::string_view what) {
    const auto fresh = path + ".new";
    ::unlink(fresh.c_str());
    constexpr mode_t for_everybody = 0666;  // less the umask
    Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, for_everybody));
    if (!file) return system_failure(fmt::format("Unable to open {} {}", what, path));
    const auto written = write_all(file.number(), text);
    file.close();
    if (written && ::rename(fresh.c_str(), path.c_str()) == 0) return {};
    const int code = errno;
    ::unlink(fresh.c_str());
    return system_failure(fmt::format("Unable to write {} {}", what, path), code);
}

Result<void> save_file(const std::string& path, std::string_view text) {
    const auto real = real_path(path);
    const auto fresh = real + ".tmp";
    struct stat old{};
    const bool exists = ::stat(real.c_str(), &old) == 0;
    ::unlink(fresh.c_str());
    constexpr auto flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Descriptor file(::open(fresh.c_str(), flags, 0600));
    if (!file) return system_failure(fmt::format("Error opening file `{}'", path));
    errno = 0;
    const bool written = write_all(file.number(), text).has_value();
    const int write_code = errno;
    // Best effort: who may replace a file need not be able to give it away.
    if (exists && ::fchown(file.number(), old.st_uid, old.st_gid) == 0)
        ::fchmod(file.number(), old.st_mode & 07777U);
    else if (exists)
        ::fchmod(file.number(), old.st_mode & 0777U);
    if (written && ::fsync(file.number()) == 0 && ::rename(fresh.c_str(), real.c_str()) == 0)
        return {};
    const int code = written ? errno : write_code;
    ::unlink(fresh.c_str());
    return system_failure(fmt::format("Error writing file `{}'", path), code);
}

}  // namespace tinc::io
