#include "io/udp_port.hpp"

#include "io/guard.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace tinc::io {

namespace {

/// Batches read before the loop looks after its other descriptors.
constexpr int batches_per_turn = 4;
constexpr std::chrono::milliseconds pause_after_error{50};

/// What the kernel takes in one message (UDP_MAX_SEGMENTS of older kernels), and the largest
/// payload of UDP over IPv6.
constexpr std::size_t datagrams_per_run = 64;
constexpr std::size_t bytes_per_run = 65'487;

/// Room for the control messages of one message: a traffic class, and the size of datagrams.
class Control {
  public:
    explicit Control(msghdr& message) : message_(message) {
        message_.msg_control = bytes_.data();
        message_.msg_controllen = 0;
    }
    Control(const Control&) = delete;
    Control& operator=(const Control&) = delete;

    template <class Value>
    void add(int level, int type, Value value) {
        const std::size_t at = message_.msg_controllen;
        TINC_ASSERT(at + CMSG_SPACE(sizeof value) <= bytes_.size());
        cmsghdr header{};
        header.cmsg_len = CMSG_LEN(sizeof value);
        header.cmsg_level = level;
        header.cmsg_type = type;
        std::memcpy(bytes_.data() + at, &header, sizeof header);
        std::memcpy(bytes_.data() + at + CMSG_LEN(0), &value, sizeof value);
        message_.msg_controllen = at + CMSG_SPACE(sizeof value);
    }
    void add_traffic_class(Family family, int traffic_class) {
        if (family == Family::ipv4)
            add(IPPROTO_IP, IP_TOS, traffic_class);
        else
            add(IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
    }

  private:
    msghdr& message_;
    alignas(cmsghdr)
        std::array<std::byte, CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(std::uint16_t))> bytes_{};
};

/// The size of the datagrams that the kernel has joined; of all of them, if it has not.
std::size_t joined_size(const mmsghdr& received) {
    // CMSG_NXTHDR wants a pointer to what it only reads.
    auto message = received.msg_hdr;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_GRO) continue;
        int size = 0;
        std::memcpy(&size, CMSG_DATA(header), sizeof size);
        if (size > 0) return static_cast<std::size_t>(size);
    }
    return received.msg_len;
}

bool has_option(int socket, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_UDP, option, &value, &size) == 0;
}

iovec vector_of(MutableBytes bytes) { return {bytes.data(), bytes.size()}; }

}  // namespace

UdpPort::UdpPort(asio::io_context& loop, DataPath& path, LogSink& log, ReceivingRoom room,
                 Descriptor socket, SocketIndex index, const Options& options)
    : socket_(loop, socket.release()),
      pause_(loop),
      path_(path),
      log_(log),
      room_(room),
      index_(index),
      options_(options) {
    sources_.reserve(batch_size);
    runs_.reserve(batch_size);
    if (options_.offload == UdpOffload::off) return;
    constexpr int on = 1;
    const bool joins = ::setsockopt(socket_.native_handle(), SOL_UDP, UDP_GRO, &on, sizeof on) == 0;
    cuts_ = has_option(socket_.native_handle(), UDP_SEGMENT);
    if (!joins || !cuts_)
        log_.print(Level::always, Severity::notice,
                   "The kernel cannot {} UDP packets for us; they pass one by one",
                   joins   ? "cut"
                   : cuts_ ? "join"
                           : "cut or join");
}

void UdpPort::wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (!ec) read();
    });
}

void UdpPort::read() {
    if (path_.room() == 0) return pause_then(pause_without_room, &UdpPort::read);
    bool is_sound = false;
    received_ = 0;
    guarded(log_, "Receiving packets failed", [&] { is_sound = drain(); });
    if (!is_sound)
        pause_then(pause_after_error, &UdpPort::wait);
    else if (moderation_.pauses_after(received_, Moderation::Clock::now()))
        pause_then(Moderation::pause, &UdpPort::read);
    else
        wait();
}

void UdpPort::pause_then(std::chrono::microseconds time, void (UdpPort::*next)()) {
    pause_.expires_after(time);
    pause_.async_wait([this, next](const error_code& ec) {
        if (!ec) (this->*next)();
    });
}

bool UdpPort::drain() {
    for (int i = 0; i < batches_per_turn; ++i) {
        // The datagrams of one message stay together, so each may need a batch of its own.
        const auto most = std::min(Arrivals::count, path_.room());
        if (most == 0) return true;
        const int count = receive(most);
        if (count < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return true;
            complain(Level::always, "Receiving packet failed", errno);
            return false;
        }
        if (static_cast<std::size_t>(count) < most) return true;
    }
    return true;
}

/// Reads up to `most` messages. What recvmmsg() returned; the datagrams have been passed on.
int UdpPort::receive(std::size_t most) {
    std::array<iovec, Arrivals::count> vectors;
    std::array<mmsghdr, Arrivals::count> headers;
    std::array<SocketAddress, Arrivals::count> addresses;
    alignas(cmsghdr) std::array<std::array<std::byte, CMSG_SPACE(sizeof(int))>, Arrivals::count>
        controls;
    for (std::size_t i = 0; i < most; ++i) {
        vectors[i] = vector_of(room_.arrivals[i]);
        headers[i] = {};
        auto& message = headers[i].msg_hdr;
        message.msg_name = addresses[i].get();
        message.msg_namelen = sizeof addresses[i].storage;
        message.msg_iov = &vectors[i];
        message.msg_iovlen = 1;
        message.msg_control = controls[i].data();
        message.msg_controllen = controls[i].size();
    }
    const int count = ::recvmmsg(socket_.native_handle(), headers.data(),
                                 static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
    if (count <= 0) return count;
    path_.forget_packets();
    room_.batch.clear();
    sources_.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const auto& header = headers[i];
        const auto source = to_endpoint(addresses[i].get(), header.msg_hdr.msg_namelen);
        const auto joined = room_.arrivals[i].first(header.msg_len);
        if (source) cut(joined, joined_size(header), *source);
    }
    pass_on();
    return count;
}

