#pragma once

// Ends of a handshake with the golden keys, and what goes through them.

#include "support/golden_keys.hpp"
#include "tinc/legacy/handshake.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace tinc::legacy::test {

using tinc::test::golden_private_key;
using tinc::test::golden_public_key;

inline const std::string peer_label = "beta (10.99.1.2 port 42705)";

inline Handshake handshake(Role role, RandomSource& random, std::string_view own = "alpha",
                           std::string_view peer = "beta",
                           std::string_view packet_cipher = "aes-256-cbc") {
    return {role,
            golden_private_key(own),
            golden_public_key(peer),
            meta_cipher_for(crypto::cipher_by_name(packet_cipher).value()),
            random,
            peer_label};
}

inline std::string decrypted(Handshake& handshake, std::vector<std::byte> bytes) {
    EXPECT_TRUE(handshake.decrypt(bytes));
    return std::string(as_text(bytes));
}

inline std::string encrypted_hex(Handshake& handshake, std::string text) {
    EXPECT_TRUE(handshake.encrypt(std::as_writable_bytes(std::span(text))));
    return hex_text(as_bytes(text));
}

inline std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

}  // namespace tinc::legacy::test
