#pragma once

// Whether a node of protocol 17.7 can be reached by UDP, and how large a frame may then be.
//
//     unconfirmed --- a reply ---> confirmed: searching --> fixed --> checking -.
//       probe every 2 s            probe every 10 s  ^        ^         |       |
//       ^                                            '--------+---------+-------'
//       '------- no reply for 30 s ------------------ grown   answered  silent
//
// Nothing happens by itself: probes are sent while somebody wants to reach the node, so each
// attempt() says what is due. Only the loss of an answer has a time of its own.
//
// tinc notices after PingInterval that a path has become narrower, and after half a minute that it
// leads to nobody any more. Until then packets are lost. So besides all that, while packets are
// sent this way, the size that is proven is watched: it is asked about every watch_pause, and three
// silent questions end its use and begin everything anew.
// Source: protocol 1.1, 7.1 and 7.2.

#include "tinc/base/limits.hpp"
#include "tinc/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinc::mesh {

/// UDPDiscovery and what belongs to it.
struct UdpDiscovery {
    bool is_on = true;
    Duration interval = std::chrono::seconds(2);
    Duration keepalive = std::chrono::seconds(10);
    Duration timeout = std::chrono::seconds(30);
    Duration ping_interval = std::chrono::seconds(60);
};

class UdpPath {
  public:
    /// Below this UDP is not worth using: some paths let nothing but the smallest probes pass.
    static constexpr std::size_t smallest_useful_bytes = 512;
    /// The length of a probe that only asks whether anybody is there.
    static constexpr std::size_t discovery_bytes = 18;
    /// How often it is asked whether the proven size still passes.
    static constexpr std::chrono::milliseconds watch_pause{1'500};

    /// What an attempt wants sent.
    struct Round {
        std::vector<std::size_t> probes;  ///< frame sizes, in order
        bool is_fixed = false;            ///< enough was tried: the size is found
        bool wants_local_probe = false;   ///< the first one also to an address on the node's LAN
    };
    /// What became of an answer.
    enum class News : std::uint8_t {
        none,
        confirmed,  ///< the first answer
        fixed,      ///< the size is found
    };

    /// Back to knowing nothing: the node became reachable or moved. Keeps the routing limit.
    void reset();
    /// Somebody wants to reach the node. `is_measured`: large packets, too, and both ends want to
    /// know how large.
    [[nodiscard]] Round attempt(Time now, const UdpDiscovery& discovery, bool is_measured);
    /// A probe of this frame size has come back.
    [[nodiscard]] News on_reply(std::size_t frame_bytes, Time now);
    /// The system refused a datagram with a frame of this size.
    void on_too_big(std::size_t frame_bytes);
    /// Whether on_route_mtu() would spare the next attempt() many probes.
    [[nodiscard]] bool wants_route_mtu(const UdpDiscovery& discovery) const {
        return rounds_ == 0 && (is_confirmed_ || !discovery.is_on);
    }
    /// The largest frame that the first link can carry.
    void on_route_mtu(std::size_t frame_bytes);
    /// A limit from the configuration; only ever lowers.
    void lower_limit(std::size_t frame_bytes);
    /// What another node found out about a part of the way.
    void on_mtu_info(std::size_t frame_bytes);

    [[nodiscard]] bool is_confirmed() const { return is_confirmed_; }
    /// Nobody has told since the last packet whether such still pass. So an attempt is wanted, even
    /// if nothing more is sent.
    [[nodiscard]] bool is_doubtful() const { return is_doubtful_; }
    [[nodiscard]] bool is_fixed() const { return max_mtu_ == min_mtu_; }
    [[nodiscard]] std::size_t mtu() const { return std::min(mtu_, limit_); }  ///< for routing
    [[nodiscard]] std::size_t min_mtu() const { return min_mtu_; }            ///< proven to pass
    [[nodiscard]] std::size_t max_mtu() const { return max_mtu_; }            ///< not yet disproven
    [[nodiscard]] int probes_sent() const { return fixed_after_; }
    /// What may be sent by UDP: nothing on a path that is not useful.
    [[nodiscard]] std::size_t usable_bytes() const {
        return min_mtu_ < smallest_useful_bytes ? 0 : min_mtu_;
    }

    /// When a confirmed path counts as lost unless an answer comes.
    [[nodiscard]] Time deadline() const { return is_confirmed_ ? lost_at_ : never; }
    /// True if it was lost: nothing is known any more.
    [[nodiscard]] bool on_time(Time now);

  private:
    static constexpr std::chrono::seconds longest_wait{1};  ///< for an answer, before asking again

    void watch(Time now, const UdpDiscovery& discovery, Round& round);
    void begin_anew(Time now, Round& round);
    void search(Time now, Round& round);
    void check(Time now, const UdpDiscovery& discovery, Round& round);
    [[nodiscard]] std::size_t next_size() const;
    [[nodiscard]] bool fix_if_found();

    bool is_confirmed_ = false;
    Time lost_at_ = never;
    Duration timeout_{};
    Time last_discovery_ = Time::min();
    Time last_probe_ = Time::min();
    std::size_t mtu_ = limits::frame_bytes;
    std::size_t limit_ = limits::frame_bytes;
    std::size_t min_mtu_ = 0;
    std::size_t max_mtu_ = limits::frame_bytes;
    int rounds_ = 0;  ///< from 0: of the search; from -1 down: of the checks
    int fixed_after_ = 0;

    // The watch.
    bool is_doubtful_ = false;
    int unanswered_ = 0;  ///< questions since the last answer
    Time last_question_ = Time::min();
    Time last_answer_ = Time::min();
    Time asked_{};  ///< the first of the unanswered questions
    Duration round_trip_ = longest_wait;
};

}  // namespace tinc::mesh
