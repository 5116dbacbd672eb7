#include "tincd/activation.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/base/text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

namespace tinc::tincd {

namespace {

constexpr int first_descriptor = 3;

std::optional<int> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    const auto number = text ? parse_number<int>(text) : std::nullopt;
    ::unsetenv(variable);
    return number;
}

}  // namespace

Activation take_activation(Ground ground) {
    Activation out;
    const bool is_anonymous = std::getenv("LISTEN_PID") == nullptr;
    const auto pid = number_in("LISTEN_PID");
    const auto count = number_in("LISTEN_FDS");
    out.is_meant = pid && *pid == ::getpid();
    const bool is_ours = out.is_meant || (is_anonymous && ground == Ground::fore);
    if (!is_ours || !count) return out;
    const int most = std::clamp(*count, 0, static_cast<int>(limits::sockets));
    for (int number = first_descriptor; number < first_descriptor + most; ++number) {
        if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) break;
        out.sockets.emplace_back(number);
    }
    return out;
}

}  // namespace tinc::tincd
