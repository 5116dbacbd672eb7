#include "io/daemon.hpp"

#include "io/clock.hpp"
#include "tinc/base/limits.hpp"
#include "tinc/crypto/secret.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <string_view>
#include <utility>

namespace tinc::io {

namespace {

/// What SIGINT shows.
constexpr int temporary_debug_level = 5;

/// For the -down scripts of all nodes together.
constexpr auto patience_at_the_end = limits::script_time;

}  // namespace

Daemon::Daemon(DaemonPlan plan, RandomSource& random, Log& log)
    : plan_(std::move(plan)), random_(random), log_(log), host_names_(loop_), ending_(loop_) {}

Daemon::~Daemon() { log_.use(nullptr); }

int Daemon::run() {
    if (const auto prepared = prepare(); !prepared) {
        fail(prepared.error());
    } else {
        asio::co_spawn(loop_, live(), [this](const std::exception_ptr& problem) {
            if (problem) exit_code_ = 1;
            loop_.stop();
        });
        run_loop();
    }
    log_.print(Level::always, Severity::notice, "Terminating");
    return exit_code_;
}

Result<void> Daemon::prepare() {
    TINC_CHECK(load());
    TINC_TRY(auto keys, load_own_keys(plan_.place, settings_, plan_.netname, log_));
    crypto::wipe(settings_.private_key_hex);
    const auto workers = settings_.data_workers.value_or(usual_workers());
    const auto queues = workers > 1 ? Queues::several : Queues::one;
    TINC_TRY(device_, choose_device(settings_, plan_.netname, queues, log_));
    if (device_->suits_workers())
        worker_count_ = workers;
    else if (settings_.data_workers.value_or(0) > 0)
        log_.print(Level::always, Severity::warning,
                   "DataWorkers has no effect: only tun and tap devices go with them");
    TINC_TRY(node_, node::Node::create(settings_, std::move(keys), device_->info(), random_, log_));
    node_->use(routes_);
    if (worker_count_ > 0) node_->give_away_plane();
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
        node_->set_descriptor_limit(descriptors.rlim_cur);
    TINC_CHECK(open_device(*device_, settings_));
    const auto info = device_->info();
    log_.print(Level::always, Severity::info, "{}", device_->greeting());

    effects_ = std::make_unique<EffectRunner>(loop_, *node_, log_);
    links_ = std::make_unique<PeerLinks>(LinkWorld{loop_, *node_, *effects_, log_}, settings_);
    Environment command_environment{{"NAME", settings_.name}};
    if (!plan_.netname.empty()) command_environment.emplace_back("NETNAME", plan_.netname);
    links_->set_command_environment(std::move(command_environment));
    resolver_ = std::make_unique<Resolver>(loop_, settings_.address_family);
    host_files_ = std::make_unique<HostFiles>(loop_, plan_.place, log_);
    addresses_ = std::make_unique<AddressCache>(loop_, plan_.place, log_);
    scripts_ = std::make_unique<ScriptQueue>(loop_, log_);
    scripts_->set_base(plan_.place.base);
    scripts_->set_interpreter(settings_.scripts_interpreter);
    scripts_->set_extension(settings_.scripts_extension);
    scripts_->set_common({{"NETNAME", plan_.netname},
                          {"DEVICE", info.device},
                          {"INTERFACE", device_->interface()},
                          {"NAME", settings_.name}});
    graph_dump_ = std::make_unique<GraphDump>(loop_, log_);
    graph_dump_->set_target(settings_.graph_dump_file);
    employ();
    signals_ = std::make_unique<Signals>(loop_, [this](int signal) { signalled(signal); });
    return {};
}

/// Those who carry out what the Node wants, as far as they are there.
void Daemon::employ() {
    effects_->employ({links_.get(), resolver_.get(), host_files_.get(), addresses_.get(),
                      scripts_.get(), tun_.get(), &ports_, workers_.get()});
}

Result<void> Daemon::load() {
    auto loaded = load_settings(plan_.place);
    print_warnings(loaded.warnings);
    TINC_TRY(settings_, std::move(loaded.settings));
    settings_.bypass_security = plan_.bypass_security;
    follow_log_settings();
    if (settings_.bypass_security)
        log_.print(Level::always, Severity::warning,
                   "WARNING: security is bypassed! Whoever connects is let in by any name, and all "
                   "that is said can be read, keys included.");
    return {};
}

awaitable<void> Daemon::live() {
    co_await start_scripts();
    if (!ending_.is_raised()) {
        auto ready = open_sockets();
        if (ready) ready = settle();
        if (ready) {
            if (start_serving()) co_await ending_.wait();
        } else {
            fail(ready.error());  // what tinc-up did must be undone
        }
    }
    co_await stop();
}

/// The interface has its addresses before anybody can send anything to it.
awaitable<void> Daemon::start_scripts() {
    node_->device_opened(now());
    effects_->finish();
    co_await scripts_->idle();
}

Result<void> Daemon::open_sockets() {
    TINC_TRY(sockets_, open_listening_sockets(settings_, std::move(plan_.handed_over), log_));
    for (const auto& pair : sockets_)
        log_.print(Level::connections, Severity::notice, "Listening on {}", pair.local.text());
    if (worker_count_ > 0) {
        open_queues();
        TINC_CHECK(share_sockets());
    }
    log_.print(Level::always, Severity::notice, "Ready");
    return {};
}

/// While we may. Without a queue of its own no worker is of use.
void Daemon::open_queues() {
    for (std::size_t i = 1; i < worker_count_; ++i) {
        auto queue = device_->another_queue();
        if (!queue) {
            log_.print(Level::always, Severity::notice, "{}: {} of {} DataWorkers start",
                       queue.error().what, i, worker_count_);
            worker_count_ = i;
            return;
        }
        queues_.push_back(std::move(*queue));
    }
}

/// Each worker gets a socket for each address. Those that cannot be shared are read by the first
/// worker alone; the others only send by them.
Result<void> Daemon::share_sockets() {
    worker_sockets_.resize(worker_count_);
    for (auto& pair : sockets_) {
        const auto options = options_of(pair);
        for (std::size_t i = 1; i < worker_count_; ++i) {
            auto socket = open_beside(pair.udp.number(), pair.local, settings_, log_);
            const auto receiving = socket ? Worker::Receiving::yes : Worker::Receiving::no;
            if (!socket) socket = Descriptor(::fcntl(pair.udp.number(), F_DUPFD_CLOEXEC, 0));
            if (!*socket) return system_failure("Sharing a UDP socket failed");
            worker_sockets_[i].push_back({std::move(*socket), options, receiving});
        }
        worker_sockets_.front().push_back({std::move(pair.udp), options});
    }
    return {};
}

Result<void> Daemon::settle() {
    if (!plan_.settle) return {};
    TINC_TRY(plan_.place.base, plan_.settle(settings_));
    scripts_->set_base(plan_.place.base);
    return {};
}

/// False if the system has no more threads or descriptors for us.
bool Daemon::start_serving() {
    try {
        serve();
        return true;
    } catch (const std::exception& problem) {
        fail({Errc::system, fmt::format("Cannot begin: {}", problem.what())});
        return false;
    }
}

void Daemon::serve() {
    std::vector<Endpoint> local;
    local.reserve(sockets_.size());
    for (const auto& pair : sockets_) local.push_back(pair.local);
    make_listeners();
    if (worker_count_ > 0)
        make_workers();
    else
        make_ports();
    sockets_.clear();
    employ();
    is_serving_ = true;
    node_->start(local, now());
    effects_->finish();
    for (const auto& port : ports_) port->start();
    for (const auto& listener : listeners_) listener->start();
    if (tun_) tun_->start();
    if (workers_) workers_->start();
    graph_dump_->start(node_->mesh().graph());
    forward_ports(local);
}

/// For meta connections.
void Daemon::make_listeners() {
    std::vector<Endpoint> sources;
    for (auto& pair : sockets_) {
        if (pair.outgoing == Outgoing::from_here) sources.push_back(pair.local);
        if (pair.tcp)
            listeners_.push_back(
                std::make_unique<Listener>(loop_, *links_, log_, std::move(pair.tcp)));
    }
    links_->set_local_addresses(std::move(sources));
}

UdpPort::Options Daemon::options_of(const ListeningPair& pair) const {
    return {pair.local.address.family(),
            settings_.priority_inheritance ? TrafficClass::inherited : TrafficClass::ignored,
            settings_.udp_offload ? UdpOffload::on : UdpOffload::off};
}

/// This thread carries the packets.
void Daemon::make_ports() {
    tun_ = std::make_unique<TunQueue>(loop_, *effects_, log_, batch_, *device_, device_events());
    for (auto& pair : sockets_) {
        const auto index = static_cast<SocketIndex>(ports_.size());
        ports_.push_back(std::make_unique<UdpPort>(loop_, *effects_, log_,
                                                   ReceivingRoom{arrivals_, batch_},
                                                   std::move(pair.udp), index, options_of(pair)));
    }
}

/// Others do.
void Daemon::make_workers() {
    workers_ = std::make_unique<Workers>(loop_, log_);
    for (std::uint32_t i = 0; i < worker_count_; ++i) {
        Worker::Plan plan{{i, static_cast<std::uint32_t>(worker_count_)},
                          settings_.name,
                          i == 0 ? *device_ : *queues_[i - 1],
                          std::move(worker_sockets_[i])};
        Worker::Events events{[this](Worker::Report report) { heard(std::move(report)); },
                              device_events()};
        // The others open queues of the same interface anew, for which tinc-up runs once.
        if (i > 0) events.device = {[] {}, [this](const std::string& why) { print_lines(why); }};
        workers_->add(std::move(plan), std::move(events));
    }
}

void Daemon::heard(Worker::Report report) {
    for (const auto& [node, frame_bytes] : report.too_big)
        node_->datagram_too_big(node, frame_bytes, now());
    node_->met(std::move(report.events), now());
    effects_->finish();
}

TunQueue::Events Daemon::device_events() {
    return {[this] { device_reopened(); },
            [this](const std::string& why) {
                print_lines(why);
                end(1);
            }};
}

void Daemon::forward_ports(const std::vector<Endpoint>& listening) {
    if (settings_.upnp == config::PortForwarding::no) return;
    if (!speaks_upnp()) {
        log_.print(Level::always, Severity::error,
                   "UPnP was requested, but tinc isn't built with miniupnpc support!{}",
                   settings_.places.of("UPnP"));
        return;
    }
    auto request = forwarding_request(settings_, listening);
    if (request.ports.empty()) return;
    forwarder_ = std::make_unique<PortForwarder>(loop_, log_);
    forwarder_->start(std::move(request), settings_.upnp_refresh_period);
}

awaitable<void> Daemon::stop() {
    is_serving_ = false;
    forwarder_.reset();
    count_bytes();
    if (log_.shows(Level::connections)) node_->dump_statistics();
    node_->stop(now());
    effects_->finish();
    co_await wait_for_scripts();
    listeners_.clear();
    ports_.clear();
    workers_.reset();
    employ();
    links_->close_all();
    node_->device_closing(now());
    effects_->finish();
    co_await wait_for_scripts();
    tun_.reset();
    effects_->employ({});
    queues_.clear();
    device_->close();
}

awaitable<void> Daemon::wait_for_scripts() {
    asio::steady_timer patience(loop_, patience_at_the_end);
    patience.async_wait([this](const error_code& ec) {
        if (ec) return;
        log_.print(Level::always, Severity::error, "Scripts take too long and are given up");
        scripts_->abandon();
    });
    co_await scripts_->idle();
}

/// No exception ends the daemon: what its handler was about is lost.
void Daemon::run_loop() {
    for (;;) {
        try {
            loop_.run();
            return;
        } catch (const std::exception& problem) {
            log_.print(Level::always, Severity::error, "Internal error: {}", problem.what());
        }
    }
}

void Daemon::signalled(int signal) {
    switch (signal) {
        case SIGTERM:
        case SIGQUIT:
            log_.print(Level::always, Severity::notice, "Got {} signal", signal_name(signal));
            if (!ending_.is_raised()) return end(0);
            exit_code_ = 1;
            scripts_->abandon();
            return loop_.stop();
        case SIGHUP:
            log_.print(Level::always, Severity::notice, "Got HUP signal");
            log_.reopen();
            return reload();
        case SIGINT:
            return toggle_debug_level();
        case SIGUSR1:
            return node_->dump_connections();
        case SIGUSR2:
            count_bytes();
            return node_->dump_state();
        case SIGWINCH:
            node_->purge(now());
            break;
        case SIGALRM:
            log_.print(Level::always, Severity::notice, "Got ALRM signal");
            log_.print(Level::always, Severity::notice, "Flushing event queue");
            node_->retry(now());
            break;
        default:
            return;
    }
    effects_->finish();
}

void Daemon::count_bytes() {
    if (workers_) node_->set_device_bytes(workers_->carried());
}

void Daemon::end(int exit_code) {
    exit_code_ = std::max(exit_code_, exit_code);
    ending_.raise();
}

/// Whoever asks for a level on the command line gets that one.
void Daemon::follow_log_settings() {
    const auto level = plan_.debug_level > 0 ? plan_.debug_level : settings_.log_level;
    if (debug_level_before_)
        debug_level_before_ = level;
    else
        log_.set_level(level);
    log_.use(settings_.hostnames ? &host_names_ : nullptr);
}

void Daemon::toggle_debug_level() {
    log_.print(Level::always, Severity::notice, "Got INT signal");
    if (debug_level_before_) {
        log_.print(Level::always, Severity::notice, "Reverting to old debug level ({})",
                   *debug_level_before_);
        log_.set_level(*debug_level_before_);
        debug_level_before_.reset();
        return;
    }
    debug_level_before_ = log_.level();
    log_.print(Level::always, Severity::notice,
               "Temporarily setting debug level to {}.  Kill me with SIGINT again to go back to "
               "level {}.",
               temporary_debug_level, log_.level());
    log_.set_level(temporary_debug_level);
}

/// Many files on a slow disk do not keep packets waiting.
void Daemon::reload() {
    if (!is_serving_) return;
    is_changed_again_ = is_reloading_;
    if (is_reloading_) return;
    auto work = [this, place = plan_.place, running = settings_]() -> Background::Answer {
        // `this` is for the answer alone, which the loop drops once we are gone.
        return [this, loaded = reload_settings(place, running)] { finish_reload(loaded); };
    };
    const auto failed = [this] { finish_reload({{}, failure(Errc::system, reason_text(ENOMEM))}); };
    is_reloading_ = configuration_reader_.run(std::move(work), failed);
    if (!is_reloading_)
        log_.print(Level::always, Severity::error, "No thread can be had to reread the files");
}

/// A configuration that cannot be used leaves everything as it is.
void Daemon::finish_reload(const LoadedSettings& loaded) {
    is_reloading_ = false;
    if (!is_serving_) return;
    print_warnings(loaded.warnings);
    if (loaded.settings) {
        for (const auto& line : config::difference(settings_, *loaded.settings).messages())
            log_.print(Level::always, Severity::notice, "{}", line);
        settings_ = config::reloaded(settings_, *loaded.settings);
        graph_dump_->set_target(settings_.graph_dump_file);
        scripts_->set_interpreter(settings_.scripts_interpreter);
        scripts_->set_extension(settings_.scripts_extension);
        follow_log_settings();
        node_->reload({settings_, host_files_->changed()}, now());
        effects_->finish();
    } else {
        print_lines(loaded.settings.error().what);
        log_.print(Level::always, Severity::error,
                   "Unable to reread configuration file; the running configuration stays");
    }
    if (is_changed_again_) reload();
}

/// A new interface has no addresses.
void Daemon::device_reopened() {
    node_->device_reopened(now());
    effects_->finish();
}

void Daemon::fail(const Error& error) {
    print_lines(error.what);
    exit_code_ = 1;
}

void Daemon::print_warnings(const std::vector<std::string>& lines) {
    for (const auto& line : lines) log_.print(Level::always, Severity::warning, "{}", line);
}

void Daemon::print_lines(const std::string& lines) {
    std::string_view rest = lines;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        log_.print(Level::always, Severity::error, "{}", rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

}  // namespace tinc::io
