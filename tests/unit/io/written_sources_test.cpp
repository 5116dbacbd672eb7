#include "io/written_sources.hpp"

#include <gtest/gtest.h>

#include <array>

namespace tinc::io {
namespace {

using std::chrono::milliseconds;

/// The beginning of a frame from the n-th machine.
std::array<std::byte, 14> frame_from(unsigned n) {
    std::array<std::byte, 14> frame{};
    frame[10] = static_cast<std::byte>(n >> 8U);
    frame[11] = static_cast<std::byte>(n & 0xffU);
    return frame;
}

const Time start{};

TEST(WrittenSourcesTest, KnowTheEchoesOfSeveralFrames) {
    WrittenSources written;
    for (const unsigned n : {1U, 2U, 3U}) written.note(frame_from(n), start);
    for (const unsigned n : {1U, 2U, 3U}) EXPECT_TRUE(written.is_echo(frame_from(n), start)) << n;
    EXPECT_FALSE(written.is_echo(frame_from(4), start));
}

TEST(WrittenSourcesTest, ForgetAMachineThatMayHaveMoved) {
    WrittenSources written;
    written.note(frame_from(1), start);
    EXPECT_TRUE(written.is_echo(frame_from(1), start + milliseconds(999)));
    EXPECT_FALSE(written.is_echo(frame_from(1), start + milliseconds(1000)));
}

TEST(WrittenSourcesTest, TakeNothingForAnEchoAtFirst) {
    EXPECT_FALSE(WrittenSources().is_echo(frame_from(0), start));
}

TEST(WrittenSourcesTest, IgnoreWhatIsTooShortToHaveASource) {
    WrittenSources written;
    const std::array<std::byte, 11> stub{};
    written.note(stub, start);
    EXPECT_FALSE(written.is_echo(stub, start));
}

}  // namespace
}  // namespace tinc::io
