// Byte 0 is the size of the window; every further two bytes move a little, or far, from the last
// accepted number. A set of the missing numbers says what is right, and no number is accepted
// twice.

#include "tinc/packet/replay_window.hpp"
#include "support/slow_window.hpp"
#include "tinc/base/error.hpp"

#include <algorithm>
#include <set>

namespace {

using Verdict = tinc::packet::ReplayWindow::Verdict;

std::uint32_t next_number(std::uint64_t last, unsigned kind, unsigned step) {
    constexpr unsigned middle = 128;
    auto next = last + 1;
    if (kind % 4 == 1) next = last + step;
    if (kind % 4 == 2) next = last + step - middle;
    if (kind % 4 == 3) next = last + (std::uint64_t{step} << (kind / 4 % 32));
    return static_cast<std::uint32_t>(next);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t size_bytes = 1 + data[0] % 40;
    tinc::packet::ReplayWindow window(size_bytes);
    tinc::test::SlowWindow model(size_bytes);
    std::set<std::uint32_t> accepted;
    for (std::size_t i = 1; i + 1 < std::min<std::size_t>(size, 2048); i += 2) {
        const auto number = next_number(model.last(), data[i], data[i + 1]);
        const auto verdict = window.accept(number);
        TINC_ASSERT(verdict == model.accept(number));
        TINC_ASSERT(window.last() == model.last());
        if (verdict == Verdict::fresh || verdict == Verdict::fresh_after_loss)
            TINC_ASSERT(accepted.insert(number).second);
    }
    return 0;
}
