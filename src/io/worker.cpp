#include "io/worker.hpp"

#include "io/blocked_signals.hpp"
#include "io/clock.hpp"
#include "io/guard.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace tinc::io {

namespace {

Descriptor make_bell() { return Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

}  // namespace

Worker::Worker(Plan plan, Events events, Log& log, ControlCalls& calls)
    : events_(std::move(events)),
      calls_(calls),
      log_(log, calls),
      plane_({}, std::move(plan.own_name), random_, log_, plan.share),
      number_(plan.share.number),
      device_(loop_, *this, log_, batch_, plan.device, device_events()),
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
    auto bell = make_bell();
    if (bell) bell_.assign(bell.release());
}

Worker::~Worker() { stop(); }

/// The device is the thread's, the operator the control thread's.
TunQueue::Events Worker::device_events() {
    return {[this] { calls_.post([this] { events_.device.reopened(); }); },
            [this](const std::string& why) {
                calls_.post([this, why] { events_.device.given_up(why); });
            }};
}

void Worker::start(std::span<const std::unique_ptr<Worker>> workers) {
    workers_ = workers;
    for (std::size_t i = 0; i < ports_.size(); ++i)
        if (receiving_[i] == Receiving::yes) ports_[i]->start();
    device_.start();
    if (bell_.is_open()) wait_for_errands();
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
    asio::post(loop_, [this, orders = std::move(orders)]() mutable {
        for (auto& order : orders)
            guarded(log_, "Carrying out what was decided failed", [&] {
                node::carry_out(std::move(order), plane_, now(), outbox_);
                finish();
            });
    });
}

plane::DeviceBytes Worker::carried() const {
    return {bytes_in_.load(std::memory_order_relaxed), bytes_out_.load(std::memory_order_relaxed)};
}

/// A batch brings one load for each colleague at most. The last one is for copies of packets.
std::size_t Worker::room() const {
    std::size_t room = limits::errand_loads;
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
    for (const auto& sending : too_big_)
        calls_.post([this, refused = TooBig{sending.node, sending.frame_bytes}] {
            events_.too_big(refused);
        });
    too_big_.clear();
    auto events = plane_.take_events();
    if (events.empty()) return;
    calls_.post([this, events = std::move(events)]() mutable { events_.met(std::move(events)); });
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
