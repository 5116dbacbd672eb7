#include "io/kernel_device.hpp"

#include "io/flow_steering.hpp"
#include "tinc/packet/coalescer.hpp"
#include "tinc/packet/segmenter.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tinc::io {

namespace {

/// Where tun's packet information (flags, EtherType) lies in a frame.
constexpr std::size_t information_at = 10;
constexpr std::size_t ether_type_at = 12;

/// Packets skipped at once, before others get their turn.
constexpr int most_skipped = 64;

/// TUN_F_USO4 and TUN_F_USO6 of linux/if_tun.h since Linux 6.2.
constexpr unsigned offload_udp4 = 0x20;
constexpr unsigned offload_udp6 = 0x40;

}  // namespace

Result<void> KernelDevice::open() {
    descriptor_.close();
    const auto& path = info().device;
    Descriptor opened(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!opened) {
        const bool is_missing = errno == ENOENT || errno == ENODEV || errno == ENXIO;
        auto text = fmt::format("Could not open {}: {}", path, reason_text(errno));
        if (is_missing)
            text += ". Is the tun module loaded? Try: modprobe tun";
        else if (errno == EACCES || errno == EPERM)
            text += ". Run tincd as root or with CAP_NET_ADMIN";
        return failure(Errc::system, std::move(text));
    }
    TINC_CHECK(attach(opened.number()));
    descriptor_ = std::move(opened);
    return {};
}

/// An interface that somebody made before us may have one queue only (EINVAL).
Result<void> KernelDevice::attach(int descriptor) {
    ifreq request{};
    const int one_queue = queue_ == QueueFlag::one_queue ? IFF_ONE_QUEUE : 0;
    const int multi_queue = queues_ == Queues::several ? IFF_MULTI_QUEUE : 0;
    request.ifr_flags = static_cast<short>(flags() | one_queue | multi_queue);
    interface().copy(request.ifr_name, IFNAMSIZ - 1);
    if (::ioctl(descriptor, TUNSETIFF, &request) != 0) {
        const int code = errno;
        if (code == EINVAL && std::exchange(queues_, Queues::one) == Queues::several)
            return attach(descriptor);
        auto text =
            fmt::format("Error while trying to configure {} as interface {}: {}", info().device,
                        interface().empty() ? "(any)" : interface(), reason_text(code));
        if (code == EPERM) text += ". Run tincd as root or with CAP_NET_ADMIN";
        if (code == EBUSY) text += ". Another program uses this interface";
        return failure(Errc::system, std::move(text));
    }
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    set_interface(request.ifr_name);
    attached(descriptor);
    if (queues_ == Queues::several) {
        if (const auto steered = steer_flows(descriptor); !steered) {
            queues_ = Queues::one;
            why_one_queue_ = ": " + steered.error().what;
        }
    }
    return {};
}

Result<std::unique_ptr<Device>> KernelDevice::another_queue() {
    if (queues_ == Queues::one)
        return failure(Errc::refused,
                       fmt::format("{} has one queue{}", interface(), why_one_queue_));
    auto queue = twin();
    TINC_CHECK(queue->open());
    return queue;
}

struct TunDevice::Offload {
    packet::Segmenter segmenter;
    packet::Coalescer coalescer{packet::Coalescer::Udp::joined};
    std::array<std::byte, packet::offload_header_bytes + packet::Coalescer::most_bytes> read;
    std::array<std::byte, packet::offload_header_bytes> header;
    std::array<iovec, 1 + packet::Coalescer::most_pieces> pieces;
};

TunDevice::TunDevice(std::string device, std::string interface, QueueFlag queue, Queues queues,
                     DeviceOffload offload, LogSink& log)
    : KernelDevice("Linux tun/tap device (tun mode)", std::move(device), std::move(interface),
                   queue, queues),
      wanted_(offload),
      log_(log) {}

TunDevice::~TunDevice() = default;

int TunDevice::flags() const {
    return wanted_ == DeviceOffload::on ? IFF_TUN | IFF_NO_PI | IFF_VNET_HDR : IFF_TUN;
}

