#include "sim/simulation.hpp"

#include "support/configured.hpp"
#include "support/recorded_log.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/packet/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>

namespace tinc::sim {

namespace {

constexpr std::size_t number_at = Ledger::number_at;
/// Further ones of the same run say nothing new.
constexpr int most_complaints = 5;

std::vector<std::byte> udp_frame(const Address& source, const Address& destination,
                                 std::uint32_t number, std::size_t frame_bytes) {
    std::vector<std::byte> frame(std::max(frame_bytes, Ledger::least_bytes));
    put_u16(frame, 12, packet::ethertype_ipv4);
    const auto ip = std::span(frame).subspan(packet::ethernet_bytes);
    ip[0] = std::byte{0x45};
    put_u16(ip, 2, static_cast<std::uint16_t>(ip.size()));
    ip[8] = std::byte{64};
    ip[9] = std::byte{17};
    std::ranges::copy(source.bytes(), ip.begin() + 12);
    std::ranges::copy(destination.bytes(), ip.begin() + 16);
    put_u16(ip, 10, packet::checksum_finish(packet::checksum_add(0, ip.first(20))));
    put_u16(ip, 24, static_cast<std::uint16_t>(ip.size() - 20));
    put_u32(frame, number_at, number);
    return frame;
}

}  // namespace

struct Simulation::Pipe {
    struct End {
        HostIndex host = 0;
        PeerId peer{};
        bool is_known = false;  ///< its Node has this connection
    };
    End a;  ///< who opened it
    End b;
    bool is_open = true;
    bool is_severed = false;                  ///< neither end can know: it carries nothing any more
    std::deque<std::vector<std::byte>> to_a;  ///< on their way
    std::deque<std::vector<std::byte>> to_b;
    Time next_at_a{};
    Time next_at_b{};
};

struct Simulation::Host {
    HostOptions options;
    config::Settings settings;
    std::shared_ptr<const crypto::Ed25519PrivateKey> key;
    std::unique_ptr<test::SeededRandom> random;
    std::unique_ptr<test::RecordedLog> log;
    std::unique_ptr<node::Node> node;
    std::map<PeerId, std::shared_ptr<Pipe>> pipes;
    std::set<PeerId> closed;  ///< by the node, in this life
    std::vector<std::string> scripts;
    Time armed = never;
    std::uint64_t datagrams = 0;  ///< that have arrived
    std::uint64_t life = 0;       ///< counts starts, so that events of an earlier life find nothing
};

Simulation::Simulation(std::uint64_t seed) : seed_(seed), random_(seed) {}
Simulation::~Simulation() = default;

HostIndex Simulation::add(const HostOptions& options) {
    const auto index = options.lan ? internet.add_behind_nat(*options.lan) : internet.add_public();
    auto host = std::make_unique<Host>();
    host->options = options;
    auto lines = "Name = " + options.name + "\nSubnet = " + inner_address(index).text() + "\n";
    for (const auto& name : options.connect_to) lines += "ConnectTo = " + name + "\n";
    host->settings = test::settings_of(lines + options.tinc_conf);
    if (options.adjust) options.adjust(host->settings);
    if (options.speaks_11)
        host->key = std::make_shared<const crypto::Ed25519PrivateKey>(
            crypto::Ed25519PrivateKey::generate(random_));
    hosts_.push_back(std::move(host));
    return index;
}

void Simulation::start(HostIndex index) {
    auto& host = *hosts_[index];
    host.random = std::make_unique<test::SeededRandom>(random_.next_u32());
    host.log = std::make_unique<test::RecordedLog>(host.options.log_level);
    host.node = node::Node::create(host.settings, {test::small_key(), host.key},
                                   {"simulated device", "sim"}, *host.random, *host.log)
                    .value();
    ++host.life;
    host.closed.clear();
    host.armed = never;
    host.node->device_opened(now_);
    const std::array listening = {Endpoint{internet.address(index), Internet::port}};
    host.node->start(listening, now_);
    after_event(index);
}

void Simulation::start_all() {
    for (HostIndex index = 0; index < hosts_.size(); ++index) start(index);
}

void Simulation::kill(HostIndex index) {
    auto& host = *hosts_[index];
    const auto pipes = std::exchange(host.pipes, {});
    host.node.reset();
    ++host.life;
    for (const auto& [peer, pipe] : pipes) pipe->is_open = false;
    // The kernel of a killed process resets its connections.
    for (const auto& [peer, pipe] : pipes) {
        const auto& other = pipe->a.host == index ? pipe->b : pipe->a;
        if (pipe->is_severed || is_cut(index, other.host)) continue;
        at(now_ + delay(), [this, other] {
            auto& far = *hosts_[other.host];
            if (!far.node || far.pipes.erase(other.peer) == 0) return;
            far.node->closed(other.peer, "Connection reset by peer", now_);
            after_event(other.host);
        });
    }
}

bool Simulation::is_running(HostIndex host) const { return hosts_[host]->node != nullptr; }
node::Node& Simulation::node(HostIndex host) { return *hosts_[host]->node; }
const std::string& Simulation::name(HostIndex host) const { return hosts_[host]->options.name; }
std::size_t Simulation::host_count() const { return hosts_.size(); }

void Simulation::partition(const std::set<HostIndex>& a, const std::set<HostIndex>& b) {
    cuts_.emplace_back(a, b);
}

void Simulation::heal() {
    cuts_.clear();
    for (const auto& pipe : std::exchange(stalled_, {})) {
        for (std::size_t i = 0; i < pipe->to_b.size(); ++i)
            at(now_ + delay(), [this, pipe] { arrive_chunk(pipe, true); });
        for (std::size_t i = 0; i < pipe->to_a.size(); ++i)
            at(now_ + delay(), [this, pipe] { arrive_chunk(pipe, false); });
    }
}

void Simulation::roam_to_public(HostIndex host) {
    sever_connections(host);
    internet.move_to_public(host);
}

void Simulation::roam_behind_nat(HostIndex host, std::size_t lan) {
    sever_connections(host);
    internet.move_behind_nat(host, lan);
}

void Simulation::sever_connections(HostIndex index) {
    for (const auto& [peer, pipe] : hosts_[index]->pipes) pipe->is_severed = true;
}

// --- time ----------------------------------------------------------------------------------------

void Simulation::at(Time time, std::function<void()> action) {
    events_.push({time, ++order_, std::move(action)});
}

void Simulation::step() {
    auto event = events_.top();
    events_.pop();
    now_ = event.time;
    event.action();
}

void Simulation::run_for(Duration duration) {
    const auto end = now_ + duration;
    while (!events_.empty() && events_.top().time <= end) step();
    now_ = end;
}

bool Simulation::run_until(const std::function<bool()>& condition, Duration limit) {
    const auto end = now_ + limit;
    while (!condition()) {
        if (events_.empty() || events_.top().time > end) return false;
        step();
    }
    return true;
}

Duration Simulation::delay() {
    const auto span = weather.longest_delay - weather.shortest_delay;
    const auto part = std::chrono::microseconds(
        random_.below(static_cast<std::uint32_t>(std::chrono::microseconds(span).count() + 1)));
    return weather.shortest_delay + part;
}

bool Simulation::chance(double probability) {
    return probability > 0 && random_.next_u32() < probability * 4294967296.0;
}

bool Simulation::is_cut(HostIndex a, HostIndex b) const {
    return std::ranges::any_of(cuts_, [&](const auto& cut) {
        return (cut.first.contains(a) && cut.second.contains(b)) ||
               (cut.first.contains(b) && cut.second.contains(a));
    });
}

/// Two ends that have both come to the end of an exchange have come to the same keys.
void Simulation::check_keys(HostIndex index) {
    if (!hosts_[index]->key) return;
    const auto keys_of = [this](HostIndex host, HostIndex other) -> const sptps::KeyMarks* {
        const auto& mesh = hosts_[host]->node->mesh();
        const auto node = mesh.graph().find(name(other));
        return node ? mesh.settled_keys(*node) : nullptr;
    };
    for (HostIndex other = 0; other < hosts_.size(); ++other) {
        if (other == index || !hosts_[other]->node || !hosts_[other]->key) continue;
        const auto* ours = keys_of(index, other);
        const auto* theirs = ours != nullptr ? keys_of(other, index) : nullptr;
        if (theirs == nullptr) continue;
        if (ours->sealing != theirs->opening || ours->opening != theirs->sealing)
            complain(index, "it believes other keys than " + name(other));
    }
}

void Simulation::complain(HostIndex host, std::string_view what) {
    if (++complaints_ > most_complaints) return;
    const auto elapsed = std::chrono::duration<double>(now_.time_since_epoch());
    ADD_FAILURE() << fmt::format("seed {}, {:.6f} s, {}: {}", seed_, elapsed.count(), name(host),
                                 what);
}

void Simulation::mark(std::uint64_t value) {
    constexpr std::uint64_t prime = 0x100000001b3U;
    fingerprint_ = (fingerprint_ ^ value) * prime;
}

// --- what floor 5 does ---------------------------------------------------------------------------

void Simulation::after_event(HostIndex index) {
    auto& host = *hosts_[index];
    if (!host.node) return;
    for (auto& effect : host.node->take_effects()) carry_out(index, effect);
    drain_outbox(index);
    check_keys(index);
    const auto due = host.node->deadline();
    if (due >= host.armed || due == never) return;
    host.armed = due;
    at(std::max(due, now_), [this, index, due, life = host.life] {
        auto& awake = *hosts_[index];
        if (awake.life != life || awake.armed != due) return;
        awake.armed = never;
        awake.node->on_time(now_);
        after_event(index);
    });
}

void Simulation::carry_out(HostIndex index, node::Effect& effect) {
    auto& host = *hosts_[index];
    const auto life = host.life;
    if (const auto* wake = std::get_if<node::Wake>(&effect)) {
        pump(index, wake->peer);
    } else if (const auto* open_effect = std::get_if<node::Open>(&effect)) {
        open(index, open_effect->peer, open_effect->remote);
    } else if (const auto* close = std::get_if<node::Close>(&effect)) {
        host.closed.insert(close->peer);
        close_pipe(index, close->peer);
    } else if (const auto* resolve = std::get_if<node::Resolve>(&effect)) {
        Result<std::vector<Endpoint>> answer = failure(Errc::system, "unknown host");
        if (const auto target = find(resolve->host))
            answer = std::vector{Endpoint{internet.address(*target), Internet::port}};
        at(now_ + delay(), [this, index, life, query = resolve->query, answer] {
            if (hosts_[index]->life != life) return;
            hosts_[index]->node->resolved(query, answer, now_);
            after_event(index);
        });
    } else if (const auto* load = std::get_if<node::LoadHost>(&effect)) {
        Result<config::HostSettings> answer = failure(Errc::system, "no such host file");
        if (const auto target = find(load->name)) answer = host_file(*target);
        at(now_ + std::chrono::milliseconds(1), [this, index, life, query = load->query, answer] {
            if (hosts_[index]->life != life) return;
            hosts_[index]->node->host_loaded(query, answer, now_);
            after_event(index);
        });
    } else if (std::holds_alternative<node::ScanHosts>(effect)) {
        at(now_ + std::chrono::milliseconds(1), [this, index, life] {
            if (hosts_[index]->life != life) return;
            hosts_[index]->node->hosts_scanned(names(), now_);
            after_event(index);
        });
    } else if (const auto* recall = std::get_if<node::RecallAddresses>(&effect)) {
        at(now_ + std::chrono::milliseconds(1), [this, index, life, query = recall->query] {
            if (hosts_[index]->life != life) return;
            hosts_[index]->node->recalled(query, {}, now_);
            after_event(index);
        });
    } else if (const auto* script = std::get_if<node::RunScript>(&effect)) {
        host.scripts.push_back(script->script);
    }
}

config::HostSettings Simulation::host_file(HostIndex index) const {
    config::HostSettings host;
    host.public_key = test::small_key().public_key();
    host.addresses = {{hosts_[index]->options.name, ""}};
    if (const auto& key = hosts_[index]->key) host.ed25519_key = key->public_key();
    return host;
}

std::optional<HostIndex> Simulation::find(const std::string& name) const {
    for (HostIndex index = 0; index < hosts_.size(); ++index)
        if (hosts_[index]->options.name == name) return index;
    return std::nullopt;
}

std::vector<std::string> Simulation::names() const {
    std::vector<std::string> all;
    for (const auto& host : hosts_) all.push_back(host->options.name);
    return all;
}

// --- TCP -----------------------------------------------------------------------------------------

void Simulation::open(HostIndex index, PeerId peer, const Endpoint& remote) {
    auto pipe = std::make_shared<Pipe>();
    pipe->a = {index, peer, true};
    hosts_[index]->pipes[peer] = pipe;
    const auto target = internet.route_tcp(index, remote);
    const auto source_port = static_cast<std::uint16_t>(30'000 + random_.below(30'000));
    at(now_ + delay(), [this, pipe, target, remote, source_port] {
        if (!pipe->is_open) return;
        const auto is_lost = pipe->is_severed || (target && is_cut(pipe->a.host, *target));
        if (is_lost) return;  // no answer, ever
        auto& near = *hosts_[pipe->a.host];
        Result<PeerId> accepted = failure(Errc::closed, "Connection refused");
        if (target && hosts_[*target]->node) {
            pipe->b = {*target, PeerId{}, false};
            const auto same_lan = internet.address(*target) == remote.address &&
                                  internet.outer_address(*target) != remote.address;
            const auto source =
                same_lan ? internet.address(pipe->a.host) : internet.outer_address(pipe->a.host);
            accepted = hosts_[*target]->node->accepted({source, source_port}, 0, now_);
            if (accepted)
                hosts_[*target]->node->set_local_address(*accepted, internet.address(*target));
        }
        if (!accepted) {
            pipe->is_open = false;
            near.pipes.erase(pipe->a.peer);
            near.node->connect_failed(pipe->a.peer, "Connection refused", now_);
            if (target) after_event(*target);
            return after_event(pipe->a.host);
        }
        pipe->b = {*target, *accepted, true};
        hosts_[*target]->pipes[*accepted] = pipe;
        near.node->set_local_address(pipe->a.peer, internet.address(pipe->a.host));
        near.node->connected(pipe->a.peer, 0, now_);
        after_event(*target);
        after_event(pipe->a.host);
    });
}

