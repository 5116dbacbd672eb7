#include "io/replace_file.hpp"

#include "io/descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdio>

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

}  // namespace tinc::io
