#pragma once

// The only place that includes Asio. Boost 1.74 needs repairs with today's compilers: its
// awaitable.hpp uses std::exchange without <utility>, it does not see that clang has coroutines,
// and g++ takes its recycled coroutine frames for memory that is freed in a wrong way.

#include <utility>

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 reports the frames of coroutines themselves, so this holds for all of a file.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

#if defined(__clang__)
#define BOOST_ASIO_HAS_CO_AWAIT 1
#define BOOST_ASIO_HAS_STD_COROUTINE 1
#endif

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tinc::io {

namespace asio = boost::asio;
using boost::system::error_code;

template <class T>
using awaitable = asio::awaitable<T>;

/// `co_await x.async_y(..., to_coroutine(ec))`: the error goes to `ec`, nothing is thrown.
[[nodiscard]] inline auto to_coroutine(error_code& ec) {
    return asio::redirect_error(asio::use_awaitable, ec);
}

}  // namespace tinc::io
