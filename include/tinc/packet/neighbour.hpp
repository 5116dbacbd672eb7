#pragma once

// What a router must say on a device that has Ethernet addresses: who is at an IP address of
// another node. The answer is a made-up neighbour, whose MAC is that of the asker with its last
// byte inverted; frames sent to it come to us. Source: legacy protocol 6.7.

#include "tinc/base/bytes.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/packet/packet.hpp"

#include <optional>

namespace tinc::packet {

/// The address that an ARP request (IPv4 over Ethernet) asks for; nothing for any other frame.
[[nodiscard]] std::optional<Address> arp_request_target(Bytes frame);

/// Turns an ARP request into its reply, in place. False, and the frame is as before, if
/// arp_request_target() finds none.
[[nodiscard]] bool make_arp_reply(Packet& frame);

/// Whether a frame calls itself a Neighbour Solicitation: ICMPv6 type 135 right behind the IPv6
/// header, however damaged. Such frames are never routed.
[[nodiscard]] bool is_neighbour_solicitation(Bytes frame);

/// The address that a Neighbour Solicitation (ICMPv6 type 135 right behind the IPv6 header, its
/// checksum right) asks for; nothing for any other frame.
[[nodiscard]] std::optional<Address> neighbour_solicitation_target(Bytes frame);

/// Turns a Neighbour Solicitation into a solicited Neighbour Advertisement, in place, with our
/// made-up MAC if the asker told its own. False, and the frame is as before, if
/// neighbour_solicitation_target() finds none or the source is unspecified: that is a node looking
/// for duplicates of its own address.
[[nodiscard]] bool make_neighbour_advertisement(Packet& frame);

}  // namespace tinc::packet