void Simulation::pump(HostIndex index, PeerId peer) {
    auto& host = *hosts_[index];
    const auto found = host.pipes.find(peer);
    if (found == host.pipes.end()) return;
    const auto pipe = found->second;
    for (;;) {
        auto bytes = host.node->take_outgoing(peer);
        if (bytes.empty()) return;
        meta_bytes_ += bytes.size();
        send_chunk(pipe, pipe->a.host == index && pipe->a.peer == peer, std::move(bytes));
    }
}

void Simulation::send_chunk(const std::shared_ptr<Pipe>& pipe, bool from_a,
                            std::vector<std::byte> bytes) {
    auto& next = from_a ? pipe->next_at_b : pipe->next_at_a;
    next = std::max(next, now_ + delay());
    (from_a ? pipe->to_b : pipe->to_a).push_back(std::move(bytes));
    at(next, [this, pipe, from_a] { arrive_chunk(pipe, from_a); });
}

void Simulation::arrive_chunk(const std::shared_ptr<Pipe>& pipe, bool from_a) {
    if (!pipe->is_open || pipe->is_severed) return;
    const auto& sender = from_a ? pipe->a : pipe->b;
    const auto& receiver = from_a ? pipe->b : pipe->a;
    if (is_cut(sender.host, receiver.host)) {
        if (std::ranges::find(stalled_, pipe) == stalled_.end()) stalled_.push_back(pipe);
        return;
    }
    auto& queue = from_a ? pipe->to_b : pipe->to_a;
    if (queue.empty()) return;
    const auto bytes = std::move(queue.front());
    queue.pop_front();
    mark(bytes.size());
    mark(std::to_integer<std::uint64_t>(bytes.back()));
    hosts_[sender.host]->node->written(sender.peer, bytes.size(), now_);
    hosts_[receiver.host]->node->receive(receiver.peer, bytes, now_);
    after_event(receiver.host);
}

