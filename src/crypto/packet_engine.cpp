#include "tinc/crypto/packet_engine.hpp"

#include "packet_lanes.hpp"

namespace tinc::crypto {

#ifdef TINC_HAS_IPSEC_MB
PacketEngine::PacketEngine() : lanes_(make_ipsec_mb_lanes()) {}
#else
PacketEngine::PacketEngine() = default;
#endif

PacketEngine::PacketEngine(PacketEngine&&) noexcept = default;
PacketEngine& PacketEngine::operator=(PacketEngine&&) noexcept = default;
PacketEngine::~PacketEngine() = default;

}  // namespace tinc::crypto
