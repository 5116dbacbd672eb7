#pragma once

#include "tinc/base/limits.hpp"
#include "tinc/base/random.hpp"
#include "tinc/base/time.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_set>

namespace tinc::mesh {

/// The floods that have passed by, so that each goes around the mesh once. Keeps hashes under a
/// secret of this process instead of lines; the oldest leave at limits::seen_requests.
class SeenRequests {
  public:
    explicit SeenRequests(RandomSource& random);

    /// Whether the line was seen before; it has been from now on.
    [[nodiscard]] bool was_seen(std::string_view line, Time now);
    /// Forgets what is at least `age` old. Returns how many.
    std::size_t forget_older_than(Duration age, Time now);
    void forget_all() {
        hashes_.clear();
        order_.clear();
    }
    [[nodiscard]] std::size_t size() const { return order_.size(); }

  private:
    struct Entry {
        std::size_t hash;
        Time seen;
    };
    std::string salt_;
    std::unordered_set<std::size_t> hashes_;
    std::deque<Entry> order_;
};

}  // namespace tinc::mesh
