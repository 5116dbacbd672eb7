#pragma once

#include "unit/plane/sealed_crossroads.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tinc::plane::sealed {

inline constexpr std::string_view subnets[] = {"10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1",
                                               "10.5.0.1", "10.6.0.1", "10.7.0.1"};

inline test::Frame frame_for(NodeIndex to, NodeIndex from = self, std::size_t data_bytes = 100) {
    return test::udp_frame(
        {.source = subnets[to_index(from)], .destination = subnets[to_index(to)]}, data_bytes);
}
/// As it is in a record of a router.
inline test::Frame packet_for(NodeIndex to, NodeIndex from = self, std::size_t data_bytes = 100) {
    const auto frame = frame_for(to, from, data_bytes);
    return {frame.begin() + packet::ethernet_bytes, frame.end()};
}
inline test::Frame probe(std::size_t size, int first = 0) {
    test::Frame made(size, std::byte{0x55});
    std::fill_n(made.begin(), 14, std::byte{0});
    made[0] = static_cast<std::byte>(first);
    return made;
}
/// The answer of who tells only how much has arrived.
inline test::Frame size_reply(std::size_t arrived) {
    auto made = probe(18, 2);
    put_u16(made, 1, static_cast<std::uint16_t>(arrived));
    return made;
}

class SealedTest : public testing::Test {
  protected:
    explicit SealedTest(const PlaneSettings& settings = Crossroads::usual()) : roads(settings) {}

    std::string send_to(NodeIndex node, std::size_t data_bytes = 100) {
        roads.from_device(frame_for(node, self, data_bytes));
        return roads.way();
    }
    std::string receive(Bytes datagram, const Endpoint& source) {
        roads.from_network(datagram, source);
        return roads.way();
    }
    /// A packet for us, straight from a node.
    std::string receive_from(NodeIndex node, const Endpoint& source) {
        return receive(roads.datagram(node, packet::record::plain, packet_for(self, node)), source);
    }
    /// It has said something from its address.
    void prove(NodeIndex node) { ASSERT_EQ(receive_from(node, Crossroads::home(node)), "device"); }
    std::uint64_t dropped(Drop reason) const { return roads.plane.dropped(reason); }
    Crossroads roads;
};

}  // namespace tinc::plane::sealed
