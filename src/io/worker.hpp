#pragma once

#include "io/arrivals.hpp"
#include "io/asio.hpp"
#include "io/control_calls.hpp"
#include "io/data_path.hpp"
#include "io/descriptor.hpp"
#include "io/device.hpp"
#include "io/errand_ring.hpp"
#include "io/kernel_routes.hpp"
#include "io/packet_sender.hpp"
#include "io/system_random.hpp"
#include "io/tun_queue.hpp"
#include "io/udp_port.hpp"
#include "io/worker_log.hpp"
#include "tinc/node/plane_order.hpp"
#include "tinc/packet/packet.hpp"
#include "tinc/plane/outbox.hpp"
#include "tinc/plane/plane.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace tinc::io {

/// One thread that carries packets: it has its own Plane, queue of the device, UDP sockets and
/// buffers, and shares none of them. Packets of nodes that other workers have go to those.
class Worker final : public DataPath {
  public:
    enum class Receiving : std::uint8_t { yes, no };
    struct Socket {
        Descriptor descriptor;
        UdpPort::Options options;
        Receiving receiving = Receiving::yes;
    };
    struct Plan {
        plane::Share share;
        std::string own_name;
        Device& device;  ///< open; nobody else reads or writes it
        std::vector<Socket> sockets;
    };
    /// A datagram that the system refused for its size.
    struct TooBig {
        NodeIndex node{};
        std::size_t frame_bytes = 0;
    };
    struct Report {
        std::vector<plane::Event> events;
        std::vector<TooBig> too_big;
    };
    /// What the control thread hears, on its own thread.
    struct Events {
        std::function<void(Report)> met;
        TunQueue::Events device;
    };

    /// The references outlive this object.
    Worker(Plan plan, Events events, Log& log, asio::io_context& control);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    ~Worker() override;

    /// All of them, this one included, in the order of their numbers.
    void start(std::span<const std::unique_ptr<Worker>> workers);
    /// Waits for the end of the thread, which comes at once.
    void stop();

    // --- from any thread -----------------------------------------------------------------------
    /// Packets that are too many are dropped; all other orders are carried out.
    void order(std::vector<node::PlaneOrder> orders);
    [[nodiscard]] plane::DeviceBytes carried() const;

    // --- from its own thread -------------------------------------------------------------------
    [[nodiscard]] std::size_t room() const override;
    void from_device(packet::Batch& frames) override;
    void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                      SocketIndex socket) override;
    void forget_packets() override { outbox_.clear(); }

  private:
    void run();
    void finish();
    void leave_errands();
    void leave(std::size_t number);
    void report();
    void report_later();
    void complain();

    /// From the thread of another worker: there is a load in its ring.
    void wake();
    void wait_for_errands();
    void do_errands();

    [[nodiscard]] TunQueue::Events device_events();
    void carry_out(std::vector<node::PlaneOrder>& orders);

    Events events_;
    ControlCalls reports_;
    ControlCalls device_news_;  ///< which is rare, and must not be lost
    WorkerLog log_;
    asio::io_context loop_{1};
    SystemRandom random_;
    KernelRoutes routes_;
    plane::Plane plane_;
    plane::Outbox outbox_;
    std::uint32_t number_;

    packet::Batch batch_;
    Arrivals arrivals_;
    TunQueue device_;
    std::vector<std::unique_ptr<UdpPort>> ports_;
    std::vector<Receiving> receiving_;  ///< of the ports
    PacketSender sender_;
    std::vector<plane::Sending> too_big_;
    asio::steady_timer report_later_;
    bool has_more_to_report_ = false;
    std::atomic<std::size_t> packets_ordered_ = 0;

    std::span<const std::unique_ptr<Worker>> workers_;
    std::vector<std::unique_ptr<ErrandRing>> rings_;  ///< from each other worker; null from itself
    std::vector<ErrandRing::Load*> loads_;            ///< for each other worker, being filled
    asio::posix::stream_descriptor bell_;
    std::atomic<bool> is_rung_ = false;

    std::atomic<std::uint64_t> bytes_in_ = 0;
    std::atomic<std::uint64_t> bytes_out_ = 0;
    std::uint64_t lost_errands_ = 0;
    std::chrono::steady_clock::time_point next_complaint_{};
    std::thread thread_;
};

}  // namespace tinc::io
