#include "io/listener.hpp"

#include "io/guard.hpp"
#include "io/socket_address.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>
#include <utility>

namespace tinc::io {

namespace {

constexpr int accepts_per_turn = 32;
constexpr std::chrono::seconds pause_time{1};

Descriptor open_reserve() { return Descriptor(::open("/", O_PATH | O_CLOEXEC)); }

bool is_want_of_descriptors(int code) {
    return code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM;
}

/// Waiting for it would never end: it was handed over and does not listen.
bool is_no_listener(int code) {
    return code == EINVAL || code == EOPNOTSUPP || code == ENOTSOCK || code == EBADF;
}

}  // namespace

Listener::Listener(asio::io_context& loop, PeerLinks& links, LogSink& log, Descriptor socket)
    : socket_(loop, socket.release()),
      pause_(loop),
      links_(links),
      log_(log),
      reserve_(open_reserve()) {
    socket_.non_blocking(true);
}

void Listener::wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (ec) return;
        auto outcome = Outcome::more;
        guarded(log_, "Accepting a new connection failed", [&] { outcome = accept_some(); });
        if (outcome == Outcome::useless) return;
        if (outcome == Outcome::no_descriptor)
            pause();
        else
            wait();
    });
}

void Listener::pause() {
    pause_.expires_after(pause_time);
    pause_.async_wait([this](const error_code& ec) {
        if (!ec) wait();
    });
}

Listener::Outcome Listener::accept_some() {
    for (int i = 0; i < accepts_per_turn; ++i) {
        SocketAddress address;
        address.size = sizeof address.storage;
        Descriptor accepted(::accept4(socket_.native_handle(), address.get(), &address.size,
                                      SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (accepted) {
            const auto remote = to_endpoint(address.get(), address.size);
            if (remote) links_.accept(std::move(accepted), *remote);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::emptied;
        if (is_no_listener(errno)) {
            log_.print(Level::always, Severity::error,
                       "No connections can be accepted on one of the sockets: {}",
                       reason_text(errno));
            return Outcome::useless;
        }
        if (!is_want_of_descriptors(errno)) continue;  // that connection is gone already
        log_.print(Level::always, Severity::error, "Accepting a new connection failed: {}",
                   reason_text(errno));
        turn_one_away();
        return Outcome::no_descriptor;
    }
    return Outcome::more;
}

void Listener::turn_one_away() {
    reserve_.close();
    Descriptor(::accept4(socket_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC)).close();
    reserve_ = open_reserve();
}

}  // namespace tinc::io
