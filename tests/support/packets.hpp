#pragma once

#include "tinc/base/random.hpp"
#include "tinc/packet/packet.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <vector>

namespace tinc::test {

/// Packets as a batch takes them.
class Packets {
  public:
    void add(Bytes bytes) {
        storage_.push_back(std::make_unique<packet::Packet>());
        storage_.back()->assign(bytes);
        pointers_.push_back(storage_.back().get());
    }
    [[nodiscard]] std::span<packet::Packet* const> all() const { return pointers_; }
    [[nodiscard]] std::size_t size() const { return pointers_.size(); }
    packet::Packet& operator[](std::size_t i) { return *pointers_[i]; }

  private:
    std::vector<std::unique_ptr<packet::Packet>> storage_;
    std::vector<packet::Packet*> pointers_;
};

[[nodiscard]] inline bool is_same(const packet::Packet& a, const packet::Packet& b) {
    return std::ranges::equal(a.bytes(), b.bytes());
}

/// Some byte of a packet that has one.
[[nodiscard]] inline std::size_t place_in(const packet::Packet& packet, RandomSource& random) {
    return random.below(static_cast<std::uint32_t>(packet.size()));
}

}  // namespace tinc::test
