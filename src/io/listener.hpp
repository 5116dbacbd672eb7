#pragma once

#include "io/asio.hpp"
#include "io/descriptor.hpp"
#include "io/peer_links.hpp"
#include "tinc/base/log.hpp"

namespace tinc::io {

/// Accepts TCP connections of one listening socket. While the process has no descriptor left it
/// pauses; a descriptor held in reserve then serves to close one waiting connection politely.
class Listener {
  public:
    /// The references outlive this object.
    Listener(asio::io_context& loop, PeerLinks& links, LogSink& log, Descriptor socket);
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void start() { wait(); }

  private:
    enum class Outcome : std::uint8_t { emptied, more, no_descriptor, useless };

    void wait();
    void pause();
    [[nodiscard]] Outcome accept_some();
    void turn_one_away();

    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    PeerLinks& links_;
    LogSink& log_;
    Descriptor reserve_;
};

}  // namespace tinc::io
