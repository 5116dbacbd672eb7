#include "io/worker.hpp"

#include "io/blocked_signals.hpp"
#include "io/clock.hpp"
#include "io/guard.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <limits>
#include <system_error>
#include <utility>
#include <variant>

namespace tinc::io {

namespace {

constexpr std::size_t most_device_news = 64;
constexpr std::chrono::milliseconds pause_of_reports{1};

Descriptor make_bell() {
    Descriptor bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!bell) throw std::system_error(errno, std::generic_category(), "eventfd");
    return bell;
}

bool is_packet(const node::PlaneOrder& order) {
    return std::holds_alternative<node::RoutePacket>(order) ||
           std::holds_alternative<node::CarryPacket>(order) ||
           std::holds_alternative<mesh::CarrySptpsPacket>(order);
}

}  // namespace

Worker::Worker(Plan plan, Events events, Log& log, asio::io_context& control)
    : events_(std::move(events)),
      reports_(control, limits::worker_reports),
      device_news_(control, most_device_news),
      log_(log, control),
      plane_({}, std::move(plan.own_name), random_, log_, plan.share),
      number_(plan.share.number),
      device_(loop_, *this, log_, batch_, plan.device, device_events()),
      report_later_(loop_),
      loads_(plan.share.planes),
      bell_(loop_) {
    plane_.use(routes_);
    for (auto& socket : plan.sockets) {
        const auto index = static_cast<SocketIndex>(ports_.size());
        ports_.push_back(
            std::make_unique<UdpPort>(loop_, *this, log_, ReceivingRoom{arrivals_, batch_},
                                      std::move(socket.descriptor), index, socket.options));
        receiving_.push_back(socket.receiving);
    }
    sender_.employ(&device_, &ports_);
    for (std::uint32_t i = 0; i < plan.share.planes; ++i)
        rings_.push_back(i == number_ ? nullptr : std::make_unique<ErrandRing>());
    bell_.assign(make_bell().release());
}

Worker::~Worker() { stop(); }

/// The device is the thread's, the operator the control thread's.
TunQueue::Events Worker::device_events() {
    return {[this] { device_news_.post([this] { events_.device.reopened(); }); },
            [this](const std::string& why) {
                device_news_.post([this, why] { events_.device.given_up(why); });
            }};
}

void Worker::start(std::span<const std::unique_ptr<Worker>> workers) {
    workers_ = workers;
    for (std::size_t i = 0; i < ports_.size(); ++i)
        if (receiving_[i] == Receiving::yes) ports_[i]->start();
    device_.start();
    wait_for_errands();
    const BlockedSignals none;
    thread_ = std::thread([this] { run(); });
}

void Worker::stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
}

/// No exception ends the thread: what its handler was about is lost.
void Worker::run() {
    ::pthread_setname_np(::pthread_self(), fmt::format("packets/{}", number_).c_str());
    const auto work = asio::make_work_guard(loop_);
    for (;;) {
        try {
            loop_.run();
            return;
        } catch (const std::exception& problem) {
            log_.print(Level::always, Severity::error, "Internal error: {}", problem.what());
        }
    }
}

void Worker::order(std::vector<node::PlaneOrder> orders) {
    std::erase_if(orders, [this](const node::PlaneOrder& order) {
        if (!is_packet(order)) return false;
        if (packets_ordered_.fetch_add(1, std::memory_order_relaxed) < limits::worker_packets)
            return false;
        packets_ordered_.fetch_sub(1, std::memory_order_relaxed);
        return true;
    });
    asio::post(loop_, [this, orders = std::move(orders)]() mutable { carry_out(orders); });
}

void Worker::carry_out(std::vector<node::PlaneOrder>& orders) {
    for (auto& order : orders) {
        if (is_packet(order)) packets_ordered_.fetch_sub(1, std::memory_order_relaxed);
        guarded(log_, "Carrying out what was decided failed",
                [&] { node::carry_out(std::move(order), plane_, now(), outbox_); });
    }
    guarded(log_, "Carrying packets failed", [this] { finish(); });
}

plane::DeviceBytes Worker::carried() const {
    return {bytes_in_.load(std::memory_order_relaxed), bytes_out_.load(std::memory_order_relaxed)};
}

