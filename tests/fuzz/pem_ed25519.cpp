// A text as a key or host file with Ed25519 keys. What is accepted must survive being written.

#include "tinc/crypto/ed25519.hpp"

#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tinc;
    const auto text = as_text(std::as_bytes(std::span(data, size)));
    if (const auto key = crypto::Ed25519PublicKey::parse(text))
        TINC_ASSERT(crypto::Ed25519PublicKey::parse(key->text()).value() == *key);
    if (const auto found = crypto::find_public_key(text, "fuzz"); found && *found) {
        const auto again = crypto::find_public_key(crypto::public_key_block(**found), "again");
        TINC_ASSERT(again && *again == **found);
    }
    if (const auto found = crypto::find_private_key(text, "fuzz"); found && *found) {
        const auto block = crypto::private_key_block(**found);
        const auto again = crypto::find_private_key(block, "again");
        TINC_ASSERT(again && *again && crypto::private_key_block(**again) == block);
        if ((*found)->is_consistent())
            TINC_ASSERT(
                (*found)->public_key().verify(as_bytes("x"), (*found)->sign(as_bytes("x"))));
    }
    return 0;
}
