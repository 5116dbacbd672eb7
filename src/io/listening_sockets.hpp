#pragma once

#include "io/descriptor.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/settings.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tinc::io {

/// Whether outgoing connections may come from an address we listen on.
enum class Outgoing : std::uint8_t { from_here, elsewhere };

/// One of our addresses: the TCP and the UDP socket of one port, both non-blocking.
struct ListeningPair {
    Descriptor tcp;  ///< none: another one takes this address, too
    Descriptor udp;
    Endpoint local;
    Outgoing outgoing = Outgoing::from_here;
};

/// Opens sockets for every BindToAddress and ListenAddress, or for all addresses. What cannot be
/// bound is logged and skipped; fails if nothing is left, or if an address cannot be resolved.
///
/// `handed_over`: sockets of socket activation. Those that listen for TCP are taken in place of
/// ours; UDP sockets at the same addresses, too, and where there is none it is opened. To a TCP
/// socket for both IPv6 and IPv4 belong two UDP sockets, one for each.
[[nodiscard]] Result<std::vector<ListeningPair>> open_listening_sockets(
    const config::Settings& settings, std::vector<Descriptor> handed_over, LogSink& log);

/// Another UDP socket at the address of this one: the kernel divides what arrives by where it comes
/// from. Fails if it does not, as with some sockets of socket activation.
[[nodiscard]] Result<Descriptor> open_beside(int udp, const Endpoint& local,
                                             const config::Settings& settings, LogSink& log);

/// The number of the port that the system knows by this name, "655" for "tinc".
[[nodiscard]] std::optional<std::string> service_port(const std::string& service);

/// BindToInterface and FWMark: which way the packets of a socket take. One that cannot be had is an
/// error, since they would take another.
[[nodiscard]] Result<void> steer(int socket, const config::Settings& settings);

/// What every meta connection gets: no delay, low-delay TOS.
void set_meta_options(int socket, Family family);

}  // namespace tinc::io