/// A batch brings one load for each colleague at most. The last one is for copies of packets.
std::size_t Worker::room() const {
    auto room = std::numeric_limits<std::size_t>::max();
    for (const auto& worker : workers_)
        if (const auto& ring = worker->rings_[number_]; ring)
            room = std::min(room, ring->empty_loads());
    return room == 0 ? 0 : room - 1;
}

void Worker::from_device(packet::Batch& frames) {
    plane_.from_device(frames, now(), outbox_);
    finish();
}

void Worker::from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                          SocketIndex socket) {
    plane_.from_network(datagrams, sources, socket, now(), outbox_);
    finish();
}

/// The end of everything that may have made packets.
void Worker::finish() {
    sender_.send(outbox_, too_big_);
    leave_errands();
    outbox_.clear();
    report();
}

/// A load takes what one turn brings; it does not wait for more.
void Worker::leave_errands() {
    for (const auto& left : outbox_.errands()) {
        auto*& load = loads_[left.plane];
        if (load == nullptr) load = workers_[left.plane]->rings_[number_]->empty_load();
        if (load == nullptr) {
            ++lost_errands_;
            continue;
        }
        load->add(std::as_const(*left.packet).bytes(), left.errand);
        if (load->is_full()) leave(left.plane);
    }
    for (std::size_t i = 0; i < loads_.size(); ++i)
        if (loads_[i] != nullptr) leave(i);
    if (lost_errands_ > 0) complain();
}

/// Copies of packets, or those that go from worker to worker, were more than there was room for.
void Worker::complain() {
    const auto time = std::chrono::steady_clock::now();
    if (time < next_complaint_) return;
    next_complaint_ = time + std::chrono::seconds(1);
    log_.print(Level::traffic, Severity::warning,
               "{} packets were dropped that another thread had no room for",
               std::exchange(lost_errands_, 0U));
}

void Worker::leave(std::size_t number) {
    loads_[number] = nullptr;
    workers_[number]->rings_[number_]->publish();
    workers_[number]->wake();
}

void Worker::report() {
    const auto& carried = plane_.device_bytes();
    bytes_in_.store(carried.in, std::memory_order_relaxed);
    bytes_out_.store(carried.out, std::memory_order_relaxed);
    if (has_more_to_report_) return;
    if (!reports_.has_room()) return report_later();
    Report report{plane_.take_events(), {}};
    for (const auto& sending : too_big_)
        report.too_big.push_back({sending.node, sending.frame_bytes});
    too_big_.clear();
    if (report.events.empty() && report.too_big.empty()) return;
    reports_.post([this, report = std::move(report)]() mutable { events_.met(std::move(report)); });
}

/// The control thread is behind. What it has not heard of yet has its limits in the Plane.
void Worker::report_later() {
    too_big_.clear();  // the system will say it again
    has_more_to_report_ = true;
    report_later_.expires_after(pause_of_reports);
    report_later_.async_wait([this](const error_code& ec) {
        if (ec) return;
        has_more_to_report_ = false;
        report();
    });
}

void Worker::wake() {
    // Whoever finds it rung has its load seen by who was rung for before.
    if (is_rung_.exchange(true, std::memory_order_acq_rel)) return;
    ::eventfd_write(bell_.native_handle(), 1);
}

void Worker::wait_for_errands() {
    bell_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& ec) {
        if (ec) return;
        eventfd_t count = 0;
        ::eventfd_read(bell_.native_handle(), &count);
        is_rung_.exchange(false, std::memory_order_acq_rel);
        do_errands();
        wait_for_errands();
    });
}

/// Each colleague's ring once; what comes meanwhile rings anew.
void Worker::do_errands() {
    for (const auto& ring : rings_) {
        if (!ring) continue;
        for (std::size_t i = 0; i < limits::errand_loads; ++i) {
            auto* const load = ring->oldest();
            if (load == nullptr) break;
            guarded(log_, "Carrying packets failed", [&] {
                outbox_.clear();
                plane_.take_over(load->packets, load->errands(), now(), outbox_);
                finish();
            });
            ring->release();
        }
    }
}

}  // namespace tinc::io
