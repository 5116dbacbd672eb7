#pragma once

#include "io/device.hpp"
#include "tinc/base/log.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace tinc::io {

/// Whether the device sets IFF_ONE_QUEUE, which old kernels knew.
enum class QueueFlag : std::uint8_t { usual, one_queue };

/// Whether the interface gets one queue for each thread that wants one.
enum class Queues : std::uint8_t { one, several };

/// A network interface that the kernel makes for us, by way of /dev/net/tun.
class KernelDevice : public Device {
  public:
    /// An empty `interface` lets the kernel choose a name.
    KernelDevice(std::string description, std::string device, std::string interface,
                 QueueFlag queue, Queues queues)
        : Device({std::move(description), std::move(device)}, std::move(interface)),
          queue_(queue),
          queues_(queues) {}

    [[nodiscard]] Result<void> open() override;
    void close() override { descriptor_.close(); }
    [[nodiscard]] bool suits_workers() const override { return true; }
    [[nodiscard]] Result<std::unique_ptr<Device>> another_queue() override;
    [[nodiscard]] int descriptor() const override { return descriptor_.number(); }

  protected:
    [[nodiscard]] QueueFlag queue_flag() const { return queue_; }

  private:
    /// Another device of the same kind, with the same options, for the interface of this one.
    [[nodiscard]] virtual std::unique_ptr<KernelDevice> twin() const = 0;
    /// The flags that make the interface this kind.
    [[nodiscard]] virtual int flags() const = 0;
    /// Called with the new descriptor before it is used.
    virtual void attached(int descriptor) = 0;
    [[nodiscard]] Result<void> attach(int descriptor);

    QueueFlag queue_;
    Queues queues_;
    std::string why_one_queue_;  ///< if several were wanted
    Descriptor descriptor_;
};

/// Whether the kernel may hand over and take many packets of a flow as one.
enum class DeviceOffload : std::uint8_t { off, on };

/// IP packets. A frame's Ethernet header is made of zeros and the EtherType.
///
/// With offload a packet that the kernel hands over may stand for many of the same flow, up to 64
/// KiB of them: it is cut here, and what goes the other way is joined. Without it, the header is
/// made by laying tun's 4 bytes of packet information over its end:
///
///     frame      0 ........ 9 | 10 11 | 12 13     | 14 ...
///     tun reads               | flags | EtherType | IP packet
///
class TunDevice final : public KernelDevice {
  public:
    TunDevice(std::string device, std::string interface, QueueFlag queue, Queues queues,
              DeviceOffload offload, LogSink& log);
    ~TunDevice() override;

    [[nodiscard]] Reading read(packet::Packet& frame) override;
    [[nodiscard]] Reading read_some(packet::Batch& batch) override;
    bool write(packet::Packet& frame) override;
    [[nodiscard]] std::size_t write_all(std::span<packet::Packet* const> frames) override;

  private:
    struct Offload;

    [[nodiscard]] int flags() const override;
    void attached(int descriptor) override;
    [[nodiscard]] std::unique_ptr<KernelDevice> twin() const override;
    [[nodiscard]] Reading read_super_packet();

    DeviceOffload wanted_;
    LogSink& log_;
    bool was_open_ = false;
    std::unique_ptr<Offload> offload_;  ///< null if there is none
};

/// Ethernet frames.
class TapDevice final : public KernelDevice {
  public:
    TapDevice(std::string device, std::string interface, QueueFlag queue, Queues queues,
              Receiver receiver)
        : KernelDevice("Linux tun/tap device (tap mode)", std::move(device), std::move(interface),
                       queue, queues),
          receiver_(receiver) {}

    [[nodiscard]] Reading read(packet::Packet& frame) override {
        return read_frame(descriptor(), frame, 0);
    }
    bool write(packet::Packet& frame) override;

  private:
    [[nodiscard]] int flags() const override;
    void attached(int descriptor) override;
    [[nodiscard]] std::unique_ptr<KernelDevice> twin() const override;

    Receiver receiver_;
    std::array<std::byte, mac_bytes> own_mac_ = {std::byte{0xfe}, std::byte{0xfd}};
};

}  // namespace tinc::io
