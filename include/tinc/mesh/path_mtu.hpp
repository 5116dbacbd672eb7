#pragma once

// How large a frame may be to reach a node by UDP: found by probes, since routers that say nothing
// are common.
//
//     phase                              probes                                   wait
//     searching   round 1..29            three between min and max                1 s
//     fixed       max == min, or         one a bit larger (has the path grown?)   PingInterval,
//                 round 30               and three of the found size              then PingTimeout
//     silent      10 rounds unanswered   as fixed                                 PingInterval
//
// tinc keeps all of this in one counter, and so do we, because its rounds are what peers see.
// Source: legacy protocol 5.8.

#include "tinc/base/limits.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tinc::mesh {

class PathMtu {
  public:
    struct Intervals {
        Duration ping_interval = std::chrono::seconds(60);
        Duration ping_timeout = std::chrono::seconds(5);
    };

    /// What a round wants done and said.
    struct Round {
        enum class News {
            none,
            fixed,     ///< "Fixing MTU of X to N after C probes"
            silent,    ///< "No response to MTU probes from X"
            restarted  ///< "X did not respond to UDP ping, restarting PMTU discovery"
        };
        News news = News::none;
        std::size_t probes_sent = 0;      ///< rounds so far, for the message
        std::vector<std::size_t> probes;  ///< frame sizes, in order
        bool wants_local_probe = false;   ///< one more, for the LAN, is due
    };

    /// Back to knowing nothing: the node became reachable or moved. Keeps the routing limit.
    void reset();
    /// A key arrived: search, unless a search is running already.
    void start(Time now);
    /// The node lost its key or its reachability. The next search counts its rounds anew.
    void stop() {
        rounds_ = 0;
        next_round_ = never;
    }
    /// The next round, if any, is due.
    void hurry(Time now) {
        if (is_running()) next_round_ = std::min(next_round_, now);
    }
    [[nodiscard]] bool is_running() const { return next_round_ != never; }

    [[nodiscard]] Time deadline() const { return next_round_; }
    /// The next round, if it is due.
    [[nodiscard]] Round on_time(Time now, const Intervals& intervals, RandomSource& random);

    /// A probe of this frame size came back.
    void on_reply(std::size_t frame_bytes);
    /// The system refused a datagram with a frame of this size.
    void on_too_big(std::size_t frame_bytes);
    /// A limit from the configuration; only ever lowers.
    void lower_limit(std::size_t frame_bytes);

    [[nodiscard]] std::size_t mtu() const { return mtu_; }          ///< enforced on routing
    [[nodiscard]] std::size_t min_mtu() const { return min_mtu_; }  ///< proven to pass
    [[nodiscard]] std::size_t max_mtu() const { return max_mtu_; }  ///< not yet disproven

  private:
    void judge(Round& round);
    void choose_probes(Round& round, RandomSource& random) const;

    std::size_t mtu_ = limits::frame_bytes;
    std::size_t min_mtu_ = 0;
    std::size_t max_mtu_ = limits::frame_bytes;
    int rounds_ = 0;
    Time next_round_ = never;
};

}  // namespace tinc::mesh
