#pragma once

#include "io/descriptor.hpp"
#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/node/node.hpp"
#include "tinc/packet/packet.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace tinc::io {

/// The virtual network device: where the frames of this node come from and go to. Frames always
/// carry an Ethernet header; kinds that deal in bare IP packets make one up.
class Device {
  public:
    /// `interface` is what scripts are told until the system has a better name.
    Device(node::DeviceInfo info, std::string interface)
        : info_(std::move(info)), interface_(std::move(interface)) {}
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual ~Device() = default;

    /// Opens it, or opens it anew after it was gone. The error says what to do; Errc::refused: to
    /// try again later is in vain.
    [[nodiscard]] virtual Result<void> open() = 0;
    virtual void close() = 0;
    /// Whether another thread than the one that has opened it may use it: it logs nothing.
    [[nodiscard]] virtual bool suits_workers() const { return false; }
    /// One more queue of the same open interface, open; threads may use different queues at the
    /// same time. Errc::refused if the kind or the kernel has only one.
    [[nodiscard]] virtual Result<std::unique_ptr<Device>> another_queue();
    /// Becomes readable when read() has something to do. -1 if it never has.
    [[nodiscard]] virtual int descriptor() const = 0;

    enum class Reading : std::uint8_t {
        frame,
        nothing,  ///< for the moment
        failed,   ///< errno says why; later it may work
        gone      ///< errno says why; only open() helps
    };
    /// Reads one frame into an empty packet. Frames that exceed limits::frame_bytes are skipped.
    [[nodiscard]] virtual Reading read(packet::Packet& frame) = 0;
    /// Appends what one reading brings to a batch that is not full: a frame, or all that the kernel
    /// hands over at once. What the batch cannot hold comes with the next call.
    [[nodiscard]] virtual Reading read_some(packet::Batch& batch);
    /// False if the system did not take it (the interface is down); errno says why.
    virtual bool write(packet::Packet& frame) = 0;
    /// Writes all frames, in order; they may be changed. How many the system did not take; errno
    /// says why not the last of those.
    [[nodiscard]] virtual std::size_t write_all(std::span<packet::Packet* const> frames);

    /// What the log says when it is open.
    [[nodiscard]] virtual std::string greeting() const {
        return info_.device + " is a " + info_.description;
    }
    [[nodiscard]] const node::DeviceInfo& info() const { return info_; }
    /// The name of the network interface, if the kind has one.
    [[nodiscard]] const std::string& interface() const { return interface_; }

  protected:
    void set_interface(std::string name) { interface_ = std::move(name); }

  private:
    node::DeviceInfo info_;
    std::string interface_;
};

// For the kinds.

inline constexpr std::size_t ethernet_header_bytes = 14;
inline constexpr std::size_t mac_bytes = 6;

/// To whom written frames are addressed. A router's are for its own interface, whatever MAC
/// address they travelled with.
enum class Receiver : std::uint8_t { as_sent, own_interface };

/// Reads one packet from a descriptor that does not block, to `offset` in the frame; what is
/// before it is left as it is.
[[nodiscard]] Device::Reading read_frame(int descriptor, packet::Packet& frame, std::size_t offset);

/// What a read that failed with this errno means.
[[nodiscard]] Device::Reading reading_failure(int code);

/// Writes one packet; false if the system did not take it.
bool write_bytes(int descriptor, Bytes bytes);

}  // namespace tinc::io