void Simulation::close_pipe(HostIndex index, PeerId peer) {
    auto& host = *hosts_[index];
    const auto found = host.pipes.find(peer);
    if (found == host.pipes.end()) return;
    const auto pipe = found->second;
    host.pipes.erase(found);
    if (!std::exchange(pipe->is_open, false)) return;
    const auto& other = pipe->a.host == index && pipe->a.peer == peer ? pipe->b : pipe->a;
    if (!other.is_known || pipe->is_severed || is_cut(index, other.host)) return;
    at(now_ + delay(), [this, other] {
        auto& far = *hosts_[other.host];
        if (!far.node || far.pipes.erase(other.peer) == 0) return;
        far.node->closed(other.peer, "", now_);
        after_event(other.host);
    });
}

// --- UDP and the device --------------------------------------------------------------------------

void Simulation::drain_outbox(HostIndex index) {
    using Doubles = Ledger::Doubles;
    const bool has_window = hosts_[index]->settings.replay_window_bytes > 0;
    const auto doubles = has_window ? Doubles::forbidden : Doubles::allowed;
    auto& outbox = hosts_[index]->node->outbox();
    for (const auto* frame : outbox.frames()) {
        if (frame->size() < Ledger::least_bytes) continue;
        const auto wrong = ledger_.take_out(index, frame->bytes(), doubles);
        if (!wrong.empty()) complain(index, "a packet has come out, but " + wrong);
        deliveries_.push_back({index, get_u32(frame->bytes(), number_at), now_});
        mark(deliveries_.back().number);
    }
    for (const auto& sending : outbox.datagrams()) send_datagram(index, sending);
    outbox.clear();
}

