#pragma once

// Many real Nodes in one process, on a virtual clock, with all chance from one seed: the same seed
// gives the same run, byte for byte. What the daemon's floor 5 does with descriptors is done here
// with a heap of events.
//
// What must always be true is looked at after every step, and fails the test that runs: see Ledger
// for packets, and check_keys() for sessions.

#include "sim/internet.hpp"
#include "sim/ledger.hpp"
#include "support/seeded_random.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/node/node.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::sim {

/// What the network does to datagrams, and to the bytes of TCP as far as it can.
struct Weather {
    double loss = 0.0;         ///< of datagrams
    double duplication = 0.0;  ///< of datagrams
    double corruption = 0.0;   ///< of datagrams, one bit each
    std::chrono::milliseconds shortest_delay{5};
    std::chrono::milliseconds longest_delay{40};
    std::size_t mtu_bytes = 1'500;
    bool hides_icmp = true;  ///< too large datagrams vanish without EMSGSIZE
    bool blocks_udp = false;
};

struct HostOptions {
    std::string name;
    std::vector<std::string> connect_to = {};
    std::optional<std::size_t> lan = {};  ///< behind NAT
    std::function<void(config::Settings&)> adjust = {};
    bool speaks_11 = false;      ///< it has an Ed25519 key, which all others know
    std::string tinc_conf = {};  ///< further lines
    Level log_level = Level::connections;
};

/// A frame that came out of a host's device.
struct Delivery {
    HostIndex host = 0;
    std::uint32_t number = 0;  ///< of the inject() that put it in
    Time time;
    friend bool operator==(const Delivery&, const Delivery&) = default;
};

class Simulation {
  public:
    explicit Simulation(std::uint64_t seed);
    ~Simulation();
    Simulation(const Simulation&) = delete;
    Simulation& operator=(const Simulation&) = delete;

    // --- the cast ------------------------------------------------------------------------------
    HostIndex add(const HostOptions& options);
    void start(HostIndex host);
    void start_all();
    /// Like the power plug: no word to anybody.
    void kill(HostIndex host);
    [[nodiscard]] bool is_running(HostIndex host) const;
    [[nodiscard]] node::Node& node(HostIndex host);
    [[nodiscard]] const std::string& name(HostIndex host) const;
    [[nodiscard]] std::size_t host_count() const;

    // --- the world -----------------------------------------------------------------------------
    Weather weather;
    void partition(const std::set<HostIndex>& a, const std::set<HostIndex>& b);
    void heal();
    Internet internet;
    /// The host has another address from here on, and nobody is told: its TCP connections stay
    /// open at both ends and carry nothing any more.
    void roam_to_public(HostIndex host);
    void roam_behind_nat(HostIndex host, std::size_t lan);

    // --- the play ------------------------------------------------------------------------------
    void run_for(Duration duration);
    /// Whether `condition` came true in time; it is asked after every event.
    [[nodiscard]] bool run_until(const std::function<bool()>& condition, Duration limit);
    [[nodiscard]] Time now() const { return now_; }
    [[nodiscard]] test::SeededRandom& random() { return random_; }

    /// Puts an IPv4 packet for the subnet of `to` into the device of `from`.
    void inject(HostIndex from, HostIndex to, std::uint32_t number, std::size_t frame_bytes = 200);
    /// The same with an Ethernet frame that is not IP, of a host behind the device.
    void inject_ethernet(HostIndex from, const MacAddress& source, const MacAddress& destination,
                         std::uint32_t number);
    [[nodiscard]] const std::vector<Delivery>& deliveries() const { return deliveries_; }
    [[nodiscard]] bool was_delivered(HostIndex to, std::uint32_t number) const;

