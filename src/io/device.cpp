#include "io/device.hpp"

#include "tinc/base/limits.hpp"

namespace tinc::io {

namespace {

/// Packets skipped at once, before others get their turn.
constexpr int most_skipped = 64;

bool is_gone(int code) { return code == EBADFD || code == ENODEV || code == ENXIO; }

}  // namespace

Device::Reading read_frame(int descriptor, packet::Packet& frame, std::size_t offset) {
    for (int skipped = 0; skipped < most_skipped;) {
        // One byte more than a frame may have shows which ones are too long.
        const auto space = frame.space().first(limits::frame_bytes + 1).subspan(offset);
        const auto count = ::read(descriptor, space.data(), space.size());
        if (count < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK) return Device::Reading::nothing;
            return is_gone(errno) ? Device::Reading::gone : Device::Reading::failed;
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

bool write_bytes(int descriptor, Bytes bytes) {
    for (;;) {
        if (::write(descriptor, bytes.data(), bytes.size()) >= 0) return true;
        if (errno != EINTR) return false;
    }
}

}  // namespace tinc::io