void Simulation::send_datagram(HostIndex from, const plane::Sending& sending) {
    constexpr std::size_t ip_udp_bytes = 28;
    ++datagrams_;
    if (weather.blocks_udp) return;
    if (sending.packet->size() + ip_udp_bytes > weather.mtu_bytes) {
        if (!weather.hides_icmp)
            at(now_, [this, from, node = sending.node, size = sending.frame_bytes,
                      life = hosts_[from]->life] {
                if (hosts_[from]->life != life) return;
                hosts_[from]->node->datagram_too_big(node, size, now_);
                after_event(from);
            });
        return;
    }
    const auto bytes = sending.packet->bytes();
    for (const auto& arrival : internet.route_udp(from, sending.remote)) {
        if (arrival.crossed_router) ++through_routers_;
        const int copies = chance(weather.duplication) ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy) {
            if (chance(weather.loss) || is_cut(from, arrival.host)) continue;
            std::vector<std::byte> kept(bytes.begin(), bytes.end());
            if (chance(weather.corruption)) {
                const auto bit = random_.below(static_cast<std::uint32_t>(kept.size() * 8));
                kept[bit / 8] ^= std::byte{1} << (bit % 8);
            }
            at(now_ + delay(), [this, arrival, kept = std::move(kept)] {
                arrive_datagram(arrival.host, kept, arrival.source);
            });
        }
    }
}

