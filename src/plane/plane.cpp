#include "tinc/plane/plane.hpp"

#include "tinc/crypto/node_id.hpp"

#include <algorithm>
#include <utility>

namespace tinc::plane {

namespace {

/// Requests to the control side between two turns; more are dropped like packets.
constexpr std::size_t event_limit = 1'024;
constexpr std::size_t packet_limit = event_limit / 2;

}  // namespace

Plane::Plane(PlaneSettings settings, std::string own_name, RandomSource& random, LogSink& log,
             Share share)
    : settings_(std::move(settings)),
      random_(random),
      log_(log),
      share_(share),
      table_(std::make_shared<const graph::ForwardingTable>()),
      announced_(std::make_shared<const AnnouncedAddresses>()),
      recent_macs_(random),
      announced_trials_(limits::trials_per_second / 2 / share.planes),
      other_trials_(limits::trials_per_second / 2 / share.planes) {
    set_name(self, std::move(own_name));
}

void Plane::set_table(std::shared_ptr<const graph::ForwardingTable> table) {
    TINC_ASSERT(table != nullptr);
    table_ = std::move(table);
}

void Plane::set_name(NodeIndex node, std::string name) {
    auto& target = slot(node);
    target.name = std::move(name);
    target.id = crypto::node_id_of(target.name);
    by_id_.try_emplace(target.id, node);
}

void Plane::set_sealer(NodeIndex node, std::optional<legacy::Sealer> sealer) {
    slot(node).sealer = std::move(sealer);
}

void Plane::set_opener(NodeIndex node, std::optional<legacy::Opener> opener, Time now) {
    auto& target = slot(node);
    if (target.opener) {
        target.old_opener = std::move(target.opener);
        target.old_opener_until = now + old_key_grace;
    }
    target.opener = std::move(opener);
    if (has_our_key(target, now)) list_key(node);
}

void Plane::set_address(NodeIndex node, const std::optional<Endpoint>& remote, SocketIndex socket) {
    auto& target = slot(node);
    target.socket = socket;
    if (target.remote == remote) return;
    give_up_address(node);
    target.is_proven = false;
    target.remote = remote;
    if (remote) claim_address(node, *remote, Claim::announced);
}

void Plane::set_proven_address(NodeIndex node, const Endpoint& remote, SocketIndex socket) {
    // Who opens them may have seen newer ones.
    if (share_.has(node)) return;
    slot(node).socket = socket;
    move_to(node, remote);
}

void Plane::set_mtu(NodeIndex node, std::size_t mtu, std::size_t min_mtu) {
    auto& target = slot(node);
    target.mtu = std::min(mtu, limits::frame_bytes);
    target.min_mtu = std::min(min_mtu, limits::frame_bytes);
}

void Plane::set_announced_addresses(std::shared_ptr<const AnnouncedAddresses> addresses) {
    TINC_ASSERT(addresses != nullptr);
    announced_ = std::move(addresses);
}

void Plane::forget(NodeIndex node) {
    give_up_address(node);
    unlist_key(node);
    if (const auto named = by_id_.find(slot(node).id);
        named != by_id_.end() && named->second == node)
        by_id_.erase(named);
    slot(node) = Slot{};
}

void Plane::set_confirmed(NodeIndex node, bool is_confirmed) {
    slot(node).is_confirmed = is_confirmed;
}

void Plane::set_sptps_sealer(NodeIndex node, std::optional<sptps::Sealer> sealer, int compression) {
    auto& target = slot(node);
    target.sptps_sealer = std::move(sealer);
    target.compression = compression;
}

void Plane::set_sptps_opener(NodeIndex node, std::optional<sptps::Opener> opener, Time now) {
    auto& target = slot(node);
    target.old_sptps_opener = std::exchange(target.sptps_opener, std::move(opener));
    target.old_key_until = now + old_key_grace;
    target.forged = 0;
}

void Plane::expect_key(NodeIndex node, Bytes key) {
    if (auto& opener = slot(node).sptps_opener) opener->expect(key);
}

void Plane::use_expected_key(NodeIndex node, Time now) {
    auto& target = slot(node);
    if (target.sptps_opener) target.sptps_opener->use_expected();
    target.old_key_until = now + old_key_grace;
}

/// What a call that ended by an exception has left points into a batch that is used again.
void Plane::begin(Time now) {
    now_ = now;
    for (const auto node : receivers_) slot(node).waiting.clear();
    receivers_.clear();
}

void Plane::from_device(packet::Batch& frames, Time now, Outbox& out) {
    begin(now);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        auto& frame = frames[i];
        device_bytes_.in += frame.size();
        log_.print(Level::traffic, Severity::debug, "Read packet of {} bytes from {}", frame.size(),
                   settings_.device);
        route(self, frame, Transport::any, now, out);
    }
    seal_waiting(out);
}

void Plane::from_peer(NodeIndex neighbour, Bytes frame, Transport transport, Time now,
                      Outbox& out) {
    begin(now);
    if (frame.empty()) return;
    if (frame.size() > limits::datagram_bytes) return drop(Drop::too_long);
    auto* packet = out.spare();
    if (packet == nullptr) return drop(Drop::queue_full);
    packet->assign(frame);
    log_.print(Level::traffic, Severity::debug, "Received packet of {} bytes from {}", frame.size(),
               label(neighbour));
    route(neighbour, *packet, transport, now, out);
    seal_waiting(out);
}

std::vector<Event> Plane::take_events() {
    told_of_worn_keys_ = false;
    return std::exchange(events_, {});
}

void Plane::post(Event event) {
    const bool is_packet =
        std::holds_alternative<SendByTcp>(event) || std::holds_alternative<SptpsByTcp>(event);
    if (events_.size() >= (is_packet ? packet_limit : event_limit)) return drop(Drop::queue_full);
    events_.push_back(std::move(event));
}

Plane::Slot& Plane::slot(NodeIndex node) {
    if (to_index(node) >= slots_.size()) {
        TINC_ASSERT(to_index(node) < limits::nodes);
        slots_.resize(to_index(node) + 1);
    }
    return slots_[to_index(node)];
}

NodeLabel Plane::label(NodeIndex node) {
    const auto& target = slot(node);
    return {target.name, target.remote, node == self};
}

}  // namespace tinc::plane

auto fmt::formatter<tinc::plane::NodeLabel>::format(const tinc::plane::NodeLabel& label,
                                                    format_context& context) const
    -> format_context::iterator {
    const auto host = label.is_self  ? std::string("MYSELF")
                      : label.remote ? label.remote->text()
                                     : std::string("unknown port unknown");
    return fmt::format_to(context.out(), "{} ({})", label.name, host);
}
