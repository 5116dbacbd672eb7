#pragma once

#include "io/descriptor.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/settings.hpp"

#include <vector>

namespace tinc::io {

/// One of our addresses: the TCP and the UDP socket of one port, both non-blocking.
struct ListeningPair {
    Descriptor tcp;
    Descriptor udp;
    Endpoint local;
};

/// Opens sockets for every BindToAddress, or for all addresses. What cannot be bound is logged and
/// skipped; fails if nothing is left, or if a BindToAddress cannot be resolved.
///
/// `handed_over`: listening TCP sockets of socket activation; then only the UDP sockets that belong
/// to them are opened.
[[nodiscard]] Result<std::vector<ListeningPair>> open_listening_sockets(
    const config::Settings& settings, std::vector<Descriptor> handed_over, LogSink& log);

/// SO_BINDTODEVICE, if BindToInterface is set.
[[nodiscard]] Result<void> bind_to_interface(int socket, const config::Settings& settings);

/// What every meta connection gets: no delay, low-delay TOS.
void set_meta_options(int socket, Family family);

}  // namespace tinc::io
