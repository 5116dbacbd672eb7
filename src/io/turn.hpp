#pragma once

namespace tinc::io {

/// The end of a turn: what must follow every call into the Node.
class Turn {
  public:
    Turn() = default;
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    virtual ~Turn() = default;

    /// Carries out the Node's effects, sends its packets and arms its timer. Harmless when called
    /// from within itself.
    virtual void finish() = 0;
};

}  // namespace tinc::io
