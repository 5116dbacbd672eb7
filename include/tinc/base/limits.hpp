#pragma once

// Every table, queue and buffer that somebody else can fill has its limit here.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tinc::limits {

// Sizes of the 1.0 protocol. Source: legacy protocol, constants; a Debian build of tinc 1.0.36.
inline constexpr std::size_t frame_bytes = 1518;          ///< largest VPN frame, Ethernet + VLAN
inline constexpr std::size_t datagram_bytes = 1661;       ///< largest UDP payload of 1.0
inline constexpr std::size_t meta_buffer_bytes = 2176;    ///< longest request line with newline
inline constexpr std::size_t cleartext_bytes = 4096;      ///< most unauthenticated input per peer
inline constexpr std::size_t token_bytes = 2048;          ///< longest word of a request
inline constexpr std::size_t node_name_bytes = 250;       ///< 255 of a file name less "-down"
inline constexpr std::uint32_t max_sequence = 1U << 30U;  ///< receive counter that forces new keys

// What members may make us remember.
inline constexpr std::size_t nodes = 20'000;
inline constexpr std::size_t nodes_per_peer = 4'096;  ///< announced first by one connection
inline constexpr std::size_t edges = 100'000;
inline constexpr std::size_t subnets = 100'000;
inline constexpr std::size_t seen_requests = 65'536;
inline constexpr std::uint32_t activations_per_member = 10;  ///< in ten seconds

// What one connection may hold.
inline constexpr std::size_t meta_outgoing_bytes = std::size_t{4} << 20U;
inline constexpr std::size_t write_chunk_bytes = std::size_t{64} << 10U;
inline constexpr std::size_t proxy_reply_bytes = 8'192;
/// A batch and its requests: whether the system takes so much at once shows when it is tried.
inline constexpr std::size_t packet_burst_bytes = std::size_t{128} << 10U;
inline constexpr std::chrono::seconds packet_patience{1};
/// What a socket may hold that TCP has not sent yet; it would go ahead of every request.
inline constexpr int unsent_socket_bytes = 16 << 10;

// What strangers may hold.
inline constexpr std::size_t pending_connections = 128;
inline constexpr std::size_t pending_per_source = 8;
inline constexpr std::uint32_t handshakes_per_second = 50;
inline constexpr std::uint32_t handshakes_per_source = 16;  ///< in a second
inline constexpr std::size_t remembered_sources = 4'096;
inline constexpr std::size_t trials_per_datagram = 8;
inline constexpr std::uint32_t trials_per_second = 1'000;

// The operator's side.
inline constexpr std::size_t config_file_bytes = std::size_t{1} << 20U;
inline constexpr std::size_t config_line_bytes = 8'192;
inline constexpr std::size_t addresses_per_name = 16;
inline constexpr std::size_t recent_addresses = 8;   ///< kept of a node, as tinc 1.1 does
inline constexpr std::size_t likely_addresses = 16;  ///< tried ahead of those in its host file
inline constexpr std::size_t host_name_bytes = 255;  ///< SOCKS5 counts it in one byte
inline constexpr std::size_t queued_scripts = 1'024;
inline constexpr std::chrono::seconds script_time{60};
inline constexpr std::size_t sockets = 128;

// The data plane.
inline constexpr std::size_t batch_packets = 64;
inline constexpr std::size_t outbox_packets = 4'096;
inline constexpr std::size_t data_workers = 8;
inline constexpr std::size_t errand_loads = 8;    ///< batches on their way between two workers
inline constexpr std::size_t worker_reports = 8;  ///< of one worker, not looked at yet
inline constexpr std::size_t worker_log_lines = 1'024;  ///< likewise
inline constexpr std::size_t worker_packets = 512;  ///< of meta connections, likewise of the node's
inline constexpr std::uint32_t icmp_per_second = 3;
inline constexpr std::size_t learned_macs = 4'096;  ///< of hosts behind our device
inline constexpr std::chrono::milliseconds tunnel_report_pause{300};
inline constexpr std::chrono::seconds mac_report_pause{1};  ///< between two looks at one of them

}  // namespace tinc::limits
