#include "io/peer_links.hpp"

#include "io/clock.hpp"
#include "io/listening_sockets.hpp"
#include "io/socket_address.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace tinc::io {

void PeerLinks::accept(Descriptor socket, const Endpoint& remote) {
    const auto id = world_.node.accepted(remote, socket.number(), now());
    if (id) {
        if (const auto local = local_endpoint(socket.number()))
            world_.node.set_local_address(*id, local->address);
        set_meta_options(socket.number(), remote.address.family());
        add(*id)->adopt(std::move(socket), remote.address.family());
    } else if (id.error().code == Errc::exhausted) {
        tarpit_.hold(std::move(socket));
    }
    world_.turn.finish();
}

void PeerLinks::open(const node::Open& wanted) {
    auto socket = outgoing_socket(wanted.remote);
    if (!socket) {
        world_.node.connect_failed(wanted.peer, socket.error().what, now());
        world_.turn.finish();
        return;
    }
    set_meta_options(socket->number(), wanted.remote.address.family());
    add(wanted.peer)->connect(std::move(*socket), wanted.remote);
}

void PeerLinks::open(const node::OpenCommand& wanted) {
    auto socket = commands_.start(wanted);
    if (!socket) {
        world_.node.connect_failed(wanted.peer, socket.error().what, now());
        world_.turn.finish();
        return;
    }
    add(wanted.peer)->adopt_opened(std::move(*socket));
}

void PeerLinks::wake(PeerId id) {
    if (const auto at = links_.find(id); at != links_.end()) at->second->wake();
}

void PeerLinks::close(const node::Close& wanted) {
    const auto at = links_.find(wanted.peer);
    if (at == links_.end()) return;
    const auto link = at->second;
    forget(wanted.peer);
    if (wanted.how == node::Close::How::tarpit)
        tarpit_.hold(link->give_up_socket());
    else
        link->close();
}

void PeerLinks::close_all() {
    for (const auto& [id, link] : links_) {
        link->close();
        commands_.end(id);
    }
    links_.clear();
    tarpit_.clear();
}

std::shared_ptr<PeerLink> PeerLinks::add(PeerId id) {
    auto link = std::make_shared<PeerLink>(world_, id, [this, id] { forget(id); });
    links_.insert_or_assign(id, link);
    return link;
}

void PeerLinks::forget(PeerId id) {
    links_.erase(id);
    commands_.end(id);
}

Result<Descriptor> PeerLinks::outgoing_socket(const Endpoint& remote) const {
    const bool is_ipv6 = remote.address.family() == Family::ipv6;
    Descriptor socket(
        ::socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_failure("Creating socket failed");
    const int on = 1;
    if (is_ipv6) ::setsockopt(socket.number(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    TINC_CHECK(steer(socket.number(), settings_));

    const auto is_same_family = [&](const Endpoint& local) {
        return local.address.family() == remote.address.family();
    };
    if (std::ranges::count_if(local_, is_same_family) == 1) {
        auto local = *std::ranges::find_if(local_, is_same_family);
        local.port = 0;
        const auto address = to_socket_address(local);
        if (::bind(socket.number(), address.get(), address.size) != 0) {
            world_.log.print(Level::always, Severity::warning, "Can't bind to {}/tcp: {}",
                             local.text(), reason_text(errno));
        }
    }
    return socket;
}

}  // namespace tinc::io
