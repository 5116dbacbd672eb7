#include "tinc/node/plane_order.hpp"

#include <concepts>
#include <utility>

namespace tinc::node {

namespace {

template <class Kind, class... Kinds>
concept one_of = (std::same_as<Kind, Kinds> || ...);

/// Packets are for one Plane alone, and so are keys, which count them. Openers of 1.0 are not: they
/// tell, too, whose packet from an unknown address is.
template <class Order>
concept for_each_plane =
    one_of<Order, SetTable, SetSettings, SetProvenAddress, mesh::SetName, mesh::SetOpener,
           mesh::SetAddress, mesh::SetMtu, mesh::Forget, mesh::UnlearnMac>;

template <class Kind, class... Kinds>
constexpr bool holds(const std::variant<Kinds...>* /*unused*/) {
    return one_of<Kind, Kinds...>;
}

/// Carries out one order on one Plane.
struct Execution {
    plane::Plane& plane;
    Time now;
    plane::Outbox& out;

    void operator()(SetTable& order) const {
        plane.set_table(std::move(order.table));
        plane.set_announced_addresses(std::move(order.announced));
    }
    void operator()(SetSettings& order) const { plane.set_settings(std::move(order.settings)); }
    void operator()(const SetProvenAddress& order) const {
        plane.set_proven_address(order.node, order.remote, order.socket);
    }
    void operator()(const RoutePacket& order) const {
        plane.from_peer(order.neighbour, order.frame, order.transport, now, out);
    }
    void operator()(const CarryPacket& order) const {
        plane.carry(order.neighbour, order.packet, now, out);
    }
    void operator()(mesh::SetName& order) const {
        plane.set_name(order.node, std::move(order.name));
    }
    void operator()(mesh::SetSealer& order) const {
        plane.set_sealer(order.node, std::move(order.sealer));
    }
    void operator()(const mesh::SetOpener& order) const {
        std::optional<legacy::Opener> opener;
        // The mesh has seen that it can be made.
        if (order.key)
            if (auto made = legacy::Opener::create(*order.key, order.window_bytes))
                opener = std::move(*made);
        plane.set_opener(order.node, std::move(opener), now);
    }
    void operator()(mesh::SetSptpsSealer& order) const {
        plane.set_sptps_sealer(order.node, std::move(order.sealer), order.compression);
    }
    void operator()(mesh::SetSptpsOpener& order) const {
        plane.set_sptps_opener(order.node, std::move(order.opener), now);
    }
    void operator()(const mesh::ExpectKey& order) const {
        plane.expect_key(order.node, order.key.bytes());
    }
    void operator()(const mesh::UseExpectedKey& order) const {
        plane.use_expected_key(order.node, now);
    }
    void operator()(const mesh::CarrySptpsPacket& order) const {
        plane.carry(order.neighbour, order.from, order.to, order.datagram, now, out);
    }
    void operator()(const mesh::SetAddress& order) const {
        plane.set_address(order.node, order.remote, order.socket);
    }
    void operator()(const mesh::SetMtu& order) const {
        plane.set_mtu(order.node, order.mtu, order.min_mtu);
        plane.set_confirmed(order.node, order.is_confirmed);
    }
    void operator()(const mesh::Forget& order) const { plane.forget(order.node); }
    void operator()(const mesh::UnlearnMac& order) const { plane.unlearn(order.mac); }
    void operator()(const mesh::SendProbe& order) const {
        std::optional<plane::Plane::LocalTarget> local;
        if (order.local) local = {*order.local, order.socket};
        plane.send_probe(order.node, order.frame_bytes, local, now, out);
    }
};

}  // namespace

std::optional<PlaneOrder> order_of(mesh::Effect& effect) {
    return std::visit(
        []<class Kind>(Kind& kind) -> std::optional<PlaneOrder> {
            constexpr const PlaneOrder* orders = nullptr;
            if constexpr (holds<Kind>(orders))
                return PlaneOrder(std::move(kind));
            else
                return std::nullopt;
        },
        effect);
}

std::optional<NodeIndex> addressee(const PlaneOrder& order) {
    return std::visit(
        []<class Order>(const Order& one) -> std::optional<NodeIndex> {
            if constexpr (for_each_plane<Order>)
                return std::nullopt;
            else if constexpr (one_of<Order, RoutePacket, CarryPacket, mesh::CarrySptpsPacket>)
                return one.neighbour;
            else
                return one.node;
        },
        order);
}

PlaneOrder copy_of(const PlaneOrder& order) {
    TINC_ASSERT(!addressee(order));
    return std::visit(
        []<class Order>(const Order& one) -> PlaneOrder {
            if constexpr (for_each_plane<Order>)
                return one;
            else
                return SetSettings{};
        },
        order);
}

void carry_out(PlaneOrder order, plane::Plane& plane, Time now, plane::Outbox& out) {
    std::visit(Execution{plane, now, out}, order);
}

}  // namespace tinc::node
