#pragma once

// Keeps a few meta connections without being told to whom. Every 5 seconds one look at all nodes:
//
//     fewer than 3 connections   make one: to a node that is reachable, or whose host file has an
//                                Address
//     more than 3                end one of those made here; not to a node that would be alone then
//     3 or more                  what is still waiting for its next attempt is given up; and now
//                                and then a node that nobody reaches is tried, so that parts of a
//                                mesh find together again
//
// Only what was begun here is ever ended here: what the operator wrote into ConnectTo stays.
// Source: protocol of tinc 1.1, AutoConnect; it also ends and forgets those of ConnectTo.

#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"
#include "tinc/mesh/connector.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tinc::mesh {

class AutoConnect {
  public:
    static constexpr std::chrono::seconds period{5};
    static constexpr std::size_t enough = 3;
    /// Nodes that are being tried at once. Beyond that one that waits makes room for the next.
    static constexpr std::size_t most_attempts = 8;

    /// A node, not ourselves.
    struct Candidate {
        std::string name;
        Connector::Standing standing = Connector::Standing::none;
        bool is_reachable = false;
        bool has_address = false;  ///< in its host file
        bool is_connected = false;
        bool is_outgoing = false;  ///< of the connection, if there is one
        std::size_t edges = 0;     ///< that begin at it
    };
    struct Advice {
        std::vector<std::string> give_up;  ///< before anything else
        std::optional<std::string> close;  ///< end the connection and do not make it again
        std::optional<std::string> connect;
        friend bool operator==(const Advice&, const Advice&) = default;
    };

    explicit AutoConnect(RandomSource& random) : random_(random) {}

    /// From then on, unless it is so already.
    void begin(Time now);
    void end() { due_ = never; }
    [[nodiscard]] bool is_on() const { return due_ != never; }

    [[nodiscard]] Time deadline() const { return due_; }
    /// What to do at this time, if it is time.
    [[nodiscard]] Advice on_time(std::span<const Candidate> candidates, Time now);

  private:
    void seek_one(std::span<const Candidate> candidates, Advice& advice);
    void close_one(std::span<const Candidate> candidates, Advice& advice);
    void heal(std::span<const Candidate> candidates, Advice& advice);

    RandomSource& random_;
    Time due_ = never;
};

}  // namespace tinc::mesh