void Simulation::arrive_datagram(HostIndex index, std::vector<std::byte> bytes,
                                 const Endpoint& source) {
    auto& host = *hosts_[index];
    if (!host.node) return;
    ++host.datagrams;
    mark(bytes.size());
    packet::Batch batch;
    batch.add().assign(bytes);
    const std::array sources = {source};
    host.node->from_network(batch, sources, SocketIndex{0}, now_);
    after_event(index);
}

void Simulation::inject(HostIndex from, HostIndex to, std::uint32_t number,
                        std::size_t frame_bytes) {
    packet::Batch batch;
    auto frame = udp_frame(inner_address(from), inner_address(to), number, frame_bytes);
    ledger_.put_in(frame);
    batch.add().assign(frame);
    hosts_[from]->node->from_device(batch, now_);
    after_event(from);
}

void Simulation::inject_ethernet(HostIndex from, const MacAddress& source,
                                 const MacAddress& destination, std::uint32_t number) {
    constexpr std::uint16_t ethertype_for_experiments = 0x88b5;
    packet::Batch batch;
    auto& frame = batch.add();
    frame.resize(Ledger::least_bytes);
    std::ranges::fill(frame.bytes(), std::byte{0});
    std::ranges::copy(destination, frame.bytes().begin());
    std::ranges::copy(source, frame.bytes().begin() + packet::mac_bytes);
    put_u16(frame.bytes(), 12, ethertype_for_experiments);
    put_u32(frame.bytes(), number_at, number);
    ledger_.put_in(frame.bytes());
    hosts_[from]->node->from_device(batch, now_);
    after_event(from);
}

