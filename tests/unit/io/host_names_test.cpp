#include "io/host_names.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tinc::io {
namespace {

constexpr const char* connected = "Connected to beta (192.0.2.7 port 655)";

class HostNamesTest : public testing::Test {
  protected:
    /// What the thread has found out comes as one turn of the loop for each question.
    void take_answers(int count) {
        auto guard = asio::make_work_guard(loop_);
        loop_.restart();
        while (count-- > 0) loop_.run_one();
    }
    asio::io_context loop_;
    HostNames names_{loop_, [](const Address& address) {
                         if (address == Address::parse("192.0.2.7")) return "beta.example.org";
                         if (address == Address::parse("2001:db8::7")) return "six.example.org";
                         return "";
                     }};
};

TEST_F(HostNamesTest, StandInPlaceOfAddressesOnceTheyAreKnown) {
    EXPECT_EQ(names_.edited(connected), connected) << "nobody waits for a name server";
    take_answers(1);
    EXPECT_EQ(names_.edited(connected), "Connected to beta (beta.example.org port 655)");
}

TEST_F(HostNamesTest, LeaveTheRestOfALineAsItIs) {
    static_cast<void>(names_.edited("2001:db8::7 port 1, 192.0.2.7 port 1, 192.0.2.8 port 1"));
    take_answers(3);
    EXPECT_EQ(
        names_.edited(" beta at 192.0.2.7 port 1 and 2001:db8::7 port 2, port 3 of 192.0.2.7"),
        " beta at beta.example.org port 1 and six.example.org port 2, port 3 of 192.0.2.7");
    EXPECT_EQ(names_.edited("192.0.2.8 port 1"), "192.0.2.8 port 1") << "it has no name";
    for (const auto* line : {"", " port ", "port port port ", "1.2.3 port 4", "any port 0"})
        EXPECT_EQ(names_.edited(line), line);
}

TEST_F(HostNamesTest, AreForgottenWhenThereAreTooMany) {
    static_cast<void>(names_.edited(connected));
    take_answers(1);
    ASSERT_NE(names_.edited(connected), connected);
    for (std::size_t i = 0; i < HostNames::most_names; ++i)
        static_cast<void>(names_.edited(fmt::format("10.0.{}.{} port 1", i / 256, i % 256)));
    EXPECT_EQ(names_.edited(connected), connected);
}

TEST(HostNameTest, IsNoAddressAndNoSentence) {
    EXPECT_TRUE(is_fit_to_show("pc-1.example_net.org"));
    for (const auto* name : {"", "10.0.0.1", "a b", "a)", "a\n", "::1", "x:1"})
        EXPECT_FALSE(is_fit_to_show(name)) << name;
}

}  // namespace
}  // namespace tinc::io
