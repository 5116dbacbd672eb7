#include "io/port_forwarder.hpp"

#include "support/recorded_log.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::io {
namespace {

using namespace std::chrono_literals;
using config::PortForwarding;
using testing::ElementsAre;
using testing::IsEmpty;

Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

const std::vector listening = {endpoint("0.0.0.0", 655),   endpoint("::", 655),
                               endpoint("10.0.0.1", 655),  endpoint("10.0.0.1", 700),
                               endpoint("127.0.0.1", 800), endpoint("::", 900)};

std::vector<ForwardedPort> ports_for(PortForwarding upnp) {
    config::Settings settings;
    settings.upnp = upnp;
    return forwarding_request(settings, listening).ports;
}

TEST(ForwardingRequestTest, NamesEachPortThatARouterCanForwardOnce) {
    EXPECT_THAT(ports_for(PortForwarding::yes),
                ElementsAre(ForwardedPort{655, true}, ForwardedPort{655, false},
                            ForwardedPort{700, true}, ForwardedPort{700, false}));
    EXPECT_THAT(ports_for(PortForwarding::udp_only),
                ElementsAre(ForwardedPort{655, false}, ForwardedPort{700, false}));
    EXPECT_THAT(ports_for(PortForwarding::no), IsEmpty());
}

TEST(ForwardingRequestTest, TheRouterForgetsAfterTwoPeriods) {
    config::Settings settings;
    settings.upnp_discover_wait = 7s;
    settings.upnp_refresh_period = 30s;
    const auto request = forwarding_request(settings, listening);
    EXPECT_EQ(request.discover_wait, 7s);
    EXPECT_EQ(request.lease, 60s);
}

// Counters, since a thread of which nobody knows how long it lives must not point to a test.
std::atomic<int> asked = 0;
std::atomic<bool> is_hanging = false;

class PortForwarderTest : public testing::Test {
  protected:
    PortForwarderTest() { asked = 0; }

    void run_until_asked(int times) {
        while (asked < times) loop_.run_one();
        while (loop_.poll_one() > 0) continue;
    }

    test::RecordedLog log_;
    asio::io_context loop_;
    asio::executor_work_guard<asio::io_context::executor_type> guard_ =
        asio::make_work_guard(loop_);
};

TEST_F(PortForwarderTest, AsksAgainAndTellsWhatHasChanged) {
    PortForwarder forwarder(loop_, log_, [](const ForwardingRequest&) -> Result<std::string> {
        if (++asked < 4) return failure(Errc::timed_out, "no router");
        return "forwarded";
    });
    forwarder.start({}, 1ms);
    run_until_asked(8);
    EXPECT_THAT(log_.lines, ElementsAre("no router", "forwarded"));
}

TEST_F(PortForwarderTest, ARouterThatHangsKeepsNobodyWaiting) {
    is_hanging = true;
    {
        PortForwarder forwarder(loop_, log_, [](const ForwardingRequest&) -> Result<std::string> {
            ++asked;
            is_hanging.wait(true);
            return "too late";
        });
        forwarder.start({}, 1ms);
        while (asked == 0) loop_.poll();
    }
    is_hanging = false;
    is_hanging.notify_all();
    loop_.poll();
    EXPECT_THAT(log_.lines, IsEmpty());
}

}  // namespace
}  // namespace tinc::io