bool Simulation::was_delivered(HostIndex to, std::uint32_t number) const {
    return std::ranges::any_of(deliveries_, [&](const Delivery& delivery) {
        return delivery.host == to && delivery.number == number;
    });
}

// --- what came of it -----------------------------------------------------------------------------

std::set<std::string> Simulation::reachable(HostIndex index) {
    const auto names = hosts_[index]->node->reachable_nodes();
    return {names.begin(), names.end()};
}

bool Simulation::is_converged() {
    std::set<std::string> all;
    for (const auto& host : hosts_)
        if (host->node) all.insert(host->options.name);
    for (HostIndex index = 0; index < hosts_.size(); ++index)
        if (hosts_[index]->node && reachable(index) != all) return false;
    return true;
}

std::string Simulation::disagreement() {
    std::string text;
    for (HostIndex index = 0; index < hosts_.size(); ++index) {
        if (!hosts_[index]->node) continue;
        const auto seen = reachable(index);
        text += fmt::format("{} connects to [{}], misses [", name(index),
                            fmt::join(hosts_[index]->options.connect_to, " "));
        for (const auto& host : hosts_)
            if (host->node && !seen.contains(host->options.name)) text += " " + host->options.name;
        text += " ], edges [";
        const auto& graph = hosts_[index]->node->mesh().graph();
        for (const auto* edge : graph.edges_from(graph::Graph::self))
            text += " " + graph.name(edge->to);
        text += " ]\n";
    }
    return text;
}

std::uint64_t Simulation::datagrams_at(HostIndex host) const { return hosts_[host]->datagrams; }

const std::vector<std::string>& Simulation::log(HostIndex host) const {
    return hosts_[host]->log->lines;
}

const std::vector<std::string>& Simulation::scripts(HostIndex host) const {
    return hosts_[host]->scripts;
}

Address Simulation::inner_address(HostIndex host) {
    return Address::v4({std::byte{10}, std::byte{1}, static_cast<std::byte>(host / 250),
                        static_cast<std::byte>(host % 250 + 1)});
}

// --- the villains --------------------------------------------------------------------------------

PeerId Simulation::stranger_connects(HostIndex host, const Address& source) {
    const auto peer = hosts_[host]->node->accepted({source, 4'000}, 0, now_);
    after_event(host);
    return peer.value_or(PeerId{0});
}

void Simulation::stranger_says(HostIndex host, PeerId peer, Bytes bytes) {
    hosts_[host]->node->receive(peer, bytes, now_);
    after_event(host);
}

std::vector<std::byte> Simulation::stranger_reads(HostIndex host, PeerId peer) {
    auto bytes = hosts_[host]->node->take_outgoing(peer);
    hosts_[host]->node->written(peer, bytes.size(), now_);
    return bytes;
}

void Simulation::stranger_stops_reading(HostIndex host, PeerId peer) {
    static_cast<void>(hosts_[host]->node->take_outgoing(peer));
    after_event(host);
}

bool Simulation::has_closed(HostIndex host, PeerId peer) const {
    return hosts_[host]->closed.contains(peer);
}

}  // namespace tinc::sim
