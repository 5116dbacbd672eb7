#include "io/udp_port.hpp"

#include "io/clock.hpp"
#include "io/guard.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace tinc::io {

namespace {

/// Batches read before the loop looks after its other descriptors.
constexpr int batches_per_turn = 4;
constexpr std::chrono::milliseconds pause_after_error{50};

/// Room for one IP_TOS or IPV6_TCLASS.
struct alignas(cmsghdr) ClassControl {
    std::array<std::byte, CMSG_SPACE(sizeof(int))> bytes{};
};

void set_class(msghdr& message, ClassControl& control, Family family, int traffic_class) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof(int));
    header.cmsg_level = family == Family::ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
    header.cmsg_type = family == Family::ipv4 ? IP_TOS : IPV6_TCLASS;
    std::memcpy(control.bytes.data(), &header, sizeof header);
    std::memcpy(control.bytes.data() + CMSG_LEN(0), &traffic_class, sizeof traffic_class);
}

iovec vector_of(MutableBytes bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

UdpPort::UdpPort(asio::io_context& loop, node::Node& node, Turn& turn, LogSink& log,
                 packet::Batch& batch, Descriptor socket, SocketIndex index, Family family,
                 TrafficClass traffic_class)
    : socket_(loop, socket.release()),
      pause_(loop),
      node_(node),
      turn_(turn),
      log_(log),
      batch_(batch),
      index_(index),
      family_(family),
      traffic_class_(traffic_class),
      addresses_(batch_size) {
    sources_.reserve(batch_size);
}

void UdpPort::wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (ec) return;
        bool is_sound = false;
        guarded(log_, "Receiving packets failed", [&] { is_sound = drain(); });
        if (is_sound)
            wait();
        else
            pause();
    });
}

void UdpPort::pause() {
    pause_.expires_after(pause_after_error);
    pause_.async_wait([this](const error_code& ec) {
        if (!ec) wait();
    });
}

bool UdpPort::drain() {
    for (int i = 0; i < batches_per_turn; ++i) {
        const int count = read_batch();
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return true;
            complain(Level::always, "Receiving packet failed", errno);
            return false;
        }
        if (!batch_.is_empty()) {
            node_.from_network(batch_, sources_, index_, now());
            turn_.finish();
        }
        if (static_cast<std::size_t>(count) < batch_size) return true;
    }
    return true;
}

/// What recvmmsg() returned. Datagrams that are too long for the protocol are emptied, which no
/// receiver takes for a packet.
int UdpPort::read_batch() {
    std::array<iovec, batch_size> vectors;
    std::array<mmsghdr, batch_size> headers{};
    node_.outbox().clear();  // an exception may have left what points into the batch
    batch_.clear();
    for (std::size_t i = 0; i < batch_size; ++i) {
        vectors[i] = vector_of(batch_.add().space().first(limits::datagram_bytes));
        auto& message = headers[i].msg_hdr;
        message.msg_name = addresses_[i].get();
        message.msg_namelen = sizeof addresses_[i].storage;
        message.msg_iov = &vectors[i];
        message.msg_iovlen = 1;
    }
    const int count =
        ::recvmmsg(socket_.native_handle(), headers.data(), batch_size, MSG_DONTWAIT, nullptr);
    const auto received = static_cast<std::size_t>(std::max(count, 0));
    while (batch_.size() > received) batch_.drop_last();
    sources_.clear();
    for (std::size_t i = 0; i < received; ++i) {
        const auto& header = headers[i];
        const bool is_whole = (header.msg_hdr.msg_flags & MSG_TRUNC) == 0;
        batch_[i].resize(is_whole ? header.msg_len : 0);
        const auto source = to_endpoint(addresses_[i].get(), header.msg_hdr.msg_namelen);
        sources_.push_back(source.value_or(Endpoint{}));
    }
    return count;
}

void UdpPort::send(std::span<const plane::Sending> datagrams,
                   std::vector<plane::Sending>& too_big) {
    while (!datagrams.empty()) {
        const auto count = std::min(datagrams.size(), batch_size);
        send_some(datagrams.first(count), too_big);
        datagrams = datagrams.subspan(count);
    }
}

void UdpPort::send_some(std::span<const plane::Sending> datagrams,
                        std::vector<plane::Sending>& too_big) {
    std::array<iovec, batch_size> vectors;
    std::array<mmsghdr, batch_size> headers{};
    std::array<ClassControl, batch_size> controls;
    for (std::size_t i = 0; i < datagrams.size(); ++i) {
        const auto& sending = datagrams[i];
        addresses_[i] = to_socket_address(sending.remote);
        vectors[i] = vector_of(sending.packet->bytes());
        auto& message = headers[i].msg_hdr;
        message.msg_name = addresses_[i].get();
        message.msg_namelen = addresses_[i].size;
        message.msg_iov = &vectors[i];
        message.msg_iovlen = 1;
        if (traffic_class_ == TrafficClass::inherited)
            set_class(message, controls[i], family_, sending.traffic_class);
    }
    for (std::size_t at = 0; at < datagrams.size();) {
        const int sent = ::sendmmsg(socket_.native_handle(), headers.data() + at,
                                    static_cast<unsigned>(datagrams.size() - at), MSG_DONTWAIT);
        if (sent > 0) {
            at += static_cast<std::size_t>(sent);
            continue;
        }
        if (errno == EINTR) continue;
        // What does not fit on some LAN says nothing about the way to the node.
        if (errno == EMSGSIZE && !datagrams[at].is_broadcast)
            too_big.push_back(datagrams[at]);
        else
            refused(datagrams[at], errno);
        ++at;
    }
}

void UdpPort::refused(const plane::Sending& sending, int code) {
    ++dropped_;
    if (log_.shows(Level::traffic))
        complain(Level::traffic,
                 fmt::format("Error sending packet to {} ({} dropped on this socket)",
                             sending.remote.text(), dropped_),
                 code);
}

/// At most once a second.
void UdpPort::complain(Level level, std::string_view what, int code) {
    const auto time = std::chrono::steady_clock::now();
    if (time < next_complaint_) return;
    next_complaint_ = time + std::chrono::seconds(1);
    log_.print(level, Severity::error, "{}: {}", what, reason_text(code));
}

}  // namespace tinc::io