    // --- what came of it -----------------------------------------------------------------------
    /// "reachable" as that host sees it.
    [[nodiscard]] std::set<std::string> reachable(HostIndex host);
    /// Every running host reaches every other running one, and no other.
    [[nodiscard]] bool is_converged();
    /// Who misses whom, and with whom each is connected: for the message of a failed test.
    [[nodiscard]] std::string disagreement();
    [[nodiscard]] const std::vector<std::string>& log(HostIndex host) const;
    [[nodiscard]] const std::vector<std::string>& scripts(HostIndex host) const;
    /// Everything that went over any wire, as one number: equal runs have equal ones.
    [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
    [[nodiscard]] std::uint64_t meta_bytes() const { return meta_bytes_; }
    [[nodiscard]] std::uint64_t datagrams_through_routers() const { return through_routers_; }
    [[nodiscard]] std::uint64_t datagrams() const { return datagrams_; }
    [[nodiscard]] std::uint64_t datagrams_at(HostIndex host) const;

    /// The address others' packets for this host's subnet have.
    [[nodiscard]] static Address inner_address(HostIndex host);

    // --- the villains --------------------------------------------------------------------------
    /// Connects to a host's listener, from anywhere. PeerId{0} if it was turned away.
    PeerId stranger_connects(HostIndex host, const Address& source);
    void stranger_says(HostIndex host, PeerId peer, Bytes bytes);
    /// What the host has for it, which counts as written.
    [[nodiscard]] std::vector<std::byte> stranger_reads(HostIndex host, PeerId peer);
    /// Takes what there is and never says that it arrived: a window that stays shut.
    void stranger_stops_reading(HostIndex host, PeerId peer);
    /// Whether the host has closed this connection.
    [[nodiscard]] bool has_closed(HostIndex host, PeerId peer) const;

  private:
    struct Host;
    struct Pipe;  ///< one TCP connection
    struct Event {
        Time time;
        std::uint64_t order = 0;
        std::function<void()> action;
        friend bool operator>(const Event& a, const Event& b) {
            return std::tie(a.time, a.order) > std::tie(b.time, b.order);
        }
    };

    void at(Time time, std::function<void()> action);
    void step();
    [[nodiscard]] Duration delay();
    [[nodiscard]] bool chance(double probability);
    [[nodiscard]] bool is_cut(HostIndex a, HostIndex b) const;
    void mark(std::uint64_t value);
    void check_keys(HostIndex index);
    void complain(HostIndex host, std::string_view what);

    void after_event(HostIndex index);
    void carry_out(HostIndex index, node::Effect& effect);
    void open(HostIndex index, PeerId peer, const Endpoint& remote);
    void pump(HostIndex index, PeerId peer);
    void send_chunk(const std::shared_ptr<Pipe>& pipe, bool from_a, std::vector<std::byte> bytes);
    void arrive_chunk(const std::shared_ptr<Pipe>& pipe, bool from_a);
    void close_pipe(HostIndex index, PeerId peer);
    void sever_connections(HostIndex index);
    void drain_outbox(HostIndex index);
    void send_datagram(HostIndex from, const plane::Sending& sending);
    void arrive_datagram(HostIndex host, std::vector<std::byte> bytes, const Endpoint& source);
    [[nodiscard]] config::HostSettings host_file(HostIndex host) const;
    [[nodiscard]] std::optional<HostIndex> find(const std::string& name) const;
    [[nodiscard]] std::vector<std::string> names() const;

    std::uint64_t seed_;
    test::SeededRandom random_;
    Time now_{};
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t order_ = 0;
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::pair<std::set<HostIndex>, std::set<HostIndex>>> cuts_;
    std::vector<std::shared_ptr<Pipe>> stalled_;
    std::vector<Delivery> deliveries_;
    Ledger ledger_;
    int complaints_ = 0;
    std::uint64_t fingerprint_ = 0xcbf29ce484222325U;
    std::uint64_t meta_bytes_ = 0;
    std::uint64_t datagrams_ = 0;
    std::uint64_t through_routers_ = 0;
};

}  // namespace tinc::sim
