// Lanes by ipsec-mb, Intel's library for what IPsec does with packets, which is what tinc 1.0 does:
// AES-CBC and HMAC. Encryption in CBC mode and digests work on one block after the other, each
// waiting for the one before; sixteen packets side by side fill the time and the vector registers.
//
// Everything here is synchronous: a batch of jobs goes in and is done.

#define NO_COMPAT_IMB_API_053  // or its header has macros in the names of OpenSSL's functions
#include "data_of.hpp"
#include "in_batches.hpp"
#include "packet_lanes.hpp"

#include "tinc/base/limits.hpp"

#include <intel-ipsec-mb.h>
#include <openssl/obj_mac.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace tinc::crypto {

namespace {

constexpr std::size_t batch = limits::batch_packets;
static_assert(batch <= IMB_MAX_BURST_SIZE);
constexpr std::size_t aes_block = 16;

/// A digest: where its code is, and from how many packets on it is faster than OpenSSL with one
/// after the other. Measured with 64, 208 and 1424 bytes on an AMD Zen 5 with AVX-512: for one
/// packet the lanes take four times as long as OpenSSL with SHA-NI, and hardly longer for sixteen.
struct Digest {
    int nid;
    IMB_HASH_ALG hmac;
    hash_one_block_t IMB_MGR::* one_block;
    std::size_t block_bytes;
    std::size_t fewest;
};
// clang-format off
constexpr std::array<Digest, 6> digests{{
    {NID_md5,    IMB_AUTH_MD5,          &IMB_MGR::md5_one_block,    64,  3},
    {NID_sha1,   IMB_AUTH_HMAC_SHA_1,   &IMB_MGR::sha1_one_block,   64,  4},
    {NID_sha224, IMB_AUTH_HMAC_SHA_224, &IMB_MGR::sha224_one_block, 64,  6},
    {NID_sha256, IMB_AUTH_HMAC_SHA_256, &IMB_MGR::sha256_one_block, 64,  6},
    {NID_sha384, IMB_AUTH_HMAC_SHA_384, &IMB_MGR::sha384_one_block, 128, 2},
    {NID_sha512, IMB_AUTH_HMAC_SHA_512, &IMB_MGR::sha512_one_block, 128, 2},
}};
// clang-format on
constexpr std::size_t longest_digest_block = 128;

/// The same for encryption. Blocks of one packet are decrypted side by side already.
constexpr std::size_t fewest_to_encrypt = 2;

const Digest* find_digest(int nid) {
    const auto found = std::ranges::find(digests, nid, &Digest::nid);
    return found == digests.end() ? nullptr : &*found;
}

void pad(PacketText& packet) {
    const std::size_t count = aes_block - packet.size % aes_block;
    std::ranges::fill(packet.space.subspan(packet.size, count), static_cast<std::byte>(count));
    packet.size += count;
}

void unpad(PacketText& packet) {
    const Bytes last = packet.space.subspan(packet.size - aes_block, aes_block);
    const auto count = std::to_integer<std::size_t>(last.back());
    packet.is_good =
        count >= 1 && count <= aes_block &&
        std::ranges::all_of(last.last(count), [&](std::byte b) { return b == last.back(); });
    if (packet.is_good) packet.size -= count;
}

class IpsecMb final : public PacketLanes {
  public:
    /// Null if the library finds itself unfit. Without AVX2 it is hardly better than OpenSSL.
    static std::unique_ptr<PacketLanes> create() {
        if ((imb_get_feature_flags() & IMB_FEATURE_AVX2) == 0) return nullptr;
        auto made = std::make_unique<IpsecMb>();
        if (imb_get_errno(made->manager_.get()) != 0) return nullptr;
        return made;
    }

    IpsecMb() : manager_(make_manager()) { init_mb_mgr_auto(manager_.get(), nullptr); }

    bool expand(const CipherSpec& spec, Bytes material, CbcKey& out) override;
    bool expand(const DigestSpec& spec, Bytes key, MacKey& out) override;
    void encrypt(const CbcKey& key, std::span<PacketText> packets) override;
    void decrypt(const CbcKey& key, std::span<PacketText> packets) override;
    void sign(const MacKey& key, std::span<PacketText> packets, std::size_t mac_bytes) override;
    void verify(const MacKey& key, std::span<PacketText> packets, std::size_t mac_bytes) override;
    void poly1305(std::span<OneTimeTag> tags) override;

