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
}  // namespace option

/// `0 <name> <version>`: who speaks, and which protocol. The name is checked by the caller, for
/// whom an illegal name is a refusal and not a malformed line.
struct Id {
    std::string name;
    int major = 17;
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

/// `8` and `9`
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

/// `12 <nonce> <from> <to> <address> <port> <options:hex> <weight>`: `from` has a meta connection
/// with `to`, and reaches it at this address. Names are legal and differ.
struct AddEdge {
    std::uint32_t nonce = 0;
    std::string from;
    std::string to;
    EdgeAddress address;
    std::uint32_t options = 0;
    std::int32_t weight = 0;
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

/// `15 <from> <to>`: `from` wants a key to send UDP to `to`. 1.1 adds words; they are ignored.
struct ReqKey {
    std::string from;
    std::string to;
    friend bool operator==(const ReqKey&, const ReqKey&) = default;
};
[[nodiscard]] Result<ReqKey> parse_req_key(std::string_view line);
void append(std::string& out, const ReqKey& message);

/// `16 <from> <to> <key:hex> <cipher> <digest> <maclength> <compression> [<address> <port>]`
///
/// The key text is not decoded here: a relay passes it on, and a receiver keeps the connection
/// when it is wrong.
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

}  // namespace tinc::wire
