#pragma once

// How everything in this house says that something went wrong.
//
//     the outside world was wrong (peer, file, kernel)   Result<T> with an Error
//     a packet cannot be forwarded                       plane::Drop, counted, without text
//     we were wrong                                      TINC_ASSERT, never on what a peer can
//     cause

#include <cstdint>
#include <cstdlib>
#include <expected>
#include <string>
#include <utility>

namespace tinc {

/// What went wrong, sorted by what the caller can do about it.
enum class Errc : std::uint8_t {
    malformed,  ///< not in the format; drop it, and if it was a meta line drop the peer too
    refused,    ///< well formed, but policy or the present state forbids it
    forged,     ///< authentication failed; count it and never answer
    exhausted,  ///< a limit of base/limits.hpp was reached
    timed_out,  ///< a deadline passed
    closed,     ///< the other side is gone; normal at shutdown
    system,     ///< the operating system refused; `what` ends with its reason
};

/// A code to branch on, and one sentence for the operator.
///
/// `what` names the thing that failed, not the function that noticed, and never contains key
/// material: "tinc.conf:12: PingInterval: 0 is below the minimum of 1 s".
struct Error {
    Errc code;
    std::string what;

    friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
using Result = std::expected<T, Error>;

/// The short way to fail: `return failure(Errc::malformed, "...")`.
[[nodiscard]] inline std::unexpected<Error> failure(Errc code, std::string what) {
    return std::unexpected(Error{code, std::move(what)});
}

/// Prints the broken expectation to standard error and aborts.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace tinc

#define TINC_CONCAT_INNER(a, b) a##b
#define TINC_CONCAT(a, b) TINC_CONCAT_INNER(a, b)

/// `TINC_TRY(auto x, f())` binds the value of a Result or returns its error to the caller.
#define TINC_TRY(declaration, ...)                                                      \
    auto TINC_CONCAT(tinc_result_, __LINE__) = (__VA_ARGS__);                           \
    if (!TINC_CONCAT(tinc_result_, __LINE__))                                           \
        return std::unexpected(std::move(TINC_CONCAT(tinc_result_, __LINE__)).error()); \
    declaration = *std::move(TINC_CONCAT(tinc_result_, __LINE__))

/// `TINC_CHECK(f())` returns the error of a Result<void>, if it has one, to the caller.
#define TINC_CHECK(...)                                              \
    do {                                                             \
        if (auto tinc_checked = (__VA_ARGS__); !tinc_checked)        \
            return std::unexpected(std::move(tinc_checked).error()); \
    } while (false)

/// States what only a mistake of ours can break. Also in release builds.
#define TINC_ASSERT(expression) \
    ((expression) ? void(0) : ::tinc::assertion_failed(#expression, __FILE__, __LINE__))
