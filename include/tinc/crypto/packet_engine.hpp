#pragma once

#include <memory>

namespace tinc::crypto {

class PacketLanes;

/// What a thread needs to work on many packets at once: the lanes of its processor's vector units,
/// each filled with a packet, and memory for them (about 200 kB). One for each thread that seals or
/// opens; keys are not bound to it. Where the build or the processor has nothing of the kind it is
/// empty, and packets are worked on one after the other.
class PacketEngine {
  public:
    PacketEngine();
    PacketEngine(PacketEngine&&) noexcept;
    PacketEngine& operator=(PacketEngine&&) noexcept;
    ~PacketEngine();

    /// For this room alone; null if it is empty.
    [[nodiscard]] PacketLanes* lanes() const { return lanes_.get(); }

  private:
    std::unique_ptr<PacketLanes> lanes_;
};

}  // namespace tinc::crypto
