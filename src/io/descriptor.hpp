#pragma once

#include "tinc/base/error.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace tinc::io {

/// One open file descriptor with one owner.
class Descriptor {
  public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            close();
            number_ = other.release();
        }
        return *this;
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() { close(); }

    [[nodiscard]] int number() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(number_, -1); }
    void close() {
        if (number_ >= 0) ::close(release());
    }

  private:
    int number_ = -1;
};

/// The system's words for an errno value; safe in threads.
[[nodiscard]] inline std::string reason_text(int code) {
    return std::generic_category().message(code);
}

/// Errc::system with "WHAT: reason of errno".
[[nodiscard]] inline std::unexpected<Error> system_failure(std::string_view what,
                                                           int code = errno) {
    return failure(Errc::system, std::string(what) + ": " + reason_text(code));
}

}  // namespace tinc::io
