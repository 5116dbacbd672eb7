#pragma once

// The memory of the data path. A Packet is one buffer with room before and after its bytes, so
// that headers, padding and MACs are added in place; a Batch is a fixed set of them, filled by
// one read of a device or socket and emptied before the next. Nothing here allocates per packet.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/limits.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

namespace tinc::packet {

/// A VPN frame or a datagram in a buffer. Always begins as an empty packet at `headroom`.
class Packet {
  public:
    static constexpr std::size_t headroom = 64;
    static constexpr std::size_t capacity = 2048;

    [[nodiscard]] MutableBytes bytes() { return {buffer_.data() + start_, size_}; }
    [[nodiscard]] Bytes bytes() const { return {buffer_.data() + start_, size_}; }
    [[nodiscard]] std::size_t size() const { return size_; }
    /// How far resize() may go.
    [[nodiscard]] std::size_t room() const { return capacity - start_; }
    /// How far grow_front() may go.
    [[nodiscard]] std::size_t front_room() const { return start_; }

    /// Everything from the start to the end of the buffer, to receive into; then resize().
    [[nodiscard]] MutableBytes space() { return {buffer_.data() + start_, room()}; }

    void clear() {
        start_ = headroom;
        size_ = 0;
    }
    void resize(std::size_t size) {
        TINC_ASSERT(size <= room());
        size_ = size;
    }
    void grow_front(std::size_t count) {
        TINC_ASSERT(count <= start_);
        start_ -= count;
        size_ += count;
    }
    void shrink_front(std::size_t count) {
        TINC_ASSERT(count <= size_);
        start_ += count;
        size_ -= count;
    }
    /// Replaces the bytes; `bytes` is at most capacity - headroom long.
    void assign(Bytes bytes) {
        clear();
        resize(bytes.size());
        if (!bytes.empty()) std::memcpy(buffer_.data() + start_, bytes.data(), bytes.size());
    }

  private:
    std::size_t start_ = headroom;
    std::size_t size_ = 0;
    std::array<std::byte, capacity> buffer_;
};

static_assert(Packet::capacity - Packet::headroom >= limits::datagram_bytes + 64);

/// Up to limits::batch_packets packets in one block of memory, allocated once.
class Batch {
  public:
    Batch() : packets_(std::make_unique<std::array<Packet, limits::batch_packets>>()) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool is_full() const { return size_ == limits::batch_packets; }
    [[nodiscard]] bool is_empty() const { return size_ == 0; }
    /// The next packet, cleared. Not on a full batch.
    Packet& add() {
        TINC_ASSERT(!is_full());
        auto& packet = (*packets_)[size_++];
        packet.clear();
        return packet;
    }
    /// Takes back the last add().
    void drop_last() {
        TINC_ASSERT(size_ > 0);
        --size_;
    }
    void clear() { size_ = 0; }
    [[nodiscard]] Packet& operator[](std::size_t i) {
        TINC_ASSERT(i < size_);
        return (*packets_)[i];
    }

  private:
    std::unique_ptr<std::array<Packet, limits::batch_packets>> packets_;
    std::size_t size_ = 0;
};

}  // namespace tinc::packet
