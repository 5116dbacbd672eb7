#include "tinc/crypto/packet_sealer.hpp"

#include "packet_lanes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace tinc::crypto {

namespace {

/// As many packets as the widest lanes take at once.
constexpr std::size_t widest = 16;

/// How many of `count` packets the lanes are to take: all, or what fills them when the rest is
/// faster without.
std::size_t share_of_lanes(std::size_t count, std::size_t fewest) {
    const auto rest = count % widest;
    return rest < fewest ? count - rest : count;
}

}  // namespace

/// A key in one direction, for one packet after the other and for lanes.
class KeyedSuite {
  public:
    static Result<std::unique_ptr<KeyedSuite>> create(const CipherSpec& cipher,
                                                      const DigestSpec& digest,
                                                      std::size_t mac_bytes, Bytes material,
                                                      Direction direction);

    KeyedSuite(const CipherSpec& cipher_spec, const DigestSpec& digest_spec, std::size_t mac_bytes,
               Bytes material, PacketCipher cipher, std::optional<Hmac> mac)
        : cipher_spec_(cipher_spec),
          digest_spec_(digest_spec),
          mac_bytes_(mac_bytes),
          material_(Secret::copy_of(material)),
          cipher_(std::move(cipher)),
          mac_(std::move(mac)) {}

    [[nodiscard]] std::size_t sealed_bytes(std::size_t plain_bytes) const {
        return cipher_.output_bound(plain_bytes) + mac_bytes_;
    }
    [[nodiscard]] bool recognises(Bytes sealed) noexcept;
    void seal(std::span<PacketText> packets, PacketLanes* lanes) noexcept;
    void open(std::span<PacketText> packets, PacketLanes* lanes) noexcept;

  private:
    void expand(PacketLanes& lanes);
    void encrypt(std::span<PacketText> packets, PacketLanes* lanes);
    void decrypt(std::span<PacketText> packets, PacketLanes* lanes);
    void sign(std::span<PacketText> packets, PacketLanes* lanes);
    void verify(std::span<PacketText> packets, PacketLanes* lanes);
    [[nodiscard]] std::size_t macs_of_lanes(std::span<const PacketText> packets,
                                            std::size_t empty_bytes, PacketLanes* lanes) const;
    void apply_cipher(PacketText& packet);

    CipherSpec cipher_spec_;
    DigestSpec digest_spec_;
    std::size_t mac_bytes_;
    Secret material_;
    PacketCipher cipher_;
    std::optional<Hmac> mac_;  ///< nothing if packets go without

    // Only lanes can make their keys, so that happens with the first batch.
    bool is_expanded_ = false;
    bool has_cbc_key_ = false;
    bool has_mac_key_ = false;
    CbcKey cbc_key_;
    MacKey mac_key_;
};

Result<std::unique_ptr<KeyedSuite>> KeyedSuite::create(const CipherSpec& cipher,
                                                       const DigestSpec& digest,
                                                       std::size_t mac_bytes, Bytes material,
                                                       Direction direction) {
    if (digest.is_none()) mac_bytes = 0;
    std::optional<Hmac> mac;
    if (mac_bytes > 0) {
        if (mac_bytes > digest.bytes)
            return failure(Errc::malformed, "MAC length exceeds size of digest!");
        TINC_TRY(mac, Hmac::create(digest, material));
    }
    TINC_TRY(auto packet_cipher, PacketCipher::create(cipher, material, direction));
    return std::make_unique<KeyedSuite>(cipher, digest, mac_bytes, material,
                                        std::move(packet_cipher), std::move(mac));
}

void KeyedSuite::expand(PacketLanes& lanes) {
    if (std::exchange(is_expanded_, true)) return;
    const auto material = std::as_const(material_).bytes();
    has_cbc_key_ = lanes.expand(cipher_spec_, material, cbc_key_);
    has_mac_key_ = mac_ && lanes.expand(digest_spec_, material, mac_key_);
}

bool KeyedSuite::recognises(Bytes sealed) noexcept {
    if (!mac_ || sealed.size() < mac_bytes_) return false;
    return mac_->verify(sealed.first(sealed.size() - mac_bytes_), sealed.last(mac_bytes_));
}

void KeyedSuite::seal(std::span<PacketText> packets, PacketLanes* lanes) noexcept {
    if (lanes != nullptr) expand(*lanes);
    for (auto& packet : packets) packet.is_good = sealed_bytes(packet.size) <= packet.space.size();
    encrypt(packets, lanes);
    sign(packets, lanes);
}

void KeyedSuite::open(std::span<PacketText> packets, PacketLanes* lanes) noexcept {
    if (lanes != nullptr) expand(*lanes);
    for (auto& packet : packets) packet.is_good = packet.size >= mac_bytes_;
    verify(packets, lanes);
    decrypt(packets, lanes);
}

