#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace tinc::crypto {

/// Calls work with `most` of the items at a time, and with what is left.
template <class T, class Work>
void in_batches(std::span<T> items, std::size_t most, Work work) {
    while (!items.empty()) {
        const auto count = std::min(items.size(), most);
        work(items.first(count));
        items = items.subspan(count);
    }
}

}  // namespace tinc::crypto
