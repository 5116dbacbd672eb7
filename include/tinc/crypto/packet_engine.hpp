#pragma once

#include <memory>

namespace tinc::crypto {

/// What a thread needs to work on many packets at once: the lanes of its processor's vector units,
/// filled with one packet each, and memory for them (about 200 kB). One for each thread that seals
/// or opens; keys are not bound to it. Where the build or the processor has nothing of the kind it
/// is empty, and packets are worked on one after the other.
class PacketEngine {
  public:
    PacketEngine();
    PacketEngine(PacketEngine&&) noexcept;
    PacketEngine& operator=(PacketEngine&&) noexcept;
    ~PacketEngine();

    struct Lanes;
    /// For this room alone; null if there are none.
    [[nodiscard]] Lanes* lanes() const { return lanes_.get(); }

  private:
    struct WipedFree {
        void operator()(Lanes* lanes) const;
    };
    std::unique_ptr<Lanes, WipedFree> lanes_;
};

}  // namespace tinc::crypto
