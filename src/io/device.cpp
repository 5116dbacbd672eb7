#include "io/device.hpp"

#include "tinc/base/limits.hpp"

namespace tinc::io {

namespace {

/// Packets skipped at once, before others get their turn.
constexpr int most_skipped = 64;

}  // namespace

Result<std::unique_ptr<Device>> Device::another_queue() {
    return failure(Errc::refused, "A " + info_.description + " has one queue");
}

Device::Reading Device::read_some(packet::Batch& batch) {
    const auto reading = read(batch.add());
    if (reading != Reading::frame) batch.drop_last();
    return reading;
}

std::size_t Device::write_all(std::span<packet::Packet* const> frames) {
    std::size_t refused = 0;
    int code = 0;
    for (auto* frame : frames) {
        if (write(*frame)) continue;
        ++refused;
        code = errno;
    }
    errno = code;
    return refused;
}

Device::Reading read_frame(int descriptor, packet::Packet& frame, std::size_t offset) {
    for (int skipped = 0; skipped < most_skipped;) {
        // One byte more than a frame may have shows which ones are too long.
        const auto space = frame.space().first(limits::frame_bytes + 1).subspan(offset);
        const auto count = ::read(descriptor, space.data(), space.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            return reading_failure(errno);
        }
        const auto size = offset + static_cast<std::size_t>(count);
        if (size <= limits::frame_bytes) {
            frame.resize(size);
            return Device::Reading::frame;
        }
        ++skipped;
    }
    return Device::Reading::nothing;
}

Device::Reading reading_failure(int code) {
    if (code == EAGAIN || code == EWOULDBLOCK) return Device::Reading::nothing;
    const bool is_gone = code == EBADFD || code == ENODEV || code == ENXIO;
    return is_gone ? Device::Reading::gone : Device::Reading::failed;
}

bool write_bytes(int descriptor, Bytes bytes) {
    for (;;) {
        if (::write(descriptor, bytes.data(), bytes.size()) >= 0) return true;
        if (errno != EINTR) return false;
    }
}

}  // namespace tinc::io
