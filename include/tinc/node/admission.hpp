#pragma once

// Who may come in while strangers knock. Limits are per source (an IPv4 address, an IPv6 /64), so
// that nobody can keep a member out by filling a common one.
//
//     a new connection   at most limits::pending_per_source unfinished ones of a source; at
//                        limits::pending_connections in all (a quarter of the descriptors, if
//                        that is less), the oldest of the greediest source
//                        makes room; sources whose key was good in the last hour come last
//                        with MaxConnectionBurst, a source also makes no more than so many at
//                        once and one a second afterwards; not this machine, nor a source whose key
//                        was good in the last hour
//     a handshake        costs us an RSA operation: limits::handshakes_per_source in a second, and
//                        limits::handshakes_per_second over all strangers; sources whose key was
//                        good in the last hour do not share that with them
//
// Source: threat model, rows on unauthenticated peers.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/base/time.hpp"
#include "tinc/mesh/rate_limit.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

namespace tinc::node {

class Admission {
  public:
    /// Whether a connection from there may begin. `victim` is an older one that must be closed.
    struct Verdict {
        bool is_admitted = false;
        std::optional<PeerId> victim;
    };
    [[nodiscard]] Verdict arrive(const Address& source, PeerId peer, Time now);
    /// At most limits::pending_connections; fewer where descriptors are scarce. At least one.
    void set_pending_limit(std::size_t most) {
        pending_limit_ = std::clamp<std::size_t>(most, 1, limits::pending_connections);
    }
    /// Connections that a source may make at once; it regains one each second. None: no limit.
    void set_burst(std::optional<std::uint32_t> most) { burst_ = most; }
    /// The connection is over, or has become a member's.
    void leave(PeerId peer);

    /// Whether this source may cost us a handshake in this second. Asked for those who named a node
    /// we have a key of.
    [[nodiscard]] bool may_authenticate(const Address& source, Time now);
    /// Its key was good.
    void remember_good(const Address& source, Time now);

    /// Whether something a stranger did is worth a line in the log: one a minute for each source.
    [[nodiscard]] bool may_log(const Address& source, Time now);

    [[nodiscard]] std::size_t pending() const { return source_of_.size(); }

  private:
    [[nodiscard]] static Address prefix_of(const Address& source);
    [[nodiscard]] bool is_good(const Address& prefix, Time now) const;
    [[nodiscard]] bool is_burst(const Address& source, Time now);
    [[nodiscard]] std::optional<PeerId> oldest_of_greediest(Time now) const;

    std::map<Address, std::deque<PeerId>> pending_;  ///< oldest first
    std::size_t pending_limit_ = limits::pending_connections;
    std::unordered_map<PeerId, Address> source_of_;
    std::optional<std::uint32_t> burst_;
    /// When all that a source used of its burst is regained; passed ones may be forgotten.
    std::map<Address, Time> burst_over_;
    std::map<Address, Time> good_until_;
    std::map<Address, Time> logged_;
    mesh::RateLimit handshakes_of_source_{limits::handshakes_per_source, std::chrono::seconds(1)};
    mesh::RateLimit handshakes_{limits::handshakes_per_second, std::chrono::seconds(1), 1};
};

}  // namespace tinc::node
