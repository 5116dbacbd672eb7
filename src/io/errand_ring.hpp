#pragma once

#include "tinc/packet/packet.hpp"
#include "tinc/plane/share.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tinc::io {

/// Packets that one thread leaves to another, in batches: a ring without a lock, filled by the one
/// and emptied by the other.
class ErrandRing {
  public:
    class Load {
      public:
        [[nodiscard]] bool is_full() const { return packets.is_full(); }
        void add(Bytes bytes, const plane::Errand& errand) {
            errands_[packets.size()] = errand;
            packets.add().assign(bytes);
        }
        [[nodiscard]] std::span<const plane::Errand> errands() const {
            return std::span(errands_).first(packets.size());
        }

        packet::Batch packets;

      private:
        std::array<plane::Errand, limits::batch_packets> errands_;
    };

    // --- the thread that fills it --------------------------------------------------------------
    [[nodiscard]] std::size_t empty_loads() const {
        const auto written = written_.load(std::memory_order_relaxed);
        return loads_.size() - (written - read_.load(std::memory_order_acquire));
    }
    /// An empty load, the same until publish(). Null: all are on their way.
    [[nodiscard]] Load* empty_load() {
        if (empty_loads() == 0) return nullptr;
        return &loads_[written_.load(std::memory_order_relaxed) % loads_.size()];
    }
    void publish() { written_.fetch_add(1, std::memory_order_release); }

    // --- the thread that empties it ------------------------------------------------------------
    /// The oldest load, the same until release(). Null: there is none.
    [[nodiscard]] Load* oldest() {
        const auto read = read_.load(std::memory_order_relaxed);
        if (written_.load(std::memory_order_acquire) == read) return nullptr;
        return &loads_[read % loads_.size()];
    }
    void release() {
        loads_[read_.load(std::memory_order_relaxed) % loads_.size()].packets.clear();
        read_.fetch_add(1, std::memory_order_release);
    }

  private:
    static constexpr std::size_t cache_line_bytes = 64;

    std::array<Load, limits::errand_loads> loads_;
    alignas(cache_line_bytes) std::atomic<std::uint32_t> written_{0};
    alignas(cache_line_bytes) std::atomic<std::uint32_t> read_{0};
};

}  // namespace tinc::io