  private:
    /// It has seen keys and packets.
    struct WipedFree {
        void operator()(IMB_MGR* manager) const {
            void* const memory = manager;
            wipe({static_cast<std::byte*>(memory), imb_get_mb_mgr_size()});
            ::operator delete(memory, alignment);
        }
    };
    using Manager = std::unique_ptr<IMB_MGR, WipedFree>;
    static constexpr std::align_val_t alignment{64};

    static Manager make_manager() {
        void* const memory = ::operator new(imb_get_mb_mgr_size(), alignment);
        return Manager(imb_set_pointers_mb_mgr(memory, 0, 1));
    }

    void add_cbc(IMB_JOB& job, const CbcKey& key, const PacketText& packet);
    void run_cbc(std::size_t count, const CbcKey& key, IMB_CIPHER_DIRECTION direction);
    void add_mac(IMB_JOB& job, const MacKey& key, Bytes text, MutableBytes mac);
    void run_macs(std::size_t count, const MacKey& key);

    Manager manager_;
    std::array<IMB_JOB, batch> jobs_{};
    std::array<KeyMemory<64>, batch> macs_{};
};

bool IpsecMb::expand(const CipherSpec& spec, Bytes material, CbcKey& out) {
    if (spec.nid != NID_aes_128_cbc && spec.nid != NID_aes_192_cbc && spec.nid != NID_aes_256_cbc)
        return false;
    auto* const manager = manager_.get();
    const auto expand_key = spec.key_bytes == IMB_KEY_128_BYTES   ? manager->keyexp_128
                            : spec.key_bytes == IMB_KEY_192_BYTES ? manager->keyexp_192
                                                                  : manager->keyexp_256;
    expand_key(material.data(), out.encrypting.bytes.data(), out.decrypting.bytes.data());
    std::ranges::copy(material.subspan(spec.key_bytes, aes_block), out.iv.bytes.begin());
    out.key_bytes = spec.key_bytes;
    out.fewest = fewest_to_encrypt;
    return true;
}

bool IpsecMb::expand(const DigestSpec& spec, Bytes key, MacKey& out) {
    const auto* const digest = find_digest(spec.nid);
    // A longer key would be hashed first; no cipher that is used with packets has one.
    if (digest == nullptr || key.size() > digest->block_bytes) return false;
    const auto start = [&](std::byte pad, MutableBytes state) {
        KeyMemory<longest_digest_block> block;
        std::ranges::copy(key, block.bytes.begin());
        for (auto& b : block.bytes) b ^= pad;
        (manager_.get()->*digest->one_block)(block.bytes.data(), state.data());
    };
    start(std::byte{0x36}, out.inner.bytes);
    start(std::byte{0x5c}, out.outer.bytes);
    out.digest_nid = spec.nid;
    out.digest_bytes = spec.bytes;
    out.fewest = digest->fewest;
    return true;
}

void IpsecMb::add_cbc(IMB_JOB& job, const CbcKey& key, const PacketText& packet) {
    job.enc_keys = key.encrypting.bytes.data();
    job.dec_keys = key.decrypting.bytes.data();
    job.src = data_of(packet.space);
    job.dst = data_of(packet.space);
    job.cipher_start_src_offset_in_bytes = 0;
    job.msg_len_to_cipher_in_bytes = packet.size;
    job.iv = data_of(Bytes(key.iv.bytes));
    job.iv_len_in_bytes = aes_block;
}

void IpsecMb::run_cbc(std::size_t count, const CbcKey& key, IMB_CIPHER_DIRECTION direction) {
    if (count == 0) return;
    const auto jobs = static_cast<std::uint32_t>(count);
    const auto done =
        IMB_SUBMIT_CIPHER_BURST_NOCHECK(manager_.get(), jobs_.data(), jobs, IMB_CIPHER_CBC,
                                        direction, static_cast<IMB_KEY_SIZE_BYTES>(key.key_bytes));
    TINC_ASSERT(done == jobs);
}

void IpsecMb::encrypt(const CbcKey& key, std::span<PacketText> packets) {
    in_batches(packets, batch, [&](auto some) {
        std::size_t count = 0;
        for (auto& packet : some) {
            if (!packet.is_good) continue;
            pad(packet);
            add_cbc(jobs_[count++], key, packet);
        }
        run_cbc(count, key, IMB_DIR_ENCRYPT);
    });
}

void IpsecMb::decrypt(const CbcKey& key, std::span<PacketText> packets) {
    in_batches(packets, batch, [&](auto some) {
        std::size_t count = 0;
        for (auto& packet : some) {
            if (packet.size == 0 || packet.size % aes_block != 0) packet.is_good = false;
            if (packet.is_good) add_cbc(jobs_[count++], key, packet);
        }
        run_cbc(count, key, IMB_DIR_DECRYPT);
        for (auto& packet : some)
            if (packet.is_good) unpad(packet);
    });
}

void IpsecMb::add_mac(IMB_JOB& job, const MacKey& key, Bytes text, MutableBytes mac) {
    job.src = data_of(text);
    job.hash_start_src_offset_in_bytes = 0;
    job.msg_len_to_hash_in_bytes = text.size();
    job.auth_tag_output = data_of(mac);
    job.auth_tag_output_len_in_bytes = key.digest_bytes;
    job.u.HMAC._hashed_auth_key_xor_ipad = data_of(Bytes(key.inner.bytes));
    job.u.HMAC._hashed_auth_key_xor_opad = data_of(Bytes(key.outer.bytes));
}

void IpsecMb::run_macs(std::size_t count, const MacKey& key) {
    if (count == 0) return;
    auto* const manager = manager_.get();
    const auto hmac = find_digest(key.digest_nid)->hmac;
    if (hmac != IMB_AUTH_MD5) {
        const auto jobs = static_cast<std::uint32_t>(count);
        const auto done = IMB_SUBMIT_HASH_BURST_NOCHECK(manager, jobs_.data(), jobs, hmac);
        TINC_ASSERT(done == jobs);
        return;
    }
    // The only one that is not in that function.
    for (auto& job : std::span(jobs_).first(count)) {
        job.hash_alg = hmac;
        job.cipher_mode = IMB_CIPHER_NULL;
        job.cipher_direction = IMB_DIR_DECRYPT;
        job.chain_order = IMB_ORDER_HASH_CIPHER;
        *IMB_GET_NEXT_JOB(manager) = job;
        IMB_SUBMIT_JOB_NOCHECK(manager);
    }
    while (IMB_FLUSH_JOB(manager) != nullptr) {
    }
}

void IpsecMb::sign(const MacKey& key, std::span<PacketText> packets, std::size_t mac_bytes) {
    in_batches(packets, batch, [&](auto some) {
        std::size_t count = 0;
        for (const auto& packet : some) {
            if (!packet.is_good) continue;
            add_mac(jobs_[count], key, packet.space.first(packet.size), macs_[count].bytes);
            ++count;
        }
        run_macs(count, key);
        count = 0;
        for (auto& packet : some) {
            if (!packet.is_good) continue;
            const auto mac = std::span(macs_[count++].bytes).first(mac_bytes);
            std::ranges::copy(mac, packet.space.subspan(packet.size).begin());
            packet.size += mac_bytes;
        }
    });
}

void IpsecMb::verify(const MacKey& key, std::span<PacketText> packets, std::size_t mac_bytes) {
    in_batches(packets, batch, [&](auto some) {
        std::size_t count = 0;
        for (auto& packet : some) {
            if (!packet.is_good) continue;
            packet.size -= mac_bytes;
            add_mac(jobs_[count], key, packet.space.first(packet.size), macs_[count].bytes);
            ++count;
        }
        run_macs(count, key);
        count = 0;
        for (auto& packet : some) {
            if (!packet.is_good) continue;
            packet.is_good = equal_in_constant_time(Bytes(macs_[count++].bytes).first(mac_bytes),
                                                    packet.space.subspan(packet.size, mac_bytes));
        }
    });
}

void IpsecMb::poly1305(std::span<OneTimeTag> tags) {
    auto* const manager = manager_.get();
    for (auto& one : tags) {
        auto* const job = IMB_GET_NEXT_JOB(manager);
        job->src = data_of(one.text);
        job->hash_start_src_offset_in_bytes = 0;
        job->msg_len_to_hash_in_bytes = one.text.size();
        job->auth_tag_output = data_of(MutableBytes(one.tag));
        job->auth_tag_output_len_in_bytes = one.tag.size();
        job->u.POLY1305._key = one.key.bytes.data();
        job->hash_alg = IMB_AUTH_POLY1305;
        job->cipher_mode = IMB_CIPHER_NULL;
        job->cipher_direction = IMB_DIR_ENCRYPT;
        job->chain_order = IMB_ORDER_HASH_CIPHER;
        const auto* const done = IMB_SUBMIT_JOB_NOCHECK(manager);
        TINC_ASSERT(done == job);
    }
}

}  // namespace

std::unique_ptr<PacketLanes> make_ipsec_mb_lanes() { return IpsecMb::create(); }

}  // namespace tinc::crypto
