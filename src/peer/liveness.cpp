#include "tinc/peer/peer.hpp"

#include <algorithm>
#include <chrono>

namespace tinc::peer {

namespace {

std::int64_t whole_seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace

// Three clocks run. Until a connection is active, all of its handshake has PingTimeout, counted
// from its first moment and not from its last byte. An active one is asked for a PONG every
// PingInterval, whatever else it says, and has PingTimeout to answer. And bytes that wait to be
// written must move within PingTimeout.

Time Peer::deadline() const {
    if (sending_fault_) return created_;  // at once
    if (state_ != State::active) {
        const auto limit = created_ + settings_->ping_timeout;
        return proxy_ ? std::min(limit, proxy_->deadline()) : limit;
    }
    auto next = last_ping_ + (is_pinged_ ? settings_->ping_timeout : settings_->ping_interval);
    if (in_flight_bytes_ > 0) next = std::min(next, last_progress_ + settings_->ping_timeout);
    return next;
}

Result<void> Peer::on_time(Time now) {
    if (sending_fault_) return std::unexpected(*sending_fault_);
    const auto timeout = settings_->ping_timeout;
    if (state_ != State::active) {
        if (now < deadline()) return {};
        return failure(Errc::timed_out, words_of_timeout());
    }
    if (is_pinged_ && now >= last_ping_ + timeout)
        return failure(Errc::timed_out, fmt::format("{} didn't respond to PING in {} seconds",
                                                    label(), whole_seconds(now - last_ping_)));
    if (in_flight_bytes_ > 0 && now >= last_progress_ + timeout)
        return failure(Errc::timed_out,
                       fmt::format("{} could not flush for {} seconds ({} bytes remaining)",
                                   label(), whole_seconds(now - last_progress_), unsent_bytes()));
    if (!is_pinged_ && now >= last_ping_ + settings_->ping_interval) return ping(now);
    return {};
}

std::string Peer::words_of_timeout() const {
    if (state_ == State::connecting) return fmt::format("Timeout while connecting to {}", label());
    const std::string_view detail =
        state_ == State::awaiting_proxy ? ": the proxy does not answer" : "";
    return fmt::format("Timeout from {} during authentication{}", label(), detail);
}

Result<void> Peer::ping(Time now) {
    if (state_ != State::active || is_pinged_) return {};
    is_pinged_ = true;
    last_ping_ = now;
    std::string line;
    wire::append_ping(line);
    return send_line(line, Telling::log);
}

}  // namespace tinc::peer
