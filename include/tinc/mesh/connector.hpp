#pragma once

// Keeps a meta connection to every ConnectTo, and to those that AutoConnect seeks. For each of
// them:
//
//     idle --> reading the host file --> resolving --> dialling --> connected
//      ^            | no Address            |  next address |          | lost
//      '--- wait ---+-----------------------+---------------+          |
//      ^    5, 10, 15 .. MaxTimeout s                                  |
//      '----------------------------------------- first address again -'
//
// Ahead of the host file's addresses come those that are likely to be good: where the node was
// reached before, and where others reach it.
//
// A connection is believed in after its first PONG; before that, its end only means that the next
// address is tried. Source: legacy protocol 2.8; protocol of tinc 1.1, outgoing connections.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/log.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tinc::mesh {

/// Read hosts/NAME; answer with host_loaded().
struct ReadHost {
    std::string name;
};
/// Resolve; answer with resolved().
struct ResolveAddress {
    std::string name;
    config::HostPort address;
};
/// Connect; answer with dialling() and, when it is over, ended().
struct Dial {
    std::string name;
    Destination remote;
    config::HostSettings host;
};
using ConnectorEffect = std::variant<ReadHost, ResolveAddress, Dial>;

class Connector {
  public:
    struct Intervals {
        std::chrono::seconds min_timeout{0};
        std::chrono::seconds max_timeout{900};
    };

    /// What to do with a host that cannot be resolved.
    enum class UnknownHosts : std::uint8_t {
        skip,
        dial,  ///< by name: a proxy may know it
    };

    /// What a node is to us.
    enum class Standing : std::uint8_t {
        none,            ///< no target
        configured,      ///< ConnectTo
        sought,          ///< only by seek(): connected, or being tried
        sought_waiting,  ///< only by seek(), waiting for the next attempt
    };

    Connector(Intervals intervals, RandomSource& random, LogSink& log)
        : intervals_(intervals), random_(random), log_(log) {}

    /// The names of ConnectTo. New ones are tried at once; the back-off of old ones is forgotten.
    void set_targets(const std::vector<std::string>& names, Intervals intervals, Time now);

    /// A target that is in no ConnectTo. Nothing happens to one that is a target already.
    void seek(const std::string& name, Time now);
    /// Forgets a target that is only sought; one of ConnectTo stays.
    void abandon(const std::string& name);
    void abandon_sought();
    [[nodiscard]] Standing standing_of(const std::string& name) const;
    /// The names of those that are only sought.
    [[nodiscard]] std::vector<std::string> sought() const;

    void set_unknown_hosts(UnknownHosts unknown_hosts) { unknown_hosts_ = unknown_hosts; }

    /// Before host_loaded(): addresses that are tried ahead of those in the host file.
    void suggest(const std::string& name, std::vector<Endpoint> likely);
    void host_loaded(const std::string& name, Result<config::HostSettings> host, Time now);
    void resolved(const std::string& name, Result<std::vector<Endpoint>> endpoints, Time now);
    void dialling(const std::string& name, PeerId peer);
    /// A node is connected, no matter who dialled; nothing is to be tried meanwhile.
    void connected(const std::string& name, PeerId peer);
    /// The address in use is good: the next failure begins with the first one again.
    void proven(PeerId peer);
    /// The connection, finished or not, is over.
    void ended(PeerId peer, Time now);
    /// All waiting ones are due.
    void retry_now(Time now);
    /// Nobody is tried before `until`, whatever ends meanwhile.
    void pause(Time until);

    [[nodiscard]] Time deadline() const;
    void on_time(Time now);
    [[nodiscard]] std::vector<ConnectorEffect> take_effects();

  private:
    struct Target {
        enum class State : std::uint8_t { waiting, reading, resolving, dialling, connected };
        State state = State::waiting;
        Time due{};
        std::chrono::seconds backoff{0};
        config::HostSettings host;
        std::deque<config::HostPort> addresses;  ///< the first one is being resolved
        std::deque<Destination> remotes;         ///< not yet tried
        std::optional<PeerId> peer;
        bool is_proven = false;
        bool is_sought = false;        ///< by seek() alone
        std::vector<Endpoint> likely;  ///< suggested for this round
        std::vector<Endpoint> tried;   ///< of `likely`, in this round
    };

    void begin(const std::string& name, Target& target);
    void try_next(const std::string& name, Target& target, Time now);
    void wait(Target& target, std::chrono::seconds time, Time now);
    void wait_until(Target& target, Time due) const;

    Intervals intervals_;
    UnknownHosts unknown_hosts_ = UnknownHosts::skip;
    RandomSource& random_;
    LogSink& log_;
    std::map<std::string, Target> targets_;
    Time paused_until_ = Time::min();
    std::vector<ConnectorEffect> effects_;
};

}  // namespace tinc::mesh
