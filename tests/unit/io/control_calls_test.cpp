#include "io/control_calls.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <optional>
#include <thread>

namespace tinc::io {
namespace {

TEST(ControlCallsTest, AreMadeOnTheThreadOfTheLoop) {
    asio::io_context loop;
    ControlCalls calls(loop, 3);
    std::optional<std::thread::id> made_on;
    std::thread([&] {
        EXPECT_TRUE(calls.post([&] { made_on = std::this_thread::get_id(); }));
    }).join();
    EXPECT_FALSE(made_on);
    loop.run();
    EXPECT_EQ(made_on, std::this_thread::get_id());
}

TEST(ControlCallsTest, AreLeftOutWhenTooManyWait) {
    asio::io_context loop;
    ControlCalls calls(loop, 3);
    std::size_t made = 0;
    for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(calls.post([&] { ++made; }));
    EXPECT_FALSE(calls.has_room());
    EXPECT_FALSE(calls.post([&] { ++made; }));
    loop.run();
    EXPECT_EQ(made, 3U);
    EXPECT_TRUE(calls.post([&] { ++made; })) << "there is room again";
}

TEST(ControlCallsTest, AreNotMadeAfterTheirEnd) {
    asio::io_context loop;
    bool is_made = false;
    {
        ControlCalls calls(loop, 3);
        ASSERT_TRUE(calls.post([&] { is_made = true; }));
    }
    loop.run();
    EXPECT_FALSE(is_made);
}

}  // namespace
}  // namespace tinc::io
