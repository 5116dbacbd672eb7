#pragma once

// Whose word counts. As a rule everybody's, about everything. With StrictSubnets a node has the
// subnets that its host file here gives it, whatever is said. With TunnelServer, which implies
// that, a neighbour is heard about itself only, and nothing of it goes on to others.
//
// Source: legacy protocol 3.2, 3.3, 3.6.

#include "tinc/wire/subnet.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace tinc::mesh {

/// Whom we believe.
enum class Trust : std::uint8_t {
    everybody,
    host_files,  ///< StrictSubnets
    neighbours,  ///< TunnelServer
};

class GossipPolicy {
  public:
    GossipPolicy(std::string own_name, Trust trust)
        : own_name_(std::move(own_name)), trust_(trust) {}

    /// Whether what one neighbour says is passed on to the others.
    [[nodiscard]] bool passes_on() const { return trust_ != Trust::neighbours; }
    /// Whether nodes have the subnets of their host files, all of those and no others.
    [[nodiscard]] bool is_strict() const { return trust_ != Trust::everybody; }

    /// Whether a neighbour may speak about this edge. As in 1.0.36, what lies behind a neighbour
    /// may be reached through it. Stricter than that: who has an edge to us says so itself.
    [[nodiscard]] bool hears_of_edge(std::string_view neighbour, std::string_view from,
                                     std::string_view to) const;
    /// Whether a neighbour may speak about subnets of this owner.
    [[nodiscard]] bool hears_of_subnets(std::string_view neighbour, std::string_view owner) const;

    // Which subnets of host files their owners say they do not have. Packets are routed by the host
    // files all the same, but the others are not told of these subnets.
    /// True if that is news.
    bool withdraw(const std::string& owner, const wire::Subnet& subnet);
    /// True if that is news.
    bool restore(const std::string& owner, const wire::Subnet& subnet);
    [[nodiscard]] bool is_withdrawn(const std::string& owner, const wire::Subnet& subnet) const;

  private:
    std::string own_name_;
    Trust trust_;
    std::set<std::pair<std::string, wire::Subnet>> withdrawn_;
};

}  // namespace tinc::mesh
