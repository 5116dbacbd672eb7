#include "tinc/plane/plane.hpp"

namespace tinc::plane {

void Plane::leave(packet::Packet& packet, const Errand& errand, Outbox& out) const {
    out.leave(packet, share_.plane_of(errand.node), errand);
}

void Plane::take_over(packet::Batch& packets, std::span<const Errand> errands, Time now,
                      Outbox& out) {
    TINC_ASSERT(errands.size() == packets.size());
    begin(now);
    for (std::size_t i = 0; i < packets.size();) {
        const auto& errand = errands[i];
        TINC_ASSERT(share_.has(errand.node));
        if (errand.kind == Errand::Kind::open)
            i += open_run(packets, errands, i, out);
        else
            run(errand, packets[i++], out);
    }
    seal_waiting(out);
}

void Plane::run(const Errand& errand, packet::Packet& packet, Outbox& out) {
    switch (errand.kind) {
        case Errand::Kind::send:
            return send_udp(errand.node, packet, errand.way, out);
        case Errand::Kind::straight:
            return take_straight(errand.node, packet, {errand.source, errand.socket}, out);
        case Errand::Kind::relayed:
            return take_relayed(errand.node, packet, out);
        case Errand::Kind::open:
            break;  // several at once
    }
}

/// Opens all that one node has sent from one address, from number `first` on. How many those were.
std::size_t Plane::open_run(packet::Batch& packets, std::span<const Errand> errands,
                            std::size_t first, Outbox& out) {
    const auto& errand = errands[first];
    arrived_.clear();
    for (auto i = first; i < errands.size(); ++i) {
        const auto& next = errands[i];
        if (next.kind != Errand::Kind::open || next.node != errand.node ||
            next.source != errand.source)
            break;
        arrived_.push_back(&packets[i]);
    }
    open_from({.node = errand.node, .is_owner = errand.is_owner}, arrived_,
              {errand.source, errand.socket}, out);
    return arrived_.size();
}

}  // namespace tinc::plane
