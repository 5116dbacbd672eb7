#include "tinc/peer/proxy_handshake.hpp"

#include "proxy_requests.hpp"
#include "tinc/base/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tinc::peer {

namespace {

using config::ProxyType;

constexpr std::uint8_t no_method_is_acceptable = 0xff;
constexpr std::uint8_t login_by_password = 2;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint8_t>(bytes[at]);
}

Address ipv4_at(std::string_view bytes, std::size_t at) {
    std::array<std::byte, 4> out{};
    std::ranges::copy(as_bytes(bytes.substr(at, out.size())), out.begin());
    return Address::v4(out);
}

Address ipv6_at(std::string_view bytes, std::size_t at) {
    std::array<std::byte, 16> out{};
    std::ranges::copy(as_bytes(bytes.substr(at, out.size())), out.begin());
    return Address::v6(out);
}

std::string socks4_reason(std::uint8_t code) {
    switch (code) {
        case 0x5b:
            return "request rejected or failed";
        case 0x5c:
            return "it found no identd here";
        case 0x5d:
            return "identd here names another user";
        default:
            return fmt::format("code {}", code);
    }
}

/// Source: RFC 1928, section 6.
std::string socks5_reason(std::uint8_t code) {
    static constexpr std::string_view words[] = {
        "general failure",       "connection not allowed by ruleset",
        "network unreachable",   "host unreachable",
        "connection refused",    "TTL expired",
        "command not supported", "address type not supported"};
    if (code == 0 || code > std::size(words)) return fmt::format("code {}", code);
    return std::string(words[code - 1]);
}

/// A line of the proxy as it may stand in the log.
std::string shown(std::string_view line) {
    constexpr std::size_t longest = 100;
    std::string out(line.substr(0, longest));
    for (auto& c : out)
        if (c < ' ' || c > '~') c = '?';
    if (line.size() > longest) out += "...";
    return out;
}

std::unexpected<Error> not_socks5() {
    return failure(Errc::malformed, "The proxy does not speak SOCKS5");
}

}  // namespace

Result<ProxyHandshake> ProxyHandshake::begin(const config::ProxySettings& proxy,
                                             const Destination& destination, Pace pace) {
    TINC_ASSERT(proxy.type != ProxyType::none);
    const bool is_ipv4 =
        !destination.is_named() && destination.endpoint.address.family() == Family::ipv4;
    if (proxy.type == ProxyType::socks4 && !is_ipv4)
        return failure(Errc::refused,
                       "Can only connect to numeric IPv4 addresses through a SOCKS 4 proxy!");
    if (proxy.type == ProxyType::socks4a && !is_ipv4 && !destination.is_named())
        return failure(Errc::refused, "Cannot connect to IPv6 addresses through a SOCKS 4a proxy!");
    const auto first = proxy.type == ProxyType::exec     ? State::granted
                       : proxy.type == ProxyType::socks5 ? State::awaiting_method
                                                         : State::awaiting_reply;
    ProxyHandshake handshake(proxy.type, first, pace);
    handshake.is_login_offered_ = has_login(proxy);
    handshake.messages_ = proxy_messages(proxy, destination);
    return handshake;
}

std::string ProxyHandshake::take_outgoing() {
    std::string out;
    while (may_send_ && !messages_.empty()) {
        out += messages_.front();
        messages_.pop_front();
        may_send_ = pace_ == Pace::at_once;
    }
    return out;
}

Result<Bytes> ProxyHandshake::receive(Bytes bytes, Time now) {
    TINC_ASSERT(state_ != State::granted && state_ != State::failed);
    const auto offered = bytes.size();
    reply_ += as_text(bytes);
    while (!is_granted()) {
        const auto taken = step();
        if (!taken) {
            state_ = State::failed;
            return std::unexpected(taken.error());
        }
        if (*taken == 0) return Bytes{};
        reply_.erase(0, *taken);
        if (!answered_) answered_ = now;
        may_send_ = true;
    }
    TINC_ASSERT(reply_.size() <= offered);
    const auto surplus = std::exchange(reply_, {}).size();
    return bytes.last(surplus);
}

bool ProxyHandshake::is_held_up() const {
    return pace_ == Pace::at_once && answered_ &&
           (state_ == State::awaiting_login || state_ == State::awaiting_reply);
}

Time ProxyHandshake::deadline() const { return is_held_up() ? *answered_ + patience : never; }

Result<std::size_t> ProxyHandshake::step() {
    switch (state_) {
        case State::awaiting_method:
            return on_method();
        case State::awaiting_login:
            return on_login();
        case State::awaiting_reply:
            if (type_ == ProxyType::socks5) return on_socks5_reply();
            return type_ == ProxyType::http ? on_http_reply() : on_socks4_reply();
        case State::granted:
        case State::failed:
            break;
    }
    return 0U;
}

