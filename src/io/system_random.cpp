#include "io/system_random.hpp"

#include "tinc/base/error.hpp"

#include <sys/random.h>

#include <cerrno>

namespace tinc::io {

void SystemRandom::fill(std::span<std::byte> out) {
    while (!out.empty()) {
        const auto count = ::getrandom(out.data(), out.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        TINC_ASSERT(count > 0);
        out = out.subspan(static_cast<std::size_t>(count));
    }
}

}  // namespace tinc::io