/// What was sent together stays together if a batch can hold it: it is opened and written at once.
void UdpPort::cut(Bytes joined, std::size_t datagram_bytes, const Endpoint& source) {
    if (joined.empty()) return;
    auto& batch = room_.batch;
    const auto count = (joined.size() + datagram_bytes - 1) / datagram_bytes;
    if (batch.size() + count > batch_size) pass_on();
    do {
        if (batch.is_full()) pass_on();
        const auto datagram = joined.first(std::min(datagram_bytes, joined.size()));
        // One that is too long for the protocol stays so, and is dropped for it.
        batch.add().assign(datagram.first(std::min(datagram.size(), limits::datagram_bytes + 1)));
        sources_.push_back(source);
        joined = joined.subspan(datagram.size());
    } while (!joined.empty());
}

void UdpPort::pass_on() {
    if (room_.batch.is_empty()) return;
    received_ += room_.batch.size();
    path_.from_network(room_.batch, sources_, index_);
    room_.batch.clear();
    sources_.clear();
}

void UdpPort::send(std::span<const plane::Sending> datagrams,
                   std::vector<plane::Sending>& too_big) {
    while (!datagrams.empty()) {
        const auto count = std::min(datagrams.size(), batch_size);
        send_some(datagrams.first(count), too_big);
        datagrams = datagrams.subspan(count);
    }
}

/// How many of the first datagrams can leave in one message.
std::size_t UdpPort::length_of_run(std::span<const plane::Sending> datagrams) const {
    const auto& first = datagrams.front();
    const auto size = first.packet->size();
    if (!cuts_ || first.is_broadcast || size == 0) return 1;
    std::size_t total = size;
    std::size_t count = 1;
    while (count < datagrams.size() && count < datagrams_per_run) {
        const auto& next = datagrams[count];
        total += next.packet->size();
        const bool fits = next.packet->size() <= size && next.packet->size() > 0 &&
                          total <= bytes_per_run && next.remote == first.remote &&
                          next.traffic_class == first.traffic_class && !next.is_broadcast;
        if (!fits) break;
        ++count;
        if (next.packet->size() < size) break;
    }
    return count;
}

void UdpPort::send_some(std::span<const plane::Sending> datagrams,
                        std::vector<plane::Sending>& too_big) {
    runs_.clear();
    while (!datagrams.empty()) {
        const auto length = length_of_run(datagrams);
        runs_.push_back({datagrams.first(length), to_socket_address(datagrams.front().remote)});
        datagrams = datagrams.subspan(length);
    }
    send_runs(runs_, too_big);
}

/// `runs` hold batch_size datagrams at most.
void UdpPort::send_runs(std::span<const Run> runs, std::vector<plane::Sending>& too_big) {
    std::array<iovec, batch_size> vectors;
    std::array<mmsghdr, batch_size> headers;
    std::array<std::optional<Control>, batch_size> controls;
    std::size_t used = 0;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto& run = runs[i];
        const auto& first = run.datagrams.front();
        headers[i] = {};
        auto& message = headers[i].msg_hdr;
        // The kernel only reads it.
        message.msg_name = const_cast<sockaddr*>(run.address.get());
        message.msg_namelen = run.address.size;
        message.msg_iov = &vectors[used];
        message.msg_iovlen = run.datagrams.size();
        for (const auto& sending : run.datagrams)
            vectors[used++] = vector_of(sending.packet->bytes());
        const bool is_cut = run.datagrams.size() > 1;
        const bool has_class = options_.traffic_class == TrafficClass::inherited;
        if (!is_cut && !has_class) continue;
        auto& control = controls[i].emplace(message);
        if (has_class) control.add_traffic_class(options_.family, first.traffic_class);
        if (is_cut)
            control.add(SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(first.packet->size()));
    }
    for (std::size_t at = 0; at < runs.size();) {
        const int sent = ::sendmmsg(socket_.native_handle(), headers.data() + at,
                                    static_cast<unsigned>(runs.size() - at), MSG_DONTWAIT);
        if (sent > 0) {
            at += static_cast<std::size_t>(sent);
            continue;
        }
        if (errno == EINTR) continue;
        run_failed(runs[at], errno, too_big);
        ++at;
    }
}

/// A run of several is tried again one by one where it may be the run that was not wanted: a device
/// that cannot compute checksums (EIO), a path that is too narrow (EINVAL of older kernels).
void UdpPort::run_failed(const Run& run, int code, std::vector<plane::Sending>& too_big) {
    const bool is_one = run.datagrams.size() == 1;
    if (!is_one && (code == EIO || code == EINVAL || code == EMSGSIZE)) {
        if (code == EIO && std::exchange(cuts_, false))
            log_.print(
                Level::always, Severity::notice,
                "The network device cannot cut UDP packets for us ({}); they pass one by one",
                reason_text(code));
        for (const auto& sending : run.datagrams) {
            const std::array single{Run{std::span(&sending, 1), run.address}};
            send_runs(single, too_big);
        }
        return;
    }
    for (const auto& sending : run.datagrams) {
        // What does not fit on some LAN says nothing about the way to the node.
        if (code == EMSGSIZE && !sending.is_broadcast)
            too_big.push_back(sending);
        else
            refused(sending, code);
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
