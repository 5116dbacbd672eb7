#include "io/workers.hpp"

#include <sched.h>

#include <algorithm>
#include <utility>

namespace tinc::io {

namespace {

/// Fewer processors than this are best used by one thread: more would only take turns.
constexpr int processors_for_workers = 4;
constexpr int most_usual_workers = 4;

}  // namespace

/// They speak to each other until the last has stopped.
Workers::~Workers() {
    for (const auto& worker : workers_) worker->stop();
}

void Workers::add(Worker::Plan plan, Worker::Events events) {
    workers_.push_back(
        std::make_unique<Worker>(std::move(plan), std::move(events), log_, control_));
}

void Workers::start() {
    for (const auto& worker : workers_) worker->start(workers_);
}

void Workers::hand_out(std::vector<node::PlaneOrder> orders) {
    if (orders.empty()) return;
    const plane::Share share{0, static_cast<std::uint32_t>(workers_.size())};
    std::vector<std::vector<node::PlaneOrder>> of_worker(workers_.size());
    for (auto& order : orders) {
        if (const auto node = node::addressee(order)) {
            of_worker[share.plane_of(*node)].push_back(std::move(order));
            continue;
        }
        for (std::size_t i = 1; i < workers_.size(); ++i)
            of_worker[i].push_back(node::copy_of(order));
        of_worker.front().push_back(std::move(order));
    }
    for (std::size_t i = 0; i < workers_.size(); ++i)
        if (!of_worker[i].empty()) workers_[i]->order(std::move(of_worker[i]));
}

plane::DeviceBytes Workers::carried() const {
    plane::DeviceBytes all;
    for (const auto& worker : workers_) {
        const auto one = worker->carried();
        all.in += one.in;
        all.out += one.out;
    }
    return all;
}

std::size_t usual_workers() {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 0;
    const int processors = CPU_COUNT(&set);
    if (processors < processors_for_workers) return 0;
    return static_cast<std::size_t>(std::min(processors / 2, most_usual_workers));
}

}  // namespace tinc::io
