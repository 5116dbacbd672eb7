#include "io/resolver.hpp"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tinc::io {
namespace {

using config::AddressFamily;

TEST(ResolverTest, ReadsNumericNames) {
    const auto v4 = resolve_now("192.0.2.1", "655", AddressFamily::any, Purpose::connect);
    ASSERT_TRUE(v4) << v4.error().what;
    ASSERT_EQ(v4->size(), 1U);
    EXPECT_EQ(v4->front().text(), "192.0.2.1 port 655");
    const auto v6 = resolve_now("2001:db8::1", "1", AddressFamily::any, Purpose::connect);
    ASSERT_TRUE(v6) << v6.error().what;
    EXPECT_EQ(v6->front().text(), "2001:db8::1 port 1");
}

TEST(ResolverTest, KeepsToTheAddressFamily) {
    const auto found = resolve_now("192.0.2.1", "655", AddressFamily::ipv6, Purpose::connect);
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().what.starts_with("192.0.2.1 port 655: ")) << found.error().what;
}

TEST(ResolverTest, ListensOnAllAddressesWithoutAName) {
    for (const std::string host : {"", "*"}) {
        const auto found = resolve_now(host, "655", AddressFamily::ipv4, Purpose::listen);
        ASSERT_TRUE(found) << found.error().what;
        EXPECT_EQ(found->front().text(), "0.0.0.0 port 655");
    }
}

TEST(ResolverTest, NamesAServiceThatDoesNotExist) {
    const auto found = resolve_now("127.0.0.1", "nosuchport", AddressFamily::any, Purpose::connect);
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().what.find("nosuchport"), std::string::npos);
}

TEST(ResolverTest, AnswersOnTheLoop) {
    asio::io_context loop;
    Resolver resolver(loop, AddressFamily::any);
    auto guard = asio::make_work_guard(loop);
    std::optional<Result<std::vector<Endpoint>>> answer;
    const auto here = std::this_thread::get_id();
    std::thread::id where;
    resolver.resolve("127.0.0.1", "7", [&](Result<std::vector<Endpoint>> found) {
        answer = std::move(found);
        where = std::this_thread::get_id();
        guard.reset();
    });
    EXPECT_FALSE(answer) << "answered before the loop ran";
    loop.run();
    ASSERT_TRUE(answer && *answer);
    EXPECT_EQ((*answer)->front().text(), "127.0.0.1 port 7");
    EXPECT_EQ(where, here);
}

TEST(BackgroundTest, DropsAnswersOnceItsOwnerIsGone) {
    asio::io_context loop;
    std::promise<void> may_end;
    std::promise<void> has_begun;
    bool was_answered = false;
    {
        Background background(loop, 1);
        ASSERT_TRUE(background.run(
            [&, end = may_end.get_future().share()] {
                has_begun.set_value();
                end.wait();
                return [&] { was_answered = true; };
            },
            [] {}));
        has_begun.get_future().wait();
    }  // does not wait for the thread
    may_end.set_value();
    loop.run();
    EXPECT_FALSE(was_answered);
}

TEST(BackgroundTest, AnswersForWorkThatThrows) {
    asio::io_context loop;
    const auto waiting = asio::make_work_guard(loop);
    Background background(loop, 1);
    bool has_failed = false;
    ASSERT_TRUE(background.run([]() -> Background::Answer { throw std::bad_alloc(); },
                               [&] { has_failed = true; }));
    loop.run_one();
    EXPECT_TRUE(has_failed);
}

TEST(BackgroundTest, RefusesMoreThanItsLimit) {
    asio::io_context loop;
    std::promise<void> may_end;
    Background background(loop, 1);
    std::size_t taken = 0;
    const auto end = may_end.get_future().share();
    const auto work = [end] {
        end.wait();
        return [] {};
    };
    while (taken < 2 * Background::queue_limit && background.run(work, [] {})) ++taken;
    may_end.set_value();
    EXPECT_GE(taken, Background::queue_limit);
    EXPECT_LE(taken, Background::queue_limit + 1);
}

}  // namespace
}  // namespace tinc::io
