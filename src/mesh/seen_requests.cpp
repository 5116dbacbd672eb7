#include "tinc/mesh/seen_requests.hpp"

#include <array>
#include <functional>

namespace tinc::mesh {

SeenRequests::SeenRequests(RandomSource& random) {
    std::array<std::byte, 16> secret{};
    random.fill(secret);
    salt_.assign(reinterpret_cast<const char*>(secret.data()), secret.size());
}

bool SeenRequests::was_seen(std::string_view line, Time now) {
    const auto hash = std::hash<std::string>{}(salt_ + std::string(line));
    if (!hashes_.insert(hash).second) return true;
    order_.push_back({hash, now});
    if (order_.size() > limits::seen_requests) {
        hashes_.erase(order_.front().hash);
        order_.pop_front();
    }
    return false;
}

std::size_t SeenRequests::forget_older_than(Duration age, Time now) {
    std::size_t count = 0;
    for (; !order_.empty() && now - order_.front().seen >= age; ++count) {
        hashes_.erase(order_.front().hash);
        order_.pop_front();
    }
    return count;
}

}  // namespace tinc::mesh
