#include "io/effect_runner.hpp"

#include "io/clock.hpp"
#include "io/guard.hpp"

#include <utility>
#include <variant>

namespace tinc::io {

EffectRunner::EffectRunner(asio::io_context& loop, node::Node& node, LogSink& log)
    : node_(node), log_(log), timer_(loop) {}

void EffectRunner::employ(const Hands& hands) {
    hands_ = hands;
    sender_.employ(hands.device, hands.ports);
}

void EffectRunner::from_device(packet::Batch& frames) {
    node_.from_device(frames, now());
    finish();
}

void EffectRunner::from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                                SocketIndex socket) {
    node_.from_network(datagrams, sources, socket, now());
    finish();
}

void EffectRunner::finish() {
    is_wanted_again_ = true;
    if (is_running_) return;
    is_running_ = true;
    for (int i = 0; is_wanted_again_ && i < most_rounds; ++i) {
        is_wanted_again_ = false;
        bool is_sent = false;
        guarded(log_, "Sending packets failed", [&] {
            send_packets();
            is_sent = true;
        });
        if (!is_sent) node_.outbox().clear();  // it points into a batch that will be used again
        guarded(log_, "Carrying out what was decided failed", [this] { carry_out_effects(); });
    }
    is_running_ = false;
    arm_timer();
}

void EffectRunner::carry_out_effects() {
    if (hands_.planes) hands_.planes->hand_out(node_.take_orders());
    const auto effects = node_.take_effects();
    if (!effects.empty()) is_wanted_again_ = true;
    // One by one: what fails must not take the others with it.
    for (const auto& effect : effects)
        guarded(log_, "Carrying out what was decided failed",
                [&] { std::visit([this](const auto& kind) { (*this)(kind); }, effect); });
}

void EffectRunner::operator()(const node::Wake& effect) { hands_.links->wake(effect.peer); }

void EffectRunner::operator()(const node::Open& effect) { hands_.links->open(effect); }

void EffectRunner::operator()(const node::OpenCommand& effect) { hands_.links->open(effect); }

void EffectRunner::operator()(const node::Close& effect) { hands_.links->close(effect); }

void EffectRunner::operator()(const node::Resolve& effect) {
    hands_.resolver->resolve(effect.host, effect.port,
                             [this, query = effect.query](Result<std::vector<Endpoint>> found) {
                                 node_.resolved(query, std::move(found), now());
                                 finish();
                             });
}

void EffectRunner::operator()(const node::LoadHost& effect) {
    hands_.host_files->load(effect.name,
                            [this, query = effect.query](Result<config::HostSettings> host) {
                                node_.host_loaded(query, std::move(host), now());
                                finish();
                            });
}

void EffectRunner::operator()(const node::ScanHosts& /*effect*/) {
    hands_.host_files->scan([this](std::vector<std::string> with_address) {
        node_.hosts_scanned(std::move(with_address), now());
        finish();
    });
}

void EffectRunner::operator()(const node::RecallAddresses& effect) {
    hands_.addresses->recall(effect.name,
                             [this, query = effect.query](const std::vector<Endpoint>& recent) {
                                 node_.recalled(query, recent, now());
                                 finish();
                             });
}

void EffectRunner::operator()(const node::RememberAddress& effect) {
    hands_.addresses->remember(effect.name, effect.remote);
}

void EffectRunner::operator()(const node::SaveKey& effect) {
    hands_.host_files->append_key(effect.name, effect.key);
}

void EffectRunner::operator()(const node::RunScript& effect) { hands_.scripts->add(effect); }

void EffectRunner::send_packets() {
    auto& outbox = node_.outbox();
    if (outbox.is_empty()) return;
    sender_.send(outbox, too_big_);
    outbox.clear();
    if (too_big_.empty()) return;
    is_wanted_again_ = true;
    // Only now: what the Node answers may put new packets into the outbox.
    for (const auto& sending : std::exchange(too_big_, {}))
        node_.datagram_too_big(sending.node, sending.frame_bytes, now());
}

void EffectRunner::arm_timer() {
    const auto deadline = node_.deadline();
    if (deadline == armed_for_) return;
    armed_for_ = deadline;
    if (deadline == never) {
        timer_.cancel();
        return;
    }
    timer_.expires_at(to_steady(deadline));
    timer_.async_wait([this](const error_code& ec) {
        if (ec) return;
        armed_for_ = never;
        node_.on_time(now());
        finish();
    });
}

}  // namespace tinc::io