/// `05 <method>`
Result<std::size_t> ProxyHandshake::on_method() {
    constexpr std::size_t size = 2;
    if (!reply_.empty() && byte_at(reply_, 0) != 5) return not_socks5();
    if (reply_.size() < size) return 0U;
    const auto method = byte_at(reply_, 1);
    if (method == no_method_is_acceptable)
        return failure(Errc::refused, is_login_offered_
                                          ? "SOCKS5 proxy refused: it takes no user and password"
                                          : "SOCKS5 proxy refused: it wants a user and password");
    if (method != (is_login_offered_ ? login_by_password : 0))
        return failure(Errc::malformed, "SOCKS5 proxy chose a way to log in that was not offered");
    state_ = is_login_offered_ ? State::awaiting_login : State::awaiting_reply;
    return size;
}

/// `01 00`; some servers say `05 00`.
Result<std::size_t> ProxyHandshake::on_login() {
    constexpr std::size_t size = 2;
    if (!reply_.empty() && byte_at(reply_, 0) != 1 && byte_at(reply_, 0) != 5) return not_socks5();
    if (reply_.size() < size) return 0U;
    if (byte_at(reply_, 1) != 0)
        return failure(Errc::refused, "SOCKS5 proxy refused: wrong user or password");
    state_ = State::awaiting_reply;
    return size;
}

/// `00 5a <port> <address>`
Result<std::size_t> ProxyHandshake::on_socks4_reply() {
    constexpr std::size_t size = 8;
    constexpr std::uint8_t request_granted = 0x5a;
    constexpr std::size_t address_at = 4;
    if (!reply_.empty() && byte_at(reply_, 0) != 0)
        return failure(Errc::malformed, "The proxy does not speak SOCKS4");
    if (reply_.size() >= 2 && byte_at(reply_, 1) != request_granted)
        return failure(Errc::refused, "SOCKS4 proxy refused: " + socks4_reason(byte_at(reply_, 1)));
    if (reply_.size() < size) return 0U;
    bound_ = ipv4_at(reply_, address_at);
    state_ = State::granted;
    return size;
}

/// `05 00 <any> 01 <IPv4> <port>`, `.. 04 <IPv6> ..` or `.. 03 <length> <name> ..`
Result<std::size_t> ProxyHandshake::on_socks5_reply() {
    constexpr std::size_t type_at = 3;
    constexpr std::size_t address_at = 4;
    constexpr std::size_t size_without_address = 6;
    if (!reply_.empty() && byte_at(reply_, 0) != 5) return not_socks5();
    if (reply_.size() >= 2 && byte_at(reply_, 1) != 0)
        return failure(Errc::refused, "SOCKS5 proxy refused: " + socks5_reason(byte_at(reply_, 1)));
    if (reply_.size() <= address_at) return 0U;
    std::size_t size = size_without_address;
    switch (byte_at(reply_, type_at)) {
        case 1:
            size += 4;
            if (reply_.size() < size) return 0U;
            bound_ = ipv4_at(reply_, address_at);
            break;
        case 3:
            size += 1U + byte_at(reply_, address_at);
            if (reply_.size() < size) return 0U;
            break;
        case 4:
            size += 16;
            if (reply_.size() < size) return 0U;
            bound_ = ipv6_at(reply_, address_at);
            break;
        default:
            return failure(Errc::malformed, "SOCKS5 proxy answered with an unknown address type");
    }
    state_ = State::granted;
    return size;
}

/// A status line, header lines, an empty line. What ends a line is LF, or CR and LF.
Result<std::size_t> ProxyHandshake::on_http_reply() {
    constexpr std::string_view version = "HTTP/1.";
    const std::string_view text = std::string_view(reply_).substr(0, limits::proxy_reply_bytes);
    const auto begun = text.substr(0, version.size());
    if (begun != version.substr(0, begun.size()))
        return failure(Errc::malformed, "The proxy does not speak HTTP/1");
    auto end = text.find('\n');
    if (end != std::string_view::npos) {
        auto line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        const auto code = line.substr(std::min(line.size(), version.size() + 1));
        if (!code.starts_with(" 200") || (code.size() > 4 && code[4] != ' '))
            return failure(Errc::refused, "HTTP proxy answered: " + shown(line));
    }
    while (end != std::string_view::npos) {
        const auto rest = text.substr(end + 1);
        const std::size_t line_end = rest.starts_with("\r\n") ? 2U
                                     : rest.starts_with('\n') ? 1U
                                                              : 0U;
        if (line_end > 0) {
            state_ = State::granted;
            return end + 1 + line_end;
        }
        end = text.find('\n', end + 1);
    }
    if (reply_.size() >= limits::proxy_reply_bytes)
        return failure(Errc::exhausted, fmt::format("HTTP proxy answered with more than {} bytes",
                                                    limits::proxy_reply_bytes));
    return 0U;
}

}  // namespace tinc::peer
