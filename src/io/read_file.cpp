#include "io/read_file.hpp"

#include "io/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

namespace tinc::io {

namespace {

/// Reads at most `limit` bytes from the present place on.
Result<std::string> read_up_to(int descriptor, std::size_t limit, const std::string& path) {
    std::string text(limit, '\0');
    std::size_t used = 0;
    while (used < limit) {
        const auto count = ::read(descriptor, text.data() + used, limit - used);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_failure(path);
        if (count == 0) break;
        used += static_cast<std::size_t>(count);
    }
    text.resize(used);
    return text;
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file) return system_failure(path);
    struct stat status{};
    if (::fstat(file.number(), &status) != 0) return system_failure(path);
    if (S_ISDIR(status.st_mode)) return system_failure(path, EISDIR);
    if (!S_ISREG(status.st_mode))
        return failure(Errc::refused, fmt::format("{}: Not a regular file", path));
    if (status.st_size > static_cast<off_t>(limit_bytes)) {
        return failure(Errc::exhausted, fmt::format("{}: Larger than {} bytes", path, limit_bytes));
    }
    // The size is only a hint: the file may grow while it is read.
    const auto wanted = std::min(limit_bytes, static_cast<std::size_t>(status.st_size) + 4096);
    return read_up_to(file.number(), wanted, path);
}

}  // namespace tinc::io
