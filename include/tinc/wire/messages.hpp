#pragma once

// All requests of protocol 17, each a plain struct with a parser and a writer of its own.
//
// Parsers take one line without its newline, keep no reference to it and are as liberal as
// tinc: any run of blanks separates, further words are ignored, a decimal number stops at the
// first other character. They fail with Errc::malformed. Writers append the one form we send,
// without a newline.
// Source: legacy protocol, table of requests; `meta_handshake.json`.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/wire/request.hpp"
#include "tinc/wire/subnet.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::wire {

/// Bits of the options word in ACK and ADD_EDGE. All 32 bits are stored and repeated.
namespace option {
inline constexpr std::uint32_t indirect = 0x1;
inline constexpr std::uint32_t tcp_only = 0x2;
inline constexpr std::uint32_t pmtu_discovery = 0x4;
inline constexpr std::uint32_t clamp_mss = 0x8;

/// The highest byte is the minor version of protocol 17 that the end of the edge speaks.
inline constexpr unsigned minor_shift = 24;
[[nodiscard]] constexpr int minor(std::uint32_t options) {
    return static_cast<int>(options >> minor_shift);
}
[[nodiscard]] constexpr std::uint32_t with_minor(std::uint32_t options, int minor) {
    constexpr auto others = (std::uint32_t{1} << minor_shift) - 1;
    return (options & others) | (static_cast<std::uint32_t>(minor) << minor_shift);
}
}  // namespace option

/// `0 <name> <major>[.<minor>]`: who speaks, and which protocol. The name is checked by the caller,
/// for whom an illegal name is a refusal and not a malformed line.
struct Id {
    std::string name;
    int major = protocol_major;
    int minor = 0;  ///< 0 is not written
    friend bool operator==(const Id&, const Id&) = default;
};
[[nodiscard]] Result<Id> parse_id(std::string_view line);
void append(std::string& out, const Id& message);

/// `1 <cipher> <digest> <maclength> <compression> <hexkey>`: the RSA-encrypted stream key.
struct Metakey {
    int cipher = 0;  ///< OpenSSL NID
    int digest = 0;  ///< OpenSSL NID
    int mac_length = 0;
    int compression = 0;
    std::vector<std::byte> key;
    friend bool operator==(const Metakey&, const Metakey&) = default;
};
[[nodiscard]] Result<Metakey> parse_metakey(std::string_view line);
void append(std::string& out, const Metakey& message);

/// `2 <hex>`: random bytes, as many as the receiver's RSA modulus has.
struct Challenge {
    std::vector<std::byte> bytes;
    friend bool operator==(const Challenge&, const Challenge&) = default;
};
[[nodiscard]] Result<Challenge> parse_challenge(std::string_view line);
void append(std::string& out, const Challenge& message);

/// `3 <hex>`: the hash of the challenge.
struct ChalReply {
    std::vector<std::byte> hash;
    friend bool operator==(const ChalReply&, const ChalReply&) = default;
};
[[nodiscard]] Result<ChalReply> parse_chal_reply(std::string_view line);
void append(std::string& out, const ChalReply& message);

/// `4 <port> <weight> <options>`: the end of authentication.
struct Ack {
    std::uint16_t port = 0;  ///< 0: not a usable number; keep the TCP port
    std::int32_t weight = 0;
    std::uint32_t options = 0;
    friend bool operator==(const Ack&, const Ack&) = default;
};
[[nodiscard]] Result<Ack> parse_ack(std::string_view line);
void append(std::string& out, const Ack& message);

/// `4 <key>`: in place of ACK, the Ed25519 key of a node that the other one does not know yet, in
/// base64 of 43 characters if the sender is honest. Source: protocol 1.1, 2.1.
struct KeyAck {
    std::string key;
    friend bool operator==(const KeyAck&, const KeyAck&) = default;
};
[[nodiscard]] Result<KeyAck> parse_key_ack(std::string_view line);
void append(std::string& out, const KeyAck& message);

/// `7`, `8` and `9`
void append_termreq(std::string& out);
void append_ping(std::string& out);
void append_pong(std::string& out);

/// `10 <nonce> <owner> <subnet>` and, for the end, `11 ...`: this node answers for this subnet.
struct SubnetNews {
    std::uint32_t nonce = 0;  ///< makes floods unique; has no cryptographic meaning
    std::string owner;
    Subnet subnet;
    friend bool operator==(const SubnetNews&, const SubnetNews&) = default;
};
struct AddSubnet : SubnetNews {};
struct DelSubnet : SubnetNews {};
[[nodiscard]] Result<AddSubnet> parse_add_subnet(std::string_view line);
[[nodiscard]] Result<DelSubnet> parse_del_subnet(std::string_view line);
void append(std::string& out, const AddSubnet& message);
void append(std::string& out, const DelSubnet& message);

/// Where an edge says its end can be reached. Text that is not a numeric address and a port is
/// repeated verbatim and never used: a 1.0.36 that believed it would abort.
struct EdgeAddress {
    std::string host;  ///< numeric without brackets, or whatever the mesh sent
    std::string port;
    std::optional<Endpoint> endpoint;  ///< set exactly if host and port are numeric

    EdgeAddress() = default;
    EdgeAddress(std::string host, std::string port);  ///< parses `endpoint` out of the texts
    explicit EdgeAddress(const Endpoint& endpoint);

