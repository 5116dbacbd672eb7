#include "tinc/crypto/node_id.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <span>

namespace tinc::crypto {

NodeId node_id_of(std::string_view name) {
    std::array<unsigned char, crypto_hash_sha512_BYTES> hash{};
    crypto_hash_sha512(hash.data(), reinterpret_cast<const unsigned char*>(name.data()),
                       name.size());
    NodeId id;
    std::ranges::copy(std::as_bytes(std::span(hash)).first<NodeId::size_bytes>(), id.bytes.begin());
    return id;
}

}  // namespace tinc::crypto
