#pragma once

#include "io/device.hpp"
#include "io/readiness.hpp"
#include "tinc/base/log.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tinc::io {

/// A User Mode Linux as the device, by the protocol of its `daemon` network transport:
///
///     UML    connects to our stream socket, sends a request with the address of its data socket
///     we     answer with the address of ours
///     both   send frames as datagrams, until UML closes the stream
///
/// One UML at a time; the next waits in the socket's queue until the first has gone. (For 1.0.36
/// the first is the only one ever.)
class UmlDevice final : public Device {
  public:
    /// `path` is where the stream socket will be. `interface` is only a name for scripts.
    UmlDevice(std::string path, std::string interface, Receiver receiver, LogSink& log)
        : Device({"UML network socket", std::move(path)}, std::move(interface)),
          receiver_(receiver),
          log_(log) {}
    UmlDevice(const UmlDevice&) = delete;
    UmlDevice& operator=(const UmlDevice&) = delete;
    ~UmlDevice() override { close(); }

    /// A socket that a daemon left behind when it was killed is replaced.
    [[nodiscard]] Result<void> open() override;
    void close() override;
    [[nodiscard]] int descriptor() const override { return ready_.descriptor(); }
    [[nodiscard]] Reading read(packet::Packet& frame) override;
    bool write(packet::Packet& frame) override;

  private:
    /// magic, version, type, sockaddr_un, and 2 bytes that fill up the structure.
    static constexpr std::size_t request_bytes = 124;

    enum class State : std::uint8_t {
        listening,   ///< for UML to connect
        requesting,  ///< it is connected; its request is awaited
        connected    ///< frames pass
    };
    [[nodiscard]] Result<void> remove_stale_socket() const;
    void accept_uml();
    void read_request();
    void watch_for_end();
    [[nodiscard]] Result<void> answer_request();
    void listen_anew();
    void learn_mac(Bytes frame);

    Receiver receiver_;
    LogSink& log_;
    State state_ = State::listening;
    Readiness ready_;
    Descriptor folder_;  ///< of the socket's path, which chroot may put out of reach
    Descriptor listening_;
    Descriptor control_;
    Descriptor data_;
    /// As UML makes it up, until it says something else.
    std::array<std::byte, mac_bytes> uml_mac_ = {std::byte{0xfe}, std::byte{0xfd}};
    std::array<std::byte, request_bytes> request_{};
    std::size_t request_used_ = 0;
};

}  // namespace tinc::io
