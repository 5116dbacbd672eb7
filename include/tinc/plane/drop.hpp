#pragma once

#include <cstddef>
#include <cstdint>

namespace tinc::plane {

/// Why a packet went no further. Counted; told to the log only at debug level 5.
enum class Drop : std::uint8_t {
    too_short,       ///< no Ethernet header, or too short for key and MAC
    too_long,        ///< does not fit into a frame
    unknown_type,    ///< neither IPv4 nor IPv6
    malformed,       ///< an IP header that contradicts itself
    no_subnet,       ///< nobody answers for the destination
    unreachable,     ///< the one who does is not there
    looping,         ///< would go back to where it came from
    prohibited,      ///< Forwarding = off or DirectOnly
    too_big,         ///< larger than the path, answered or not
    hop_limit,       ///< TTL or hop limit used up
    broadcast,       ///< broadcasting is switched off
    unknown_source,  ///< a datagram that no key of ours fits
    no_key,          ///< the sender does not have our key yet
    forged,          ///< MAC or ciphertext wrong
    replayed,        ///< late beyond the window, or seen
    too_far,         ///< a sequence number far in the future
    damaged,         ///< does not decompress
    unsealed,        ///< could not be encrypted
    no_address,      ///< no UDP address to send to
    queue_full,      ///< outbox or event queue at its limit
    neighbour,       ///< ARP or neighbour discovery with nothing to answer
};
inline constexpr std::size_t drop_count = static_cast<std::size_t>(Drop::neighbour) + 1;

}  // namespace tinc::plane
