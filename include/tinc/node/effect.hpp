#pragma once

// What the Node wants done in the world. Values, in the order they were wanted; floor 5 carries
// them out. Packets are not among them: they leave through plane::Outbox.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/crypto/ed25519.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::node {

/// take_outgoing(peer) has bytes.
struct Wake {
    PeerId peer{};
};

/// Connect by TCP; answer with connected() or connect_failed().
struct Open {
    PeerId peer{};
    Endpoint remote;
};

/// Start this command with /bin/sh; what it reads and writes is the connection. Answer with
/// connected() or connect_failed(). `environment` comes on top of NETNAME, if there is one, and
/// NAME.
struct OpenCommand {
    PeerId peer{};
    std::string command;  ///< may hold a password: not for the log
    std::vector<std::pair<std::string, std::string>> environment;
};

/// The connection is over; the Node has forgotten it and wants no more events of it.
struct Close {
    enum class How : std::uint8_t {
        now,     ///< close the socket
        tarpit,  ///< keep the socket open and unread for a while: a stranger learns nothing
    };
    PeerId peer{};
    How how = How::now;
};

/// Resolve a name, off the loop; answer with resolved().
struct Resolve {
    QueryId query{};
    std::string host;
    std::string port;
};

/// Read hosts/NAME, off the loop; answer with host_loaded().
struct LoadHost {
    QueryId query{};
    std::string name;
};

/// Find out whose host files have an Address, off the loop; answer with hosts_scanned().
struct ScanHosts {};

/// Look up where this node was reached before, off the loop; answer with recalled().
struct RecallAddresses {
    QueryId query{};
    std::string name;
};

/// This node was reached there.
struct RememberAddress {
    std::string name;
    Endpoint remote;
};

/// Append this Ed25519 key to hosts/NAME, which has none, off the loop.
struct SaveKey {
    std::string name;
    crypto::Ed25519PublicKey key;
};

/// Run a script if it exists, after all earlier ones have ended. `environment` comes on top of
/// NETNAME, DEVICE, INTERFACE and NAME.
struct RunScript {
    std::string script;  ///< "host-up", "hosts/beta-up"
    std::vector<std::pair<std::string, std::string>> environment;
};

using Effect = std::variant<Wake, Open, OpenCommand, Close, Resolve, LoadHost, ScanHosts,
                            RecallAddresses, RememberAddress, SaveKey, RunScript>;

}  // namespace tinc::node