void TunDevice::attached(int descriptor) {
    offload_.reset();
    const bool is_told = std::exchange(was_open_, true);
    if (wanted_ == DeviceOffload::off) return;
    offload_ = std::make_unique_for_overwrite<Offload>();
    constexpr unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    if (::ioctl(descriptor, TUNSETOFFLOAD, tcp | offload_udp4 | offload_udp6) == 0) return;
    offload_->coalescer = packet::Coalescer(packet::Coalescer::Udp::alone);
    if (::ioctl(descriptor, TUNSETOFFLOAD, tcp) == 0 || is_told) return;
    log_.print(Level::always, Severity::notice,
               "The kernel does not join packets for {}: {}; they pass one by one", info().device,
               reason_text(errno));
}

std::unique_ptr<KernelDevice> TunDevice::twin() const {
    return std::make_unique<TunDevice>(info().device, interface(), queue_flag(), Queues::several,
                                       wanted_, log_);
}

Device::Reading TunDevice::read(packet::Packet& frame) {
    const auto reading = read_frame(descriptor(), frame, information_at);
    if (reading == Reading::frame) {
        const auto size = std::min(frame.size(), ether_type_at);
        std::ranges::fill(frame.bytes().first(size), std::byte{0});
    }
    return reading;
}

Device::Reading TunDevice::read_some(packet::Batch& batch) {
    if (!offload_) return Device::read_some(batch);
    auto& segmenter = offload_->segmenter;
    if (segmenter.is_done()) {
        if (const auto reading = read_super_packet(); reading != Reading::frame) return reading;
    }
    while (!segmenter.is_done() && !batch.is_full()) segmenter.next(batch.add());
    return Reading::frame;
}

/// What is too large for a VPN, or makes no sense, is skipped.
Device::Reading TunDevice::read_super_packet() {
    const auto space = std::span(offload_->read);
    for (int skipped = 0; skipped < most_skipped;) {
        const auto count = ::read(descriptor(), space.data(), space.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            return reading_failure(errno);
        }
        const auto bytes = Bytes(space).first(static_cast<std::size_t>(count));
        constexpr auto header_bytes = packet::offload_header_bytes;
        if (bytes.size() > header_bytes &&
            offload_->segmenter.start(packet::parse_offload_header(bytes.first<header_bytes>()),
                                      bytes.subspan(header_bytes)))
            return Reading::frame;
        ++skipped;
    }
    return Reading::nothing;
}

bool TunDevice::write(packet::Packet& frame) {
    if (offload_) {
        auto* const one = &frame;
        return write_all(std::span(&one, 1)) == 0;
    }
    if (frame.size() < ethernet_header_bytes) return true;
    const auto bytes = frame.bytes().subspan(information_at);
    bytes[0] = bytes[1] = std::byte{0};
    return write_bytes(descriptor(), bytes);
}

std::size_t TunDevice::write_all(std::span<packet::Packet* const> frames) {
    if (!offload_) return Device::write_all(frames);
    std::size_t refused = 0;
    int code = 0;
    auto& pieces = offload_->pieces;
    pieces[0] = {offload_->header.data(), offload_->header.size()};
    for (const auto& joined : offload_->coalescer.arrange(frames)) {
        packet::write(offload_->header, joined.header);
        std::size_t used = 1;
        for (const auto piece : joined.pieces)
            // The kernel only reads it.
            pieces[used++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        while (::writev(descriptor(), pieces.data(), static_cast<int>(used)) < 0) {
            if (errno == EINTR) continue;
            refused += joined.pieces.size();
            code = errno;
            break;
        }
    }
    errno = code;
    return refused;
}

int TapDevice::flags() const { return IFF_TAP | IFF_NO_PI; }

void TapDevice::attached(int descriptor) {
    ifreq request{};
    if (::ioctl(descriptor, SIOCGIFHWADDR, &request) == 0)
        std::memcpy(own_mac_.data(), request.ifr_hwaddr.sa_data, own_mac_.size());
}

std::unique_ptr<KernelDevice> TapDevice::twin() const {
    return std::make_unique<TapDevice>(info().device, interface(), queue_flag(), Queues::several,
                                       receiver_);
}

bool TapDevice::write(packet::Packet& frame) {
    if (frame.size() < ethernet_header_bytes) return true;
    const auto bytes = frame.bytes();
    if (receiver_ == Receiver::own_interface) std::ranges::copy(own_mac_, bytes.begin());
    return write_bytes(descriptor(), bytes);
}

}  // namespace tinc::io
