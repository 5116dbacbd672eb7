#include "io/signals.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace tinc::io {

namespace {

struct Name {
    int signal;
    const char* name;
};

constexpr std::array awaited{
    Name{SIGTERM, "TERM"}, Name{SIGQUIT, "QUIT"}, Name{SIGHUP, "HUP"},   Name{SIGINT, "INT"},
    Name{SIGALRM, "ALRM"}, Name{SIGUSR1, "USR1"}, Name{SIGUSR2, "USR2"}, Name{SIGWINCH, "WINCH"},
};

void mask_awaited(int how) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const auto& entry : awaited) sigaddset(&signals, entry.signal);
    pthread_sigmask(how, &signals, nullptr);
}

}  // namespace

void hold_signals() {
    for (const int harmless : {SIGPIPE, SIGXFSZ}) std::signal(harmless, SIG_IGN);
    mask_awaited(SIG_BLOCK);
}

Signals::Signals(asio::io_context& loop, std::function<void(int)> received)
    : set_(loop), received_(std::move(received)) {
    for (const auto& entry : awaited) set_.add(entry.signal);
    mask_awaited(SIG_UNBLOCK);
    wait();
}

void Signals::wait() {
    set_.async_wait([this](const error_code& ec, int signal) {
        if (ec) return;
        wait();
        received_(signal);
    });
}

const char* signal_name(int signal) {
    const auto* at = std::ranges::find(awaited, signal, &Name::signal);
    return at == awaited.end() ? "?" : at->name;
}

}  // namespace tinc::io
