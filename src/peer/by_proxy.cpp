// The part of a connection that is a proxy's.

#include "tinc/peer/peer.hpp"

namespace tinc::peer {

namespace {

/// Stands for an address nobody knows. Source: legacy protocol 2.9.
Address address_of_nowhere(Family family) {
    if (family == Family::ipv4) return Address::v4({{{}, {}, {}, std::byte{1}}});
    return Address::v6({std::byte{1}});
}

}  // namespace

Peer Peer::by_proxy(const PeerSettings& settings, ProxyHandshake proxy, const Destination& remote,
                    std::string name, config::HostSettings host, RandomSource& random, LogSink& log,
                    Time now) {
    Peer peer(settings, remote, true, random, log, now);
    peer.name_ = std::move(name);
    peer.host_ = std::move(host);
    peer.proxy_ = std::move(proxy);
    return peer;
}

/// Says to the proxy what is next, and to the peer who we are once there is a way to it.
void Peer::talk_to_proxy() {
    // A queue that has only ever held a few short messages has room for one more.
    if (const auto message = proxy_->take_outgoing(); !message.empty())
        static_cast<void>(queue(message));
    if (!proxy_->is_granted()) return;
    if (remote_.is_named()) {
        const auto bound = proxy_->bound().value_or(Address());
        remote_.endpoint.address =
            bound.is_unspecified() ? address_of_nowhere(bound.family()) : bound;
    }
    say_id();
}

Result<void> Peer::on_proxy_answer(Bytes bytes, Time now) {
    const auto surplus = proxy_->receive(bytes, now);
    if (!surplus)
        return failure(surplus.error().code, fmt::format("Error while connecting to {}: {}",
                                                         label(), surplus.error().what));
    if (proxy_->is_granted())
        log_->print(Level::connections, Severity::info, "Proxy request granted");
    talk_to_proxy();
    if (!proxy_->is_granted()) return {};
    return receive(*surplus, now);
}

}  // namespace tinc::peer
