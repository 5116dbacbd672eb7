#pragma once

// The life of the daemon: wires the Node to the system, from reading the configuration to the last
// script.
//
//     prepare   settings, key, Node, device
//     start     tinc-up and subnet-up of our own subnets; then sockets, `Ready`, privileges
//     serve     until SIGTERM, SIGQUIT, or the device is lost; at SIGHUP the configuration is read
//               anew, beside the loop
//     stop      Node::stop and its scripts; sockets; tinc-down; device; `Terminating`

#include "io/address_cache.hpp"
#include "io/arrivals.hpp"
#include "io/asio.hpp"
#include "io/background.hpp"
#include "io/choose_device.hpp"
#include "io/condition.hpp"
#include "io/config_files.hpp"
#include "io/descriptor.hpp"
#include "io/effect_runner.hpp"
#include "io/graph_dump.hpp"
#include "io/host_files.hpp"
#include "io/host_names.hpp"
#include "io/kernel_routes.hpp"
#include "io/listener.hpp"
#include "io/listening_sockets.hpp"
#include "io/log.hpp"
#include "io/peer_links.hpp"
#include "io/port_forwarder.hpp"
#include "io/resolver.hpp"
#include "io/scripts.hpp"
#include "io/signals.hpp"
#include "io/tun_queue.hpp"
#include "io/udp_port.hpp"
#include "io/workers.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/random.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/node/node.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tinc::io {

/// What the command line says about a start.
struct DaemonPlan {
    ConfigPlace place;
    std::string netname;
    std::vector<Descriptor> handed_over;  ///< sockets of socket activation
    bool bypass_security = false;
    int debug_level = 0;  ///< of -d; with 0 LogLevel counts
    /// Called when all is open and before anybody else is heard: gives up privileges. The answer
    /// is the new base folder ("" after chroot).
    std::function<Result<std::string>(const config::Settings&)> settle;
};

class Daemon {
  public:
    /// `random` and `log` outlive the daemon.
    Daemon(DaemonPlan plan, RandomSource& random, Log& log);
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    /// Lives the whole life. The exit code: 0 after a requested end.
    [[nodiscard]] int run();

  private:
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] awaitable<void> live();
    [[nodiscard]] awaitable<void> start_scripts();
    [[nodiscard]] Result<void> open_sockets();
    [[nodiscard]] Result<void> settle();
    void employ();
    void open_queues();
    [[nodiscard]] Result<void> share_sockets();
    [[nodiscard]] bool start_serving();
    void serve();
    void make_listeners();
    void make_ports();
    void make_workers();
    [[nodiscard]] UdpPort::Options options_of(const ListeningPair& pair) const;
    [[nodiscard]] TunQueue::Events device_events();
    void heard(Worker::Report report);
    void forward_ports(const std::vector<Endpoint>& listening);
    [[nodiscard]] awaitable<void> stop();
    [[nodiscard]] awaitable<void> wait_for_scripts();
    void run_loop();

    void signalled(int signal);
    void end(int exit_code);
    void toggle_debug_level();
    void follow_log_settings();
    [[nodiscard]] Result<void> load();
    void count_bytes();
    void reload();
    void finish_reload(const LoadedSettings& loaded);
    void device_reopened();
    void fail(const Error& error);
    void print_warnings(const std::vector<std::string>& lines);
    void print_lines(const std::string& lines);

    asio::io_context loop_;
    DaemonPlan plan_;
    RandomSource& random_;
    Log& log_;
    HostNames host_names_;
    config::Settings settings_;
    Background configuration_reader_{loop_, 1};
    bool is_reloading_ = false;
    bool is_changed_again_ = false;  ///< SIGHUP came while we were reading
    packet::Batch batch_;            ///< of whoever reads packets at the moment
    Arrivals arrivals_;

    KernelRoutes routes_;
    std::unique_ptr<node::Node> node_;
    std::unique_ptr<Device> device_;
    std::unique_ptr<EffectRunner> effects_;
    std::unique_ptr<PeerLinks> links_;
    std::unique_ptr<Resolver> resolver_;
    std::unique_ptr<HostFiles> host_files_;
    std::unique_ptr<AddressCache> addresses_;
    std::unique_ptr<ScriptQueue> scripts_;
    std::unique_ptr<TunQueue> tun_;
    std::unique_ptr<GraphDump> graph_dump_;
    std::size_t worker_count_ = 0;                 ///< 0: this thread carries the packets
    std::vector<std::unique_ptr<Device>> queues_;  ///< of each worker but the first
    std::vector<std::vector<Worker::Socket>> worker_sockets_;  ///< until the workers are there
    std::unique_ptr<Workers> workers_;
    std::vector<ListeningPair> sockets_;
    std::vector<std::unique_ptr<UdpPort>> ports_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unique_ptr<PortForwarder> forwarder_;
    std::unique_ptr<Signals> signals_;

    Condition ending_;
    bool is_serving_ = false;
    int exit_code_ = 0;
    std::optional<int> debug_level_before_;  ///< while SIGINT shows more
};

}  // namespace tinc::io