    /// Equal endpoints if both are numeric, else equal texts.
    friend bool operator==(const EdgeAddress& a, const EdgeAddress& b);
};

/// `12 <nonce> <from> <to> <address> <port> <options:hex> <weight> [<address> <port>]`: `from` has
/// a meta connection with `to`, and reaches it at this address. 1.1 may add where its own end of
/// the connection is. Names are legal and differ.
struct AddEdge {
    std::uint32_t nonce = 0;
    std::string from;
    std::string to;
    EdgeAddress address;
    std::uint32_t options = 0;
    std::int32_t weight = 0;
    std::optional<EdgeAddress> local_address = std::nullopt;
    friend bool operator==(const AddEdge&, const AddEdge&) = default;
};
[[nodiscard]] Result<AddEdge> parse_add_edge(std::string_view line);
void append(std::string& out, const AddEdge& message);

/// `13 <nonce> <from> <to>`
struct DelEdge {
    std::uint32_t nonce = 0;
    std::string from;
    std::string to;
    friend bool operator==(const DelEdge&, const DelEdge&) = default;
};
[[nodiscard]] Result<DelEdge> parse_del_edge(std::string_view line);
void append(std::string& out, const DelEdge& message);

/// `14 <nonce> <name>`: keys this node gave out are forgotten.
struct KeyChanged {
    std::uint32_t nonce = 0;
    std::string name;
    friend bool operator==(const KeyChanged&, const KeyChanged&) = default;
};
[[nodiscard]] Result<KeyChanged> parse_key_changed(std::string_view line);
void append(std::string& out, const KeyChanged& message);

/// `15 <from> <to> [<extension> [<payload>]]`: `from` wants a key to send UDP to `to`. What 1.1
/// says between two nodes besides has the form of such a request, so that 1.0 passes it on. Source:
/// protocol 1.1, 4.
struct ReqKey {
    static constexpr int start_session = 15;    ///< payload: the first datagram of a key exchange
    static constexpr int ask_public_key = 19;   ///< no payload
    static constexpr int tell_public_key = 20;  ///< payload: an Ed25519 key
    static constexpr int packet = 21;           ///< payload: a sealed datagram

    std::string from;
    std::string to;
    int extension = 0;    ///< 0: the request of 1.0
    std::string payload;  ///< base64, if the sender is honest
    friend bool operator==(const ReqKey&, const ReqKey&) = default;
};
[[nodiscard]] Result<ReqKey> parse_req_key(std::string_view line);
void append(std::string& out, const ReqKey& message);

/// `16 <from> <to> <key:hex> <cipher> <digest> <maclength> <compression> [<address> <port>]`
///
/// The key text is not decoded here: a relay passes it on, and a receiver keeps the connection
/// when it is wrong. Between nodes of 1.1 it is a datagram of their key exchange in base64, the
/// next three numbers are -1, and the compression is the one that `from` wants to receive.
struct AnsKey {
    std::string from;
    std::string to;
    std::string key;  ///< hexadecimal digits, if the sender is honest
    int cipher = 0;
    int digest = 0;
    int mac_length = 0;
    int compression = 0;
    std::optional<EdgeAddress> address;  ///< reflexive address a relay added
    friend bool operator==(const AnsKey&, const AnsKey&) = default;
};
[[nodiscard]] Result<AnsKey> parse_ans_key(std::string_view line);
void append(std::string& out, const AnsKey& message);

/// `17 <length>`, followed by that many raw bytes. 0..65535 here; the caller knows what fits.
struct PacketHeader {
    std::size_t length = 0;
    friend bool operator==(const PacketHeader&, const PacketHeader&) = default;
};
[[nodiscard]] Result<PacketHeader> parse_packet(std::string_view line);
void append(std::string& out, const PacketHeader& message);

/// `21 <length>`, followed by that many raw bytes, outside of any record: two node IDs and a
/// sealed datagram. 0..32767; nothing follows 0. Source: protocol 1.1, 2.3.
struct SptpsPacketHeader {
    std::size_t length = 0;
    friend bool operator==(const SptpsPacketHeader&, const SptpsPacketHeader&) = default;
};
[[nodiscard]] Result<SptpsPacketHeader> parse_sptps_packet(std::string_view line);
void append(std::string& out, const SptpsPacketHeader& message);

/// `22 <from> <to> <address> <port>`: where `from` is reached by UDP, for who sends it packets
/// through relays. Source: protocol 1.1, 8.
struct UdpInfo {
    std::string from;
    std::string to;
    EdgeAddress address;
    friend bool operator==(const UdpInfo&, const UdpInfo&) = default;
};
[[nodiscard]] Result<UdpInfo> parse_udp_info(std::string_view line);
void append(std::string& out, const UdpInfo& message);

/// `23 <from> <to> <mtu>`: the largest frame that reaches `from` over relays, as far as the way is
/// known. Any number here; the receiver knows which make sense.
struct MtuInfo {
    std::string from;
    std::string to;
    int mtu = 0;
    friend bool operator==(const MtuInfo&, const MtuInfo&) = default;
};
[[nodiscard]] Result<MtuInfo> parse_mtu_info(std::string_view line);
void append(std::string& out, const MtuInfo& message);

}  // namespace tinc::wire
