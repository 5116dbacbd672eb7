#pragma once

// What is said to a proxy before the meta protocol begins, and what it may answer. A proxy is as
// little trusted as any stranger: its answer is bounded, and one wrong byte ends the connection.
//
//     SOCKS5  awaiting_method -+-> awaiting_login -+-> awaiting_reply --> granted
//                              '-------------------'
//     SOCKS4, SOCKS4a, HTTP                            awaiting_reply --> granted
//     exec                                                                granted
//
// All of a request is sent at once, byte for byte as tinc 1.0.36 sends it. Some SOCKS5 servers
// throw away what comes before they have asked for it (microsocks); they answer the first message
// and no other. is_held_up() then tells the owner to try again with Pace::in_steps.
// Source: legacy protocol 2.9; RFC 1928, RFC 1929; SOCKS 4 and 4a; RFC 9110 9.3.6.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/time.hpp"
#include "tinc/config/settings.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

namespace tinc::peer {

class ProxyHandshake {
  public:
    enum class State : std::uint8_t {
        awaiting_method,  ///< how to log in
        awaiting_login,   ///< whether user and password are right
        awaiting_reply,   ///< whether there is a way to the destination
        granted,          ///< all further bytes are the destination's
        failed,           ///< receive() gave an error
    };
    /// When the messages to a SOCKS5 proxy are sent.
    enum class Pace : std::uint8_t {
        at_once,   ///< without waiting for answers
        in_steps,  ///< each after the answer to the one before
    };

    /// How long a SOCKS5 proxy that has answered the first message may take with the next before
    /// it is held for one that has not heard it.
    static constexpr Duration patience = std::chrono::seconds(1);

    /// `proxy` is of any type but none. Errc::refused if it cannot lead there: SOCKS4 knows IPv4
    /// addresses only, and no names.
    [[nodiscard]] static Result<ProxyHandshake> begin(const config::ProxySettings& proxy,
                                                      const Destination& destination, Pace pace);

    /// The bytes to send next, which may hold a password; empty until the proxy has answered.
    [[nodiscard]] std::string take_outgoing();
    /// Takes an answer, in pieces of any size. Returns what of `bytes` follows its end: it belongs
    /// to the destination. Errc::refused with the proxy's reason, Errc::malformed or, beyond
    /// limits::proxy_reply_bytes, Errc::exhausted; each is final.
    [[nodiscard]] Result<Bytes> receive(Bytes bytes, Time now);

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool is_granted() const { return state_ == State::granted; }
    /// The address the proxy says it connects from, if it says one.
    [[nodiscard]] const std::optional<Address>& bound() const { return bound_; }

    /// Whether the proxy has answered the first of several messages that were sent at once, and
    /// then no more.
    [[nodiscard]] bool is_held_up() const;
    /// When is_held_up() has lasted for long enough, else tinc::never.
    [[nodiscard]] Time deadline() const;

  private:
    ProxyHandshake(config::ProxyType type, State state, Pace pace)
        : type_(type), state_(state), pace_(pace) {}

    void say(std::string message);
    /// Goes on with `reply_`. The number of its bytes that made up a whole answer; 0: more needed.
    [[nodiscard]] Result<std::size_t> step();
    [[nodiscard]] Result<std::size_t> on_method();
    [[nodiscard]] Result<std::size_t> on_login();
    [[nodiscard]] Result<std::size_t> on_socks4_reply();
    [[nodiscard]] Result<std::size_t> on_socks5_reply();
    [[nodiscard]] Result<std::size_t> on_http_reply();

    config::ProxyType type_;
    State state_;
    Pace pace_;
    bool is_login_offered_ = false;
    std::deque<std::string> messages_;  ///< not yet sent
    bool may_send_ = true;              ///< the next of them
    std::string reply_;                 ///< not yet understood
    std::optional<Address> bound_;
    std::optional<Time> answered_;  ///< the first time
};

}  // namespace tinc::peer