void KeyedSuite::encrypt(std::span<PacketText> packets, PacketLanes* lanes) {
    if (cipher_spec_.is_none()) return;
    const auto side_by_side =
        lanes != nullptr && has_cbc_key_ ? share_of_lanes(packets.size(), cbc_key_.fewest) : 0;
    if (side_by_side > 0) lanes->encrypt(cbc_key_, packets.first(side_by_side));
    for (auto& packet : packets.subspan(side_by_side)) apply_cipher(packet);
}

void KeyedSuite::decrypt(std::span<PacketText> packets, PacketLanes* lanes) {
    if (cipher_spec_.is_none()) return;
    if (lanes != nullptr && has_cbc_key_) return lanes->decrypt(cbc_key_, packets);
    for (auto& packet : packets) apply_cipher(packet);
}

void KeyedSuite::apply_cipher(PacketText& packet) {
    if (!packet.is_good) return;
    const auto done = cipher_.apply(packet.space.first(packet.size), packet.space);
    packet.is_good = done.has_value();
    if (done) packet.size = *done;
}

/// None of them if there is a packet without text, only `empty_bytes` long: its lane would spoil
/// the others.
std::size_t KeyedSuite::macs_of_lanes(std::span<const PacketText> packets, std::size_t empty_bytes,
                                      PacketLanes* lanes) const {
    if (lanes == nullptr || !has_mac_key_) return 0;
    if (std::ranges::any_of(packets, [&](const auto& packet) {
            return packet.is_good && packet.size == empty_bytes;
        }))
        return 0;
    return share_of_lanes(packets.size(), mac_key_.fewest);
}

void KeyedSuite::sign(std::span<PacketText> packets, PacketLanes* lanes) {
    if (!mac_) return;
    const auto side_by_side = macs_of_lanes(packets, 0, lanes);
    if (side_by_side > 0) lanes->sign(mac_key_, packets.first(side_by_side), mac_bytes_);
    for (auto& packet : packets.subspan(side_by_side)) {
        if (!packet.is_good) continue;
        mac_->sign(packet.space.first(packet.size), packet.space.subspan(packet.size, mac_bytes_));
        packet.size += mac_bytes_;
    }
}

void KeyedSuite::verify(std::span<PacketText> packets, PacketLanes* lanes) {
    if (!mac_) return;
    const auto side_by_side = macs_of_lanes(packets, mac_bytes_, lanes);
    if (side_by_side > 0) lanes->verify(mac_key_, packets.first(side_by_side), mac_bytes_);
    for (auto& packet : packets.subspan(side_by_side)) {
        if (!packet.is_good) continue;
        packet.is_good = recognises(packet.space.first(packet.size));
        packet.size -= mac_bytes_;
    }
}

Result<PacketSealer> PacketSealer::create(const CipherSpec& cipher, const DigestSpec& digest,
                                          std::size_t mac_bytes, Bytes material) {
    TINC_TRY(auto suite,
             KeyedSuite::create(cipher, digest, mac_bytes, material, Direction::encrypt));
    return PacketSealer(std::move(suite));
}

PacketSealer::PacketSealer(std::unique_ptr<KeyedSuite> suite) : suite_(std::move(suite)) {}
PacketSealer::PacketSealer(PacketSealer&&) noexcept = default;
PacketSealer& PacketSealer::operator=(PacketSealer&&) noexcept = default;
PacketSealer::~PacketSealer() = default;

std::size_t PacketSealer::sealed_bytes(std::size_t plain_bytes) const {
    return suite_->sealed_bytes(plain_bytes);
}
void PacketSealer::seal(std::span<PacketText> packets, PacketEngine& engine) noexcept {
    suite_->seal(packets, engine.lanes());
}
void PacketSealer::seal(std::span<PacketText> packets) noexcept { suite_->seal(packets, nullptr); }

Result<PacketOpener> PacketOpener::create(const CipherSpec& cipher, const DigestSpec& digest,
                                          std::size_t mac_bytes, Bytes material) {
    TINC_TRY(auto suite,
             KeyedSuite::create(cipher, digest, mac_bytes, material, Direction::decrypt));
    return PacketOpener(std::move(suite));
}

PacketOpener::PacketOpener(std::unique_ptr<KeyedSuite> suite) : suite_(std::move(suite)) {}
PacketOpener::PacketOpener(PacketOpener&&) noexcept = default;
PacketOpener& PacketOpener::operator=(PacketOpener&&) noexcept = default;
PacketOpener::~PacketOpener() = default;

bool PacketOpener::recognises(Bytes sealed) noexcept { return suite_->recognises(sealed); }
void PacketOpener::open(std::span<PacketText> packets, PacketEngine& engine) noexcept {
    suite_->open(packets, engine.lanes());
}
void PacketOpener::open(std::span<PacketText> packets) noexcept { suite_->open(packets, nullptr); }

}  // namespace tinc::crypto
