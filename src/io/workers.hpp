#pragma once

#include "io/asio.hpp"
#include "io/log.hpp"
#include "io/worker.hpp"
#include "tinc/node/plane_order.hpp"
#include "tinc/plane/plane.hpp"

#include <cstddef>
#include <memory>
#include <vector>

namespace tinc::io {

/// The threads that carry packets. Nodes are divided among them; what the Node wants of the data
/// plane is handed to the one that has the node, or to all.
class Workers {
  public:
    /// `control` is the loop of the control thread. The references outlive this object.
    Workers(asio::io_context& control, Log& log) : control_(control), log_(log) {}
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers();

    /// Before start(). The numbers of their shares are 0, 1, 2 ...
    void add(Worker::Plan plan, Worker::Events events);
    void start();

    void hand_out(std::vector<node::PlaneOrder> orders);
    [[nodiscard]] plane::DeviceBytes carried() const;

  private:
    asio::io_context& control_;
    Log& log_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

/// How many there are by default: none on small machines, where the control thread does it.
[[nodiscard]] std::size_t usual_workers();

}  // namespace tinc::io
