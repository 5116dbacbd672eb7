#pragma once

#include "io/descriptor.hpp"

#include <sys/epoll.h>

namespace tinc::io {

/// One descriptor that is readable while any of several is. It does not own them.
class Readiness {
  public:
    Readiness() : set_(::epoll_create1(EPOLL_CLOEXEC)) {}

    [[nodiscard]] int descriptor() const { return set_.number(); }
    /// False if the system refuses.
    [[nodiscard]] bool add(int descriptor) {
        epoll_event event{};
        event.events = EPOLLIN;
        return ::epoll_ctl(set_.number(), EPOLL_CTL_ADD, descriptor, &event) == 0;
    }
    /// A descriptor that is closed needs none.
    void remove(int descriptor) { ::epoll_ctl(set_.number(), EPOLL_CTL_DEL, descriptor, nullptr); }

  private:
    Descriptor set_;
};

}  // namespace tinc::io
