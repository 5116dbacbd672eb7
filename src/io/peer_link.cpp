#include "io/peer_link.hpp"

#include "io/clock.hpp"
#include "io/socket_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <exception>
#include <span>
#include <utility>
#include <vector>

namespace tinc::io {

namespace {

asio::generic::stream_protocol protocol_of(Family family) {
    return {family == Family::ipv4 ? AF_INET : AF_INET6, IPPROTO_TCP};
}

asio::generic::stream_protocol::endpoint to_asio(const Endpoint& endpoint) {
    const auto address = to_socket_address(endpoint);
    return {address.get(), address.size, IPPROTO_TCP};
}

}  // namespace

PeerLink::PeerLink(LinkWorld world, PeerId id, std::function<void()> forget)
    : world_(world),
      id_(id),
      forget_(std::move(forget)),
      socket_(world.loop),
      wake_writer_(world.loop, asio::steady_timer::time_point::max()) {}

void PeerLink::adopt(Descriptor socket, Family family) {
    socket_.assign(protocol_of(family), socket.release());
    run();
}

void PeerLink::adopt_opened(Descriptor socket) {
    socket_.assign({AF_UNIX, 0}, socket.release());
    opened();
}

void PeerLink::connect(Descriptor socket, const Endpoint& remote) {
    socket_.assign(protocol_of(remote.address.family()), socket.release());
    spawn(connect_and_run(shared_from_this(), remote));
}

void PeerLink::wake() { wake_writer_.cancel(); }

void PeerLink::close() {
    is_open_ = false;
    error_code ec;
    socket_.close(ec);
    wake_writer_.cancel();
}

Descriptor PeerLink::give_up_socket() {
    is_open_ = false;
    wake_writer_.cancel();
    error_code ec;
    const int number = socket_.is_open() ? socket_.release(ec) : -1;
    return Descriptor(number);
}

void PeerLink::run() {
    spawn(read_loop(shared_from_this()));
    spawn(write_loop(shared_from_this()));
}

/// An exception, for want of memory most likely, ends this connection only.
void PeerLink::spawn(awaitable<void> loop) {
    asio::co_spawn(world_.loop, std::move(loop),
                   [self = shared_from_this()](const std::exception_ptr& problem) {
                       if (!problem) return;
                       try {
                           std::rethrow_exception(problem);
                       } catch (const std::exception& exception) {
                           self->ended(exception.what());
                       }
                   });
}

awaitable<void> PeerLink::connect_and_run(std::shared_ptr<PeerLink> /*self*/, Endpoint remote) {
    error_code ec;
    co_await socket_.async_connect(to_asio(remote), to_coroutine(ec));
    if (!is_open_) co_return;
    if (ec) {
        close();
        forget_();
        world_.node.connect_failed(id_, ec.message(), now());
        world_.turn.finish();
        co_return;
    }
    opened();
}

void PeerLink::opened() {
    if (const auto local = local_endpoint(socket_.native_handle()))
        world_.node.set_local_address(id_, local->address);
    world_.node.connected(id_, socket_.native_handle(), now());
    world_.turn.finish();
    if (is_open_) run();
}

awaitable<void> PeerLink::read_loop(std::shared_ptr<PeerLink> /*self*/) {
    std::array<std::byte, 16'384> chunk;
    while (is_open_) {
        error_code ec;
        const auto count = co_await socket_.async_read_some(asio::buffer(chunk), to_coroutine(ec));
        if (!is_open_) co_return;
        if (ec) {
            ended(ec == asio::error::eof ? std::string() : ec.message());
            co_return;
        }
        world_.node.receive(id_, std::span(chunk).first(count), now());
        world_.turn.finish();
    }
}

awaitable<void> PeerLink::write_loop(std::shared_ptr<PeerLink> /*self*/) {
    while (is_open_) {
        // Owned here, not borrowed: the Node may grow its queue while the kernel reads this one.
        auto bytes = world_.node.take_outgoing(id_);
        if (bytes.empty()) {
            error_code ec;
            co_await wake_writer_.async_wait(to_coroutine(ec));
            continue;
        }
        if (!co_await write(std::move(bytes))) co_return;
    }
}

awaitable<bool> PeerLink::write(std::vector<std::byte> bytes) {
    auto rest = std::span(bytes);
    while (!rest.empty()) {
        error_code ec;
        const auto count = co_await socket_.async_write_some(asio::buffer(rest.data(), rest.size()),
                                                             to_coroutine(ec));
        if (!is_open_) co_return false;
        if (ec) {
            ended(ec.message());
            co_return false;
        }
        rest = rest.subspan(count);
        world_.node.written(id_, count, now());
        world_.turn.finish();
        if (!is_open_) co_return false;
    }
    co_return true;
}

void PeerLink::ended(std::string_view reason) {
    if (!is_open_) return;
    const auto self = shared_from_this();
    close();
    forget_();
    world_.node.closed(id_, reason, now());
    world_.turn.finish();
}

}  // namespace tinc::io
