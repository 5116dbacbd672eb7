#pragma once

#include "io/asio.hpp"
#include "io/descriptor.hpp"
#include "io/turn.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/log.hpp"
#include "tinc/node/node.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tinc::io {

/// What a link needs of the world; all of it outlives the link.
struct LinkWorld {
    asio::io_context& loop;
    node::Node& node;
    Turn& turn;
    LogSink& log;
};

/// Carries one meta connection: bytes between a socket and the Node, and nothing else.
///
/// A reading and a writing coroutine run on the loop and keep the link alive; close() ends both.
class PeerLink : public std::enable_shared_from_this<PeerLink> {
  public:
    /// `forget` is called once, when the connection ended by itself.
    PeerLink(LinkWorld world, PeerId id, std::function<void()> forget);

    /// Goes on with a connection that was accepted.
    void adopt(Descriptor socket, Family family);
    /// Goes on with one that we have opened, a socket of the local system.
    void adopt_opened(Descriptor socket);
    /// Connects a socket of the right family, bound where it shall come from.
    void connect(Descriptor socket, const Endpoint& remote);

    /// take_outgoing() has bytes.
    void wake();
    void close();
    /// Ends the loops but not the connection.
    [[nodiscard]] Descriptor give_up_socket();

  private:
    /// Tells the Node and goes on.
    void opened();
    void run();
    [[nodiscard]] awaitable<void> connect_and_run(std::shared_ptr<PeerLink> self, Endpoint remote);
    [[nodiscard]] awaitable<void> read_loop(std::shared_ptr<PeerLink> self);
    [[nodiscard]] awaitable<void> write_loop(std::shared_ptr<PeerLink> self);
    /// Writes all of `bytes`; false if the connection broke.
    [[nodiscard]] awaitable<bool> write(std::vector<std::byte> bytes);
    void spawn(awaitable<void> loop);
    void ended(std::string_view reason);

    LinkWorld world_;
    PeerId id_;
    std::function<void()> forget_;
    asio::generic::stream_protocol::socket socket_;
    asio::steady_timer wake_writer_;
    bool is_open_ = true;  ///< the Node knows this connection
};

}  // namespace tinc::io
