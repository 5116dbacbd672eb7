#include "tinc/crypto/key_expansion.hpp"

#include "tinc/crypto/digest.hpp"

#include <algorithm>

namespace tinc::crypto {

Result<Secret> expand_key(Bytes secret, Bytes seed, std::size_t size_bytes) {
    TINC_TRY(const auto digest, digest_by_name("sha512"));
    TINC_TRY(auto mac, Hmac::create(digest, secret));
    Secret text(digest.bytes + seed.size());  // A(i) || seed
    std::ranges::copy(seed, text.bytes().subspan(digest.bytes).begin());
    Secret block(digest.bytes);
    Secret expanded(size_bytes);
    for (auto rest = expanded.bytes(); !rest.empty();) {
        mac.sign(text.bytes(), block.bytes());
        std::ranges::copy(block.bytes(), text.bytes().begin());
        mac.sign(text.bytes(), block.bytes());
        const auto part = rest.first(std::min(rest.size(), block.size()));
        std::ranges::copy(block.bytes().first(part.size()), part.begin());
        rest = rest.subspan(part.size());
    }
    return expanded;
}

}  // namespace tinc::crypto
